/* What the result of a call says about the worker's state. */
#include "worker.h"

typedef void learner(const struct fuzz_call *call);

static void
forget_pages_of(uint32_t slot)
{
    for (uint32_t i = 0; i < ARENA_PAGES; i++)
        if (now.arena[i].slot == slot)
            now.arena[i].prot = 0;
}

static void
plant(uint64_t slot, enum exo_type type, uint32_t base, uint32_t count)
{
    slot_set(slot,
             (struct slot){
                 .type = (uint8_t)type, .rights = EXO_RIGHTS_ALL, .base = base, .count = count});
}

static void
learn_create(const struct fuzz_call *call)
{
    static const uint8_t types[EXO_CALL_COUNT] = {
        [EXO_CALL_cell_create] = EXO_TYPE_CELL,
        [EXO_CALL_env_create] = EXO_TYPE_ENV,
        [EXO_CALL_notification_create] = EXO_TYPE_NOTIFICATION,
        [EXO_CALL_endpoint_create] = EXO_TYPE_ENDPOINT,
        [EXO_CALL_irq_open] = EXO_TYPE_IRQ,
        [EXO_CALL_queue_open] = EXO_TYPE_QUEUE,
    };
    plant(call->x[1], (enum exo_type)types[call->number], 0, 0);
    if (call->number == EXO_CALL_queue_open) /* or an extent, or a port */
        slot_suspect(call->x[1]);
}

static void
learn_vcpu_create(const struct fuzz_call *call)
{
    plant(call->x[1], EXO_TYPE_VCPU, 0, 0);
    if (call->x[0] == EXO_SELF && call->x[1] < SLOTS && !now.slots[call->x[1]].keep)
        now.slots[call->x[1]].control = 1 + (uint32_t)((call->x[3] - CONTROL_VA) / PAGE);
}

static void
learn_alloc(const struct fuzz_call *call)
{
    plant(call->x[1], EXO_TYPE_FRAMES, (uint32_t)call->result[1], (uint32_t)call->result[2]);
}

static void
learn_split(const struct fuzz_call *call)
{
    struct slot first = *slot_at(call->x[0]);
    uint32_t at = (uint32_t)call->x[1];
    plant(call->x[2], EXO_TYPE_FRAMES, first.base + at, first.count - at);
    first.count = at;
    slot_set(call->x[0], first);
}

static void
learn_copy(const struct fuzz_call *call)
{
    struct slot copy = *slot_at(call->x[0]);
    if (call->x[1] != EXO_SELF || copy.type == EXO_TYPE_NONE) {
        slot_suspect(call->x[1] == EXO_SELF ? call->x[2] : EXO_NONE);
        return;
    }
    copy.rights = (uint8_t)call->x[3];
    copy.keep = 0;
    if (call->x[5] != 0) {
        copy.base = (uint32_t)call->x[4];
        copy.count = (uint32_t)call->x[5];
    }
    slot_set(call->x[2], copy);
}

static void
learn_move(const struct fuzz_call *call)
{
    struct slot moved = *slot_at(call->x[0]);
    slot_clear(call->x[0]);
    forget_pages_of((uint32_t)call->x[0]);
    if (call->x[1] == EXO_SELF) {
        moved.keep = 0;
        slot_set(call->x[2], moved);
    }
}

static void
learn_drop(const struct fuzz_call *call)
{
    slot_clear(call->x[0]);
    forget_pages_of((uint32_t)call->x[0]);
}

static void
learn_revoke(const struct fuzz_call *call)
{
    forget_pages_of((uint32_t)call->x[0]);
}

static void
learn_info(const struct fuzz_call *call)
{
    const struct exo_cap_info *info = &info_buffer;
    if (call->x[1] != exo_address(info))
        return;
    const struct slot *before = slot_at(call->x[0]);
    bool same = before->type == info->type;
    bool peer = call->x[0] - FUZZ_SLOT_PEER < FUZZ_PEERS;
    bool risky = peer || info->object == now.risky[0] || info->object == now.risky[1];
    if (call->x[0] == EXO_BOOT_VCPU || call->x[0] == EXO_BOOT_ENV)
        now.risky[call->x[0] == EXO_BOOT_ENV] = info->object;
    slot_set(call->x[0], (struct slot){.type = (uint8_t)info->type,
                                       .rights = (uint8_t)info->rights,
                                       .risky = risky || (same && before->risky),
                                       .control = same ? before->control : 0,
                                       .base = (uint32_t)info->base_or_badge,
                                       .count = info->count,
                                       .consumed = same ? before->consumed : 0});
}

static void
learn_received(const struct fuzz_call *call)
{
    bool is_call = call->number == EXO_CALL_call;
    uint64_t slot = call->number == EXO_CALL_receive ? call->x[1] : call->x[6];
    now.serving = is_call ? now.serving : true;
    if (call->result[is_call ? 5 : 6] != 0)
        slot_suspect(slot);
}

static void
learn_reply(const struct fuzz_call *call)
{
    (void)call;
    now.serving = false;
}

static void
set_consumed(uint64_t slot, uint64_t consumed)
{
    struct slot queue = *slot_at(slot);
    queue.consumed = (uint16_t)consumed;
    slot_set(slot, queue);
}

static void
learn_submit(const struct fuzz_call *call)
{
    set_consumed(call->x[0], call->result[1]);
}

/* Right where the queue began at 0. */
static void
learn_queue_info(const struct fuzz_call *call)
{
    const struct exo_queue_info *info = (const struct exo_queue_info *)(const void *)bytes_buffer;
    if (call->x[1] == exo_address(info))
        set_consumed(call->x[0], info->completed);
}

static learner *const learners[EXO_CALL_COUNT] = {
    [EXO_CALL_cap_copy] = learn_copy,          [EXO_CALL_cap_move] = learn_move,
    [EXO_CALL_cap_drop] = learn_drop,          [EXO_CALL_cap_revoke] = learn_revoke,
    [EXO_CALL_cap_info] = learn_info,          [EXO_CALL_cell_create] = learn_create,
    [EXO_CALL_env_create] = learn_create,      [EXO_CALL_notification_create] = learn_create,
    [EXO_CALL_endpoint_create] = learn_create, [EXO_CALL_vcpu_create] = learn_vcpu_create,
    [EXO_CALL_frames_alloc] = learn_alloc,     [EXO_CALL_frames_split] = learn_split,
    [EXO_CALL_call] = learn_received,          [EXO_CALL_receive] = learn_received,
    [EXO_CALL_reply_receive] = learn_received, [EXO_CALL_reply] = learn_reply,
    [EXO_CALL_irq_open] = learn_create,        [EXO_CALL_queue_open] = learn_create,
    [EXO_CALL_queue_submit] = learn_submit,    [EXO_CALL_queue_info] = learn_queue_info,
};

/* --- Mappings: as far as they were done ------------------------------------------------------- */

static void
learn_pages(const struct exo_map *entry, uint64_t pages, uint32_t prot)
{
    uint64_t at = (entry->va - ARENA_VA) / PAGE;
    for (uint64_t i = 0; i < pages && at + i < ARENA_PAGES; i++) {
        now.arena[at + i] =
            (struct page){.slot = entry->slot, .first = entry->first + (uint32_t)i, .prot = prot};
    }
}

static void
learn_maps(const struct fuzz_call *call)
{
    uint64_t left = call->result[1];
    if (call->x[0] != EXO_SELF || call->x[1] != exo_address(map_buffer))
        return;
    for (uint32_t i = 0; i < call->x[2] && i < EXO_MAP_ENTRIES_MAX && left > 0; i++) {
        const struct exo_map *entry = &map_buffer[i];
        uint64_t pages = left < entry->pages ? left : entry->pages;
        learn_pages(entry, pages, call->number == EXO_CALL_unmap ? 0 : entry->prot);
        left -= pages;
    }
}

/* The mapping at the first entry is not what was believed. */
static void
doubt_pages(const struct fuzz_call *call, int64_t status)
{
    if (call->x[0] == EXO_SELF && call->x[1] == exo_address(map_buffer)) {
        if (status == EXO_E_OCCUPIED)
            learn_pages(&map_buffer[0], 1, EXO_PROT_READ);
        else if (status == EXO_E_RANGE && call->number == EXO_CALL_protect)
            learn_pages(&map_buffer[0], 1, 0);
        else
            slot_suspect(map_buffer[0].slot);
    }
}

static bool
is_mapping(uint64_t number)
{
    return number == EXO_CALL_map || number == EXO_CALL_unmap || number == EXO_CALL_protect;
}

static void
learn_refusal(const struct fuzz_call *call, int64_t status)
{
    bool of_frames = call->number == EXO_CALL_queue_region && one_in(2);
    uint64_t first = call->x[of_frames];
    switch (status) {
    case EXO_E_SLOT:
        if (call->number == EXO_CALL_cap_info || call->number == EXO_CALL_cap_drop)
            slot_clear(first);
        else
            slot_suspect(first);
        break;
    case EXO_E_GONE:
        if (call->number == EXO_CALL_cap_info) {
            slot_set(first, (struct slot){.type = SLOT_DYING});
            break;
        }
        slot_suspect(first);
        break;
    case EXO_E_TYPE:
    case EXO_E_RIGHT:
    case EXO_E_RANGE: slot_suspect(first); break;
    case EXO_E_OCCUPIED:
        slot_suspect(call->number == EXO_CALL_cap_copy || call->number == EXO_CALL_cap_move ||
                             call->number == EXO_CALL_frames_split
                         ? call->x[2]
                         : call->x[1]);
        break;
    case EXO_E_STATE:
        now.serving =
            call->number == EXO_CALL_receive || (now.serving && call->number != EXO_CALL_reply);
        break;
    case EXO_E_RESET: /* it is to be dropped, after a while */
        if (one_in(3))
            slot_set(call->x[0], (struct slot){.type = SLOT_DYING});
        break;
    case EXO_E_LIMIT: now.tight = true; break;
    default: break;
    }
}

void
learn(const struct fuzz_call *call)
{
    int64_t status = (int64_t)call->result[0];
    if (call->number >= EXO_CALL_COUNT)
        return;
    if (call->number == EXO_CALL_reply_receive && status != EXO_E_SLOT)
        now.serving = false;
    if (is_mapping(call->number)) {
        learn_maps(call);
        if (status != EXO_OK && status != EXO_E_AGAIN)
            doubt_pages(call, status);
    } else if (status == EXO_OK && learners[call->number] != NULL) {
        learners[call->number](call);
    } else if (status != EXO_OK) {
        learn_refusal(call, status);
    }
}

/* Arguments of calls on capabilities, cells and memory. */
#include "worker.h"

static void
gen_cap_copy(uint64_t *x)
{
    x[0] = one_in(8) ? pick(EXO_TYPE_NONE, EXO_COPY) : pick_other(EXO_TYPE_NONE, EXO_COPY);
    x[1] = pick_env(EXO_CONTROL);
    x[2] = x[1] == EXO_SELF ? pick_empty() : below(SLOTS);
    const struct slot *slot = slot_at(x[0]);
    x[3] = one_in(3) ? below(32) & slot->rights : slot->rights;
    if (slot->type == EXO_TYPE_FRAMES || slot->type == EXO_TYPE_CPU ||
        slot->type == EXO_TYPE_DEVICE) {
        if (slot->count > 1 && one_in(2)) {
            x[4] = slot->base + below(slot->count);
            x[5] = 1 + below(slot->base + slot->count - (uint32_t)x[4]);
        }
    } else if (slot->type == EXO_TYPE_ENDPOINT || slot->type == EXO_TYPE_NOTIFICATION) {
        x[4] = one_in(3) ? 0 : 1ull << below(64);
    }
}

static void
gen_cap_move(uint64_t *x)
{
    x[0] = pick_other(EXO_TYPE_NONE, 0);
    x[1] = one_in(3) ? pick(EXO_TYPE_ENV, EXO_CONTROL) : EXO_SELF;
    x[2] = x[1] == EXO_SELF ? pick_empty() : below(SLOTS);
}

static void
gen_cap_drop(uint64_t *x)
{
    x[0] = one_in(8) && have((enum exo_type)SLOT_DYING, 0)
               ? pick_other((enum exo_type)SLOT_DYING, 0)
               : pick_other(EXO_TYPE_NONE, 0);
}

static void
gen_any(uint64_t *x)
{
    x[0] = pick(EXO_TYPE_NONE, 0);
}

static void
gen_cap_info(uint64_t *x)
{
    x[0] = pick(EXO_TYPE_NONE, 0);
    x[1] = pick_buffer(&info_buffer);
}

static void
gen_cap_extend(uint64_t *x)
{
    x[0] = pick_env(EXO_CONTROL);
    x[1] = one_in(8) ? pick_odd() : below(8);
}

static uint64_t
pick_cell(void)
{
    return below(3) ? EXO_BOOT_CELL : pick(EXO_TYPE_CELL, EXO_WRITE);
}

static void
fill_limits(void)
{
    limits_buffer = (struct exo_limits){
        .size = sizeof(limits_buffer),
        .version = one_in(40) ? below(4) : EXO_ABI_VERSION,
        .limit = {below(200), 64 * below(12), below(4), below(4)},
    };
    if (one_in(30))
        limits_buffer.limit[below(EXO_RES_COUNT)] = (uint32_t)pick_odd();
}

static void
gen_cell_create(uint64_t *x)
{
    fill_limits();
    x[0] = pick_cell();
    x[1] = pick_empty();
    x[2] = pick_buffer(&limits_buffer);
}

static void
gen_cell_limits(uint64_t *x)
{
    fill_limits();
    x[0] = pick_other(EXO_TYPE_CELL, EXO_CONTROL);
    x[1] = pick_buffer(&limits_buffer);
}

static void
gen_cell_info(uint64_t *x)
{
    x[0] = pick(EXO_TYPE_CELL, EXO_READ);
    x[1] = pick_buffer(bytes_buffer);
}

static void
gen_cell_reap(uint64_t *x)
{
    x[0] = pick(EXO_TYPE_CELL, EXO_CONTROL);
}

static void
gen_cell_reclaim(uint64_t *x)
{
    x[0] = pick(EXO_TYPE_CELL, EXO_CONTROL);
    x[1] = below(200);
    x[2] = one_in(20) ? pick_odd() : below(20000);
}

static void
gen_frames_alloc(uint64_t *x)
{
    x[0] = pick_cell();
    x[1] = pick_empty();
    x[2] = 1 + below(one_in(4) ? 64 : 8);
    x[3] = below(2);
    switch (below(24)) {
    case 0:
        x[2] = 512;
        x[3] = EXO_ALLOC_BLOCK;
        break;
    case 1:
    case 2:
        x[3] = EXO_ALLOC_AT;
        x[4] = 0x40000 + below(0x10000);
        break;
    case 3: x[2] = pick_odd(); break;
    case 4:
        x[2] = below(4097);
        x[3] = below(5);
        break;
    default: break;
    }
}

static void
gen_frames_split(uint64_t *x)
{
    x[0] = pick_other(EXO_TYPE_FRAMES, EXO_CONTROL);
    uint32_t count = slot_at(x[0])->count;
    x[1] = count > 1 ? 1 + below(count - 1) : below(4);
    x[2] = pick_empty();
}

static void
gen_env_move(uint64_t *x)
{
    x[0] = pick_env(EXO_READ | EXO_WRITE);
    x[1] = one_in(16) ? pick_odd() : ARENA_VA + below(ARENA_PAGES) * PAGE + below(4096);
    for (uint32_t i = below(ARENA_PAGES), tries = 0; x[0] == EXO_SELF && tries < 64; tries++, i++) {
        if (now.arena[i % ARENA_PAGES].prot != 0) {
            x[1] = ARENA_VA + i % ARENA_PAGES * PAGE + below(2048);
            break;
        }
    }
    if (x[0] != EXO_SELF && one_in(3)) {
        x[1] = CONTROL_VA + 8ull * below(8); /* a victim's upcall entry, stack, mask, inside ... */
        *(uint64_t *)(void *)bytes_buffer = one_in(2) ? CODE_VA : pick_odd();
    }
    x[2] = pick_buffer(bytes_buffer);
    x[3] = one_in(16) ? pick_odd() : 1 + below(one_in(4) ? 4096 : 64);
}

generator *const generate_memory[EXO_CALL_COUNT] = {
    [EXO_CALL_cap_copy] = gen_cap_copy,         [EXO_CALL_cap_move] = gen_cap_move,
    [EXO_CALL_cap_drop] = gen_cap_drop,         [EXO_CALL_cap_revoke] = gen_any,
    [EXO_CALL_cap_info] = gen_cap_info,         [EXO_CALL_cap_extend] = gen_cap_extend,
    [EXO_CALL_cell_create] = gen_cell_create,   [EXO_CALL_cell_limits] = gen_cell_limits,
    [EXO_CALL_cell_info] = gen_cell_info,       [EXO_CALL_cell_reap] = gen_cell_reap,
    [EXO_CALL_cell_reclaim] = gen_cell_reclaim, [EXO_CALL_frames_alloc] = gen_frames_alloc,
    [EXO_CALL_frames_split] = gen_frames_split, [EXO_CALL_env_read] = gen_env_move,
    [EXO_CALL_env_write] = gen_env_move,
};

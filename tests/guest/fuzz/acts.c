/* What a worker does beside calls: it touches memory and control pages, and builds and ends. */
#include "worker.h"

#define SUICIDE 30000u /* one act in so many ends the worker by its own doing */

/* A fault or trap between the probe's labels is expected; anything else is the end. */
static void
on_fault(const struct rt_upcall *upcall, struct exo_context *context)
{
    if (context->pc < exo_address(fuzz_probe_begin) || context->pc >= exo_address(fuzz_probe_end))
        rt_report_and_exit(upcall, context);
    context->x[0] = 0;
    context->pc = context->x[30];
}

void
acts_begin(void)
{
    (void)rt_on(EXO_UPCALL_FAULT, on_fault);
    rt_event_mask(random_next());
}

/* --- Memory and control pages -------------------------------------------------------------------
 */

static void
touch_arena(void)
{
    uint64_t va = ARENA_VA + below(ARENA_PAGES) * PAGE + 8ull * below(512);
    va = one_in(8) ? BLOCK_VA + below(4 * EXO_BLOCK_PAGES) * PAGE : va;
    (void)(one_in(2) ? fuzz_load(va) : fuzz_store(va, va));
}

/* Any field of the control page of a victim in this environment. Not all are read as meant. */
static void
change_victim(void)
{
    uint64_t slot = pick_other(EXO_TYPE_VCPU, 0);
    uint32_t control = slot_at(slot)->control;
    if (control == 0)
        return;
    uint64_t va = CONTROL_VA + (control - 1) * PAGE;
    /* Upcall entry and stack stay alone: a victim that faults inside would stop this worker. */
    uint64_t field = 24 + 8ull * below(sizeof(struct exo_control) / 8 - 3);
    (void)fuzz_store(va + field, one_in(2) ? random_next() : pick_odd());
}

/* The own one: which events make upcalls, the rest of what only the kernel writes. */
static void
change_own(void)
{
    struct exo_control *control = rt_control();
    switch (below(4)) {
    case 0: control->event_mask = random_next() & random_next(); break;
    case 1: control->events = random_next(); break;
    case 2: control->repossessed = random_next(); break;
    default: control->slot_end = random_next(); break;
    }
}

/* Some calls with upcalls deferred. */
static void
be_inside(void)
{
    struct fuzz_call call = {.number = EXO_CALL_yield};
    uint32_t before = rt_inside_enter();
    for (uint32_t i = below(4); i > 0; i--)
        (void)perform(&call);
    rt_inside_leave(before);
}

/* --- A whole victim: cell, environment, code, endpoint, vCPU ------------------------------------
 */

static int64_t
make(enum exo_call number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f,
     uint64_t g)
{
    struct fuzz_call call = {.number = (uint64_t)number, .x = {a, b, c, d, e, f, g}};
    return perform(&call);
}

static void
furnish_env(uint64_t env, uint64_t vcpu)
{
    static const char *const code[] = {fuzz_victim_wait, fuzz_victim_serve, fuzz_victim_call,
                                       fuzz_victim_write, fuzz_victim_spin};
    uint32_t which = below(5);
    uint64_t entry = CODE_VA + (uint64_t)(code[which] - fuzz_code_begin);
    uint64_t endpoint = pick(EXO_TYPE_ENDPOINT, EXO_COPY);
    map_buffer[0] = (struct exo_map){CODE_VA, 5, 0, 1, EXO_PROT_READ | EXO_PROT_EXEC};
    map_buffer[1] = (struct exo_map){ARENA_VA, 7, 0, 1, EXO_PROT_READ | EXO_PROT_WRITE};
    (void)make(EXO_CALL_cap_copy, FUZZ_SLOT_CODE, env, 5, EXO_READ | EXO_EXEC, 0, 0, 0);
    (void)make(EXO_CALL_cap_copy, endpoint, env, 6, EXO_READ | EXO_WRITE, 0, 0, 0);
    (void)make(EXO_CALL_cap_copy, pick_other(EXO_TYPE_FRAMES, EXO_COPY | EXO_WRITE), env, 7,
               EXO_READ | EXO_WRITE, 0, 0, 0);
    (void)make(EXO_CALL_map, env, exo_address(map_buffer), 2, 0, 0, 0, 0);
    (void)make(EXO_CALL_vcpu_create, env, vcpu, below(now.shared->cpus), CONTROL_VA, entry, 0,
               which == 3 ? ARENA_VA : 6);
}

static void
furnish(void)
{
    uint64_t cell = pick_empty(), env = pick_empty(), vcpu = pick_empty(), bell = pick_empty();
    limits_buffer = (struct exo_limits){sizeof(limits_buffer), EXO_ABI_VERSION, {64, 128, 2, 2}};
    (void)make(EXO_CALL_cell_create, EXO_BOOT_CELL, cell, exo_address(&limits_buffer), 0, 0, 0, 0);
    (void)make(EXO_CALL_env_create, cell, env, 0, 0, 0, 0, 0);
    furnish_env(env, vcpu);
    if (one_in(2)) {
        (void)make(EXO_CALL_env_supervise, env, pick(EXO_TYPE_ENDPOINT, EXO_WRITE | EXO_COPY), 0, 0,
                   0, 0, 0);
    }
    (void)make(EXO_CALL_notification_create, cell, bell, 0, 0, 0, 0, 0);
    (void)make(EXO_CALL_notification_bind, bell, vcpu, 0, 0, 0, 0, 0);
    (void)make(EXO_CALL_vcpu_start, vcpu, 0, 0, 0, 0, 0, 0);
}

/* Copies in a chain: revoked in one go later, or while another CPU goes on copying. */
static void
derive_chain(void)
{
    uint64_t from = pick_other(EXO_TYPE_NONE, EXO_COPY);
    for (uint32_t i = 2 + below(24); i > 0; i--) {
        uint64_t to = pick_empty();
        if (make(EXO_CALL_cap_copy, from, EXO_SELF, to, slot_at(from)->rights, 0, 0, 0) != EXO_OK)
            return;
        from = one_in(4) ? from : to;
    }
}

/* --- Ends that a program can bring about itself -------------------------------------------------
 */

static void
end_somehow(void)
{
    const struct exo_map text = {.va = 0x400000, .pages = 1};
    switch (below(6)) {
    case 0: (void)make(EXO_CALL_env_stop, EXO_SELF, 0, 0, 0, 0, 0, 0); break;
    case 1: (void)make(EXO_CALL_vcpu_stop, EXO_BOOT_VCPU, 0, 0, 0, 0, 0, 0); break;
    case 2: (void)make(EXO_CALL_cap_drop, EXO_BOOT_DATA, 0, 0, 0, 0, 0, 0); break;
    case 3:
        map_buffer[0] = text;
        (void)make(EXO_CALL_unmap, EXO_SELF, exo_address(map_buffer), 1, 0, 0, 0, 0);
        break;
    case 4: rt_control()->upcall_entry = pick_odd(); break;
    default: rt_control()->upcall_stack = pick_odd(); break;
    }
}

void
act(void)
{
    now.shared->acts++;
    switch (below(64)) {
    case 0: furnish(); break;
    case 1: derive_chain(); break;
    case 2: be_inside(); break;
    case 3:
    case 4: change_own(); break;
    default:
        if (one_in(3))
            change_victim();
        else
            touch_arena();
        break;
    }
    if (one_in(SUICIDE))
        end_somehow();
}

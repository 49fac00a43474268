// config: smp=1,4 cpu=max,cortex-a72 timeout=120
/* Environments: making, stopping, supervising them, and reading and writing their memory. */
#include "fixture.h"
#include "refuse.h"

static const uint32_t read_write = EXO_PROT_READ | EXO_PROT_WRITE;

static void
cell_pays_for_an_environment(void)
{
    uint32_t cell = new_cell(EXO_BOOT_CELL, 10);
    (void)new_env(cell);
    struct exo_cell_info account = account_of(cell);
    check_equal(account.own[EXO_RES_FRAMES], 4);
    check_equal(account.own[EXO_RES_CAPS], EXO_CAPS_PER_PAGE);
    check_equal(account.own[EXO_RES_ENVS], 1);
}

static void
env_create_refuses_what_the_cell_cannot_pay(void)
{
    static const uint32_t limits[][EXO_RES_COUNT] = {{3, 64, 1, 0}, {4, 63, 1, 0}, {4, 64, 0, 0}};
    for (unsigned i = 0; i < 3; i++) {
        struct exo_limits limit = {sizeof(limit), EXO_ABI_VERSION, {0}};
        memcpy(limit.limit, limits[i], sizeof(limit.limit));
        uint32_t cell = rt_slot_take();
        check_equal(exo_cell_create(EXO_BOOT_CELL, cell, &limit), EXO_OK);
        check_equal(exo_env_create(cell, rt_slot_take()), EXO_E_LIMIT);
        check_equal(account_of(cell).own[EXO_RES_FRAMES], 0);
        check_equal(account_of(cell).own[EXO_RES_CAPS], 0);
        check_equal(account_of(cell).own[EXO_RES_ENVS], 0);
    }
}

static void
env_create_refuses_bad_slots(void)
{
    struct call call = {EXO_CALL_env_create, {EXO_BOOT_CELL, rt_slot_take()}};
    refuses_bad_capability(call, 0, EXO_WRITE);
    refuses_bad_destination(call, 1);
}

/* --- Memory of another environment ------------------------------------------------------------ */

static void
memory_is_read_and_written_across_pages(void)
{
    struct rt_memory memory;
    char text[64] = "across the border of two pages", back[64] = {0};
    check_equal(rt_memory_take(2, read_write, &memory), EXO_OK);
    uint64_t va = exo_address(memory.at) + EXO_PAGE_BYTES - 7;
    struct exo_progress step = exo_env_write(EXO_SELF, va, text, sizeof(text));
    check_equal(step.status, EXO_OK);
    check_equal(step.done, sizeof(text));
    check(memcmp((const char *)memory.at + EXO_PAGE_BYTES - 7, text, sizeof(text)) == 0);
    step = exo_env_read(EXO_SELF, va, back, sizeof(back));
    check_equal(step.status, EXO_OK);
    check(memcmp(back, text, sizeof(text)) == 0);
}

static void
memory_that_ends_is_read_up_to_its_end(void)
{
    struct rt_memory memory;
    char buffer[64];
    check_equal(rt_memory_take(1, read_write, &memory), EXO_OK);
    uint64_t va = exo_address(memory.at) + EXO_PAGE_BYTES - 16;
    struct exo_progress step = exo_env_read(EXO_SELF, va, buffer, sizeof(buffer));
    check_equal(step.status, EXO_E_FAULT);
    check_equal(step.done, 16);
    step = exo_env_write(EXO_SELF, va, buffer, sizeof(buffer));
    check_equal(step.status, EXO_E_FAULT);
    check_equal(step.done, 16);
}

static void
memory_calls_refuse_bad_arguments(void)
{
    static const enum exo_call numbers[] = {EXO_CALL_env_read, EXO_CALL_env_write};
    static const uint32_t rights[] = {EXO_READ, EXO_WRITE};
    struct rt_memory memory;
    uint64_t word = 0;
    check_equal(rt_memory_take(1, read_write, &memory), EXO_OK);
    for (unsigned i = 0; i < 2; i++) {
        struct call call = {numbers[i],
                            {EXO_BOOT_ENV, exo_address(memory.at), exo_address(&word), 8}};
        check_equal(call_raw(&call), EXO_OK);
        refuses_bad_environment(call, 0, rights[i]);
        refuses_bad_address(call, 2);
        call.x[3] = 0;
        check_equal(call_raw(&call), EXO_E_ARG);
        call.x[3] = EXO_PAGE_BYTES + 1;
        check_equal(call_raw(&call), EXO_E_ARG);
        call.x[3] = 8;
        call.x[1] = EXO_VA_START - 8;
        check_equal(call_raw(&call), EXO_E_RANGE);
        call.x[1] = EXO_VA_END - 4;
        check_equal(call_raw(&call), EXO_E_RANGE);
        call.x[1] = UINT64_MAX - 3;
        check_equal(call_raw(&call), EXO_E_RANGE);
        call.x[1] = rt_va_take(1, 0);
        check_equal(call_raw(&call), EXO_E_FAULT);
        call.x[1] = RT_CONSOLE_VA + 0x18; /* device registers */
        check_equal(call_raw(&call), EXO_E_FAULT);
    }
}

static void
env_write_refuses_memory_that_is_mapped_read_only(void)
{
    static const uint64_t constant[512] = {5};
    uint64_t word = 0;
    check_equal(exo_env_read(EXO_SELF, exo_address(constant), &word, 8).status, EXO_OK);
    check_equal(word, 5);
    check_equal(exo_env_write(EXO_SELF, exo_address(constant), &word, 8).status, EXO_E_FAULT);
    check_equal(exo_env_write(EXO_SELF, exo_address(&constant[1]), &word, 8).status, EXO_E_FAULT);
}

/* --- Stop and start -----------------------------------------------------------------------------
 */

static int
count_for_ever(uint64_t unused)
{
    _Atomic uint64_t *counter = rt_shared();
    (void)unused;
    for (;;)
        (*counter)++;
    return 0;
}

/* Whether the counter moves within the time that a hang would take. */
static bool
counts(_Atomic uint64_t *counter)
{
    uint64_t before = *counter, deadline = test_patience();
    while (*counter == before && rt_ticks() < deadline)
        rt_sleep_until(rt_deadline_ns(RT_MS_NS));
    return *counter != before;
}

static void
stopped_environment_stands_still_until_it_is_started(void)
{
    struct rt_child child;
    struct exo_context context;
    if (!start_child(&(struct rt_spawn){.entry = count_for_ever, .cpu = other_cpu()}, &child))
        return;
    _Atomic uint64_t *counter = rt_shared_of(&child);
    check(counts(counter));
    check_equal(exo_vcpu_get(child.vcpu, &context), EXO_E_STATE);
    check_equal(rt_stop_env(child.env), EXO_OK);
    check_equal(exo_vcpu_get(child.vcpu, &context), EXO_OK);
    uint64_t stopped_at = *counter;
    rt_sleep_until(rt_deadline_ns(5 * RT_MS_NS));
    check_equal(*counter, stopped_at);
    check_equal(exo_env_start(child.env), EXO_OK);
    check(counts(counter));
}

static int
stop_and_come_back(uint64_t unused)
{
    _Atomic uint32_t *stopping = rt_shared();
    (void)unused;
    *stopping = 1;
    int64_t err = exo_env_stop(EXO_SELF);
    return err == EXO_OK ? 0 : __LINE__;
}

static void
environment_stops_itself_and_goes_on_behind_the_call(void)
{
    struct rt_child child;
    struct exo_context context;
    if (!start_child(&(struct rt_spawn){.entry = stop_and_come_back, .cpu = other_cpu()}, &child))
        return;
    check(rt_wait_word(rt_shared_of(&child), 1, test_patience()));
    check_equal(rt_stop_env(child.env), EXO_OK);
    check_equal(exo_vcpu_get(child.vcpu, &context), EXO_OK);
    check_equal(child.page->state, RT_CHILD_RUNS);
    uint64_t deadline = test_patience();
    while (child.page->state == RT_CHILD_RUNS && rt_ticks() < deadline) {
        check_equal(exo_env_start(child.env), EXO_OK); /* it may be stopped by us, then by itself */
        rt_sleep_until(rt_deadline_ns(RT_MS_NS));
    }
    check(child_succeeds(&child));
}

static void
stop_start_and_supervise_refuse_bad_environment(void)
{
    uint32_t env = new_env(EXO_BOOT_CELL), endpoint = new_endpoint();
    refuses_bad_environment((struct call){EXO_CALL_env_stop, {env}}, 0, EXO_CONTROL);
    refuses_bad_environment((struct call){EXO_CALL_env_start, {env}}, 0, EXO_CONTROL);
    refuses_bad_environment((struct call){EXO_CALL_env_supervise, {env, endpoint}}, 0, EXO_CONTROL);
    refuses_bad_capability((struct call){EXO_CALL_env_supervise, {env, endpoint}}, 1,
                           EXO_WRITE | EXO_COPY);
}

/* --- Supervisors --------------------------------------------------------------------------------
 */

#define BAD_VA 0x70000000ull

static int
read_inside(uint64_t va)
{
    (void)rt_inside_enter();
    return try_read(va) == 4711 ? 0 : __LINE__;
}

static void
environment_has_one_supervisor_at_a_time(void)
{
    uint32_t env = new_env(EXO_BOOT_CELL), endpoint = new_endpoint();
    check_equal(exo_env_supervise(env, endpoint), EXO_OK);
    check_equal(exo_env_supervise(env, endpoint), EXO_E_OCCUPIED);
    check_equal(rt_revoke(endpoint), EXO_OK);
    check_equal(exo_env_supervise(env, endpoint), EXO_OK);
}

static void
fault_inside_is_the_supervisors_who_may_repair_it(void)
{
    struct rt_child child;
    uint32_t endpoint = new_endpoint(), slot = new_frames(EXO_BOOT_CELL, 1);
    struct rt_spawn spawn = {.entry = read_inside,
                             .argument = BAD_VA,
                             .cpu = other_cpu(),
                             .supervisor = badged(endpoint, 99)};
    if (!start_child(&spawn, &child))
        return;
    struct exo_message fault = exo_receive(endpoint, EXO_NONE, test_patience());
    struct exo_context context = {0};
    check_equal(fault.status, EXO_OK);
    check_equal(fault.badge, 99);
    check_equal(fault.word[EXO_FAULT_W_KIND], EXO_UPCALL_FAULT);
    check_equal(fault.word[EXO_FAULT_W_ADDRESS], BAD_VA);
    check_equal(fault.word[EXO_FAULT_W_SYNDROME] >> 26, 0x24); /* data abort from EL0 */
    check_equal(exo_vcpu_get(child.vcpu, &context), EXO_OK);
    check_equal(context.pc, fault.word[EXO_FAULT_W_PC]);
    uint64_t value = 4711;
    const struct exo_map entry = {BAD_VA, 50, 0, 1, read_write};
    check_equal(exo_cap_copy(slot, child.env, 50, EXO_READ | EXO_WRITE, 0, 0), EXO_OK);
    check_equal(exo_map(child.env, &entry, 1, NULL).status, EXO_OK);
    check_equal(exo_env_write(child.env, BAD_VA, &value, 8).status, EXO_OK);
    check_equal(exo_reply(0, 0, 0, 0, EXO_NONE), EXO_OK);
    check(child_succeeds(&child));
}

static void
supervisor_may_change_registers_of_who_faulted(void)
{
    struct rt_child child;
    uint32_t endpoint = new_endpoint();
    struct rt_spawn spawn = {
        .entry = read_inside, .argument = BAD_VA, .cpu = other_cpu(), .supervisor = endpoint};
    if (!start_child(&spawn, &child))
        return;
    struct exo_context context = {0};
    check_equal(exo_receive(endpoint, EXO_NONE, test_patience()).status, EXO_OK);
    check_equal(exo_vcpu_get(child.vcpu, &context), EXO_OK);
    context.pc += 4; /* skip the load: its register keeps 0, and the child sees it */
    check_equal(exo_vcpu_set(child.vcpu, &context), EXO_OK);
    check_equal(exo_reply(0, 0, 0, 0, EXO_NONE), EXO_OK);
    check_equal(rt_child_wait(&child, test_patience()), RT_CHILD_EXITED);
    check(child.page->code != 0);
}

/* Waits until the child's vCPU runs nowhere; its context. */
static bool
stops(const struct rt_child *child, struct exo_context *context)
{
    uint64_t deadline = test_patience();
    int64_t err;
    while ((err = exo_vcpu_get(child->vcpu, context)) == EXO_E_STATE && rt_ticks() < deadline)
        rt_sleep_until(rt_deadline_ns(RT_MS_NS));
    return check_equal(err, EXO_OK);
}

static void
fault_inside_without_supervisor_stops_the_environment(void)
{
    struct rt_child child;
    struct exo_context context = {0};
    if (!start_child(&(struct rt_spawn){.entry = read_inside, .argument = BAD_VA}, &child))
        return;
    check(stops(&child, &context));
    check_equal(child.page->state, RT_CHILD_RUNS);
    check(context.pc >= 0x400000 && context.pc < 0x800000);
}

static int
trap_inside(uint64_t unused)
{
    (void)unused;
    (void)rt_inside_enter();
    __asm__ volatile("brk #7");
    return 0;
}

static void
trap_inside_is_the_supervisors(void)
{
    struct rt_child child;
    uint32_t endpoint = new_endpoint();
    if (!start_child(&(struct rt_spawn){.entry = trap_inside, .supervisor = endpoint}, &child))
        return;
    struct exo_message trap = exo_receive(endpoint, EXO_NONE, test_patience());
    check_equal(trap.status, EXO_OK);
    check_equal(trap.word[EXO_FAULT_W_KIND], EXO_UPCALL_TRAP);
    check_equal(trap.word[EXO_FAULT_W_ADDRESS], trap.word[EXO_FAULT_W_PC]);
    check_equal(trap.word[EXO_FAULT_W_SYNDROME] >> 26, 0x3c); /* brk */
    check_equal(trap.word[EXO_FAULT_W_SYNDROME] & 0xffff, 7);
}

static void
supervisor_that_ends_strands_who_faulted(void)
{
    struct rt_child child;
    struct exo_context context = {0};
    uint32_t endpoint = new_endpoint();
    struct rt_spawn spawn = {.entry = read_inside, .argument = BAD_VA, .supervisor = endpoint};
    if (!start_child(&spawn, &child))
        return;
    check(stops(&child, &context)); /* it waits for its supervisor, in the queue */
    check_equal(rt_drop(endpoint), EXO_OK);
    check(stops(&child, &context));
    check_equal(exo_env_start(child.env), EXO_OK); /* it faults again: nobody to tell */
    check(stops(&child, &context));
}

static const struct test tests[] = {
    TEST(cell_pays_for_an_environment),
    TEST(env_create_refuses_what_the_cell_cannot_pay),
    TEST(env_create_refuses_bad_slots),
    TEST(memory_is_read_and_written_across_pages),
    TEST(memory_that_ends_is_read_up_to_its_end),
    TEST(memory_calls_refuse_bad_arguments),
    TEST(env_write_refuses_memory_that_is_mapped_read_only),
    TEST(stopped_environment_stands_still_until_it_is_started),
    TEST(environment_stops_itself_and_goes_on_behind_the_call),
    TEST(stop_start_and_supervise_refuse_bad_environment),
    TEST(environment_has_one_supervisor_at_a_time),
    TEST(fault_inside_is_the_supervisors_who_may_repair_it),
    TEST(supervisor_may_change_registers_of_who_faulted),
    TEST(fault_inside_without_supervisor_stops_the_environment),
    TEST(trap_inside_is_the_supervisors),
    TEST(supervisor_that_ends_strands_who_faulted),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}

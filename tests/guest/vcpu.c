// config: smp=1,4 cpu=max,cortex-a72 timeout=120
/* vCPUs: making, starting, stopping, configuring them; their registers from outside. */
#include "fixture.h"
#include "refuse.h"

static void
new_vcpu_begins_with_the_registers_asked_for(void)
{
    uint32_t env = new_env(EXO_BOOT_CELL), slot = rt_slot_take();
    struct exo_context context;
    check_equal(exo_vcpu_create(env, slot, 0, 0x30000, 0x412340, 0x56780, 99), EXO_OK);
    check_equal(exo_vcpu_get(slot, &context), EXO_OK);
    check_equal(context.pc, 0x412340);
    check_equal(context.sp, 0x56780);
    check_equal(context.x[0], 99);
    for (unsigned i = 1; i < 31; i++)
        check_equal(context.x[i], 0);
    check_equal(context.pstate, 0);
}

static void
new_control_page_is_filled_in_and_inside(void)
{
    uint32_t slot = rt_slot_take();
    uint64_t va = rt_va_take(1, 0);
    check_equal(exo_vcpu_create(EXO_SELF, slot, other_cpu(), va, 0x400000, 0, 0), EXO_OK);
    const struct exo_control *control = (const struct exo_control *)(uintptr_t)va;
    check_equal(control->size, sizeof(*control));
    check_equal(control->version, EXO_ABI_VERSION);
    check_equal(control->inside, 1);
    check_equal(control->upcall_entry, 0);
    check_equal(control->events, 0);
    check_equal(control->cpu, other_cpu());
}

static void
dropped_vcpu_takes_its_control_page_along(void)
{
    uint32_t slot = rt_slot_take();
    uint64_t va = rt_va_take(1, 0);
    check_equal(exo_vcpu_create(EXO_SELF, slot, 0, va, 0x400000, 0, 0), EXO_OK);
    check_equal(rt_drop(slot), EXO_OK);
    catch_faults();
    (void)try_read(va);
    check_equal(caught.count, 1);
}

static void
cell_of_the_environment_pays_for_a_vcpu(void)
{
    uint32_t cell = new_cell(EXO_BOOT_CELL, 20), env = new_env(cell);
    uint32_t before = account_of(cell).own[EXO_RES_FRAMES], slot = rt_slot_take();
    check_equal(exo_vcpu_create(env, slot, 0, 0x30000, 0, 0, 0), EXO_OK);
    check_equal(account_of(cell).own[EXO_RES_FRAMES], before + 4); /* itself, control, 2 tables */
    check_equal(exo_vcpu_create(env, rt_slot_take(), 0, 0x31000, 0, 0, 0), EXO_OK);
    check_equal(account_of(cell).own[EXO_RES_FRAMES], before + 6);
}

static void
vcpu_create_refuses_what_the_cell_cannot_pay(void)
{
    for (uint32_t frames = 4; frames < 8; frames++) {
        uint32_t cell = new_cell(EXO_BOOT_CELL, frames), env = new_env(cell);
        check_equal(exo_vcpu_create(env, rt_slot_take(), 0, 0x30000, 0, 0, 0), EXO_E_LIMIT);
    }
}

static void
vcpu_create_refuses_bad_arguments(void)
{
    uint32_t env = new_env(EXO_BOOT_CELL);
    struct call call = {EXO_CALL_vcpu_create, {env, rt_slot_take(), 0, 0x30000, 0x400000, 0, 0}};
    refuses_bad_environment(call, 0, EXO_WRITE);
    refuses_bad_destination(call, 1);
    struct call wrong = call;
    wrong.x[2] = rt_machine.cpus;
    check_equal(call_raw(&wrong), EXO_E_RANGE);
    wrong.x[2] = 1ull << 32;
    check_equal(call_raw(&wrong), EXO_E_RANGE);
    static const uint64_t outside[] = {0, EXO_VA_START - EXO_PAGE_BYTES, EXO_VA_END,
                                       0xffffff8000000000ull, UINT64_MAX - EXO_PAGE_BYTES + 1};
    wrong = call;
    for (unsigned i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
        wrong.x[3] = outside[i];
        check_equal(call_raw(&wrong), EXO_E_RANGE);
    }
    wrong.x[3] = 0x30010;
    check_equal(call_raw(&wrong), EXO_E_ALIGN);
    wrong = call;
    wrong.x[0] = EXO_SELF;
    wrong.x[3] = EXO_BOOT_CONTROL_VA; /* something is there */
    check_equal(call_raw(&wrong), EXO_E_OCCUPIED);
}

static void
environment_has_at_most_64_vcpus(void)
{
    uint32_t env = new_env(EXO_BOOT_CELL);
    for (uint64_t i = 0; i < 64; i++) {
        check_equal(exo_vcpu_create(env, rt_slot_take(), 0, 0x100000 + i * EXO_PAGE_BYTES, 0, 0, 0),
                    EXO_OK);
    }
    check_equal(exo_vcpu_create(env, rt_slot_take(), 0, 0x30000, 0, 0, 0), EXO_E_LIMIT);
}

/* --- Running ------------------------------------------------------------------------------------
 */

struct thread_report {
    _Atomic uint32_t seen;
    uint64_t control, cpu;
};

static void
report(void *argument)
{
    struct thread_report *seen = argument;
    seen->control = (uintptr_t)rt_control();
    seen->cpu = rt_control()->cpu;
    seen->seen = 1;
}

static void
vcpu_runs_on_its_cpu_and_finds_its_control_page(void)
{
    for (uint32_t cpu = 0; cpu < rt_machine.cpus; cpu++) {
        static struct thread_report seen;
        struct rt_thread thread;
        seen = (struct thread_report){0};
        check_equal(rt_vcpu_make(cpu, report, &seen, &thread), EXO_OK);
        rt_sleep_until(rt_deadline_ns(RT_MS_NS));
        check_equal(seen.seen, 0); /* not before it is started */
        check_equal(exo_vcpu_start(thread.slot), EXO_OK);
        check(rt_vcpu_wait(&thread, test_patience()));
        check_equal(seen.control, thread.control_va);
        check_equal(seen.cpu, cpu);
        rt_vcpu_end(&thread);
    }
}

static void
count(void *argument)
{
    _Atomic uint64_t *counter = argument;
    for (;;)
        (*counter)++;
}

static bool
counts(_Atomic uint64_t *counter)
{
    uint64_t before = *counter, deadline = test_patience();
    while (*counter == before && rt_ticks() < deadline)
        rt_sleep_until(rt_deadline_ns(RT_MS_NS));
    return *counter != before;
}

static void
stopped_vcpu_stands_still_until_it_is_started(void)
{
    static _Atomic uint64_t counter;
    struct exo_context context;
    struct rt_thread thread;
    check_equal(rt_vcpu_start(other_cpu(), count, &counter, &thread), EXO_OK);
    check(counts(&counter));
    check_equal(exo_vcpu_get(thread.slot, &context), EXO_E_STATE);
    check_equal(exo_vcpu_set(thread.slot, &context), EXO_E_STATE);
    check_equal(rt_stop_vcpu(thread.slot), EXO_OK);
    uint64_t before = counter;
    rt_sleep_until(rt_deadline_ns(5 * RT_MS_NS));
    check_equal(counter, before);
    check_equal(exo_vcpu_get(thread.slot, &context), EXO_OK);
    check_equal(exo_vcpu_start(thread.slot), EXO_OK);
    check(counts(&counter));
    rt_vcpu_end(&thread);
}

static struct rt_thread stops_itself;

static void
stop_self(void *argument)
{
    _Atomic uint32_t *step = argument;
    *step = 1;
    (void)exo_vcpu_stop(stops_itself.slot);
    *step = 2;
}

static void
vcpu_stops_itself_and_goes_on_when_started(void)
{
    static _Atomic uint32_t step;
    struct exo_context context;
    step = 0;
    check_equal(rt_vcpu_make(other_cpu(), stop_self, &step, &stops_itself), EXO_OK);
    check_equal(exo_vcpu_start(stops_itself.slot), EXO_OK);
    check(rt_wait_word(&step, 1, test_patience()));
    uint64_t deadline = test_patience();
    while (exo_vcpu_get(stops_itself.slot, &context) == EXO_E_STATE && rt_ticks() < deadline)
        rt_sleep_until(rt_deadline_ns(RT_MS_NS));
    check_equal(step, 1);
    check_equal(exo_vcpu_start(stops_itself.slot), EXO_OK);
    check(rt_wait_word(&step, 2, test_patience()));
    rt_vcpu_end(&stops_itself);
}

static void
registers_of_a_stopped_vcpu_can_be_set(void)
{
    static _Atomic uint64_t first, second;
    struct exo_context context;
    struct rt_thread thread;
    check_equal(rt_vcpu_start(other_cpu(), count, &first, &thread), EXO_OK);
    check(counts(&first));
    check_equal(rt_stop_vcpu(thread.slot), EXO_OK);
    check_equal(exo_vcpu_get(thread.slot, &context), EXO_OK);
    context.pc = (uintptr_t)count;
    context.x[0] = (uintptr_t)&second;
    context.pstate = 0x3c5; /* EL1h, interrupts masked: forced back to EL0 */
    check_equal(exo_vcpu_set(thread.slot, &context), EXO_OK);
    check_equal(exo_vcpu_get(thread.slot, &context), EXO_OK);
    check_equal(context.pstate, 0);
    check_equal(exo_vcpu_start(thread.slot), EXO_OK);
    check(counts(&second));
    rt_vcpu_end(&thread);
}

static void
vcpu_calls_refuse_bad_slots_and_addresses(void)
{
    uint32_t vcpu = new_vcpu(new_env(EXO_BOOT_CELL));
    struct exo_context context = {0};
    refuses_bad_capability((struct call){EXO_CALL_vcpu_start, {vcpu}}, 0, EXO_CONTROL);
    refuses_bad_capability((struct call){EXO_CALL_vcpu_stop, {vcpu}}, 0, EXO_CONTROL);
    struct call get = {EXO_CALL_vcpu_get, {vcpu, exo_address(&context)}};
    refuses_bad_capability(get, 0, EXO_READ);
    refuses_bad_result_address(get, 1);
    struct call set = {EXO_CALL_vcpu_set, {vcpu, exo_address(&context)}};
    refuses_bad_capability(set, 0, EXO_WRITE);
    refuses_bad_address(set, 1);
}

/* --- Configuration ------------------------------------------------------------------------------
 */

static void
config_refuses_bad_arguments(void)
{
    uint32_t vcpu = new_vcpu(new_env(EXO_BOOT_CELL));
    struct call call = {EXO_CALL_vcpu_config, {vcpu, EXO_VCPU_PRIORITY, 1}};
    refuses_bad_capability(call, 0, EXO_CONTROL);
    check_equal(exo_vcpu_config(vcpu, EXO_VCPU_PRIORITY, EXO_PRIORITY_MAX), EXO_OK);
    check_equal(exo_vcpu_config(vcpu, EXO_VCPU_PRIORITY, EXO_PRIORITY_MAX + 1), EXO_E_RANGE);
    check_equal(exo_vcpu_config(vcpu, EXO_VCPU_PRIORITY, UINT64_MAX), EXO_E_RANGE);
    check_equal(exo_svc3(EXO_CALL_vcpu_config, vcpu, 99, 0), EXO_E_ARG);
    check_equal(exo_svc3(EXO_CALL_vcpu_config, vcpu, UINT64_MAX, 0), EXO_E_ARG);
    check_equal(exo_vcpu_config(vcpu, EXO_VCPU_REVOKE, 0), EXO_E_ARG);
    check_equal(exo_vcpu_config(vcpu, EXO_VCPU_REVOKE, 2), EXO_E_ARG);
    check_equal(exo_vcpu_config(vcpu, EXO_VCPU_REVOKE, 1), EXO_OK);
}

static void
vector_length_is_a_power_of_two_that_the_cpu_has(void)
{
    static const uint64_t wrong[] = {0, 8, 15, 24, 512, 1ull << 32, UINT64_MAX};
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        check_equal(exo_vcpu_config(EXO_BOOT_VCPU, EXO_VCPU_SVE_BYTES, wrong[i]), EXO_E_ARG);
    if (!(rt_machine.features & EXO_FEATURE_SVE)) {
        check_equal(exo_vcpu_config(EXO_BOOT_VCPU, EXO_VCPU_SVE_BYTES, 32), EXO_E_ARG);
        return;
    }
    uint32_t before = account_of(EXO_BOOT_CELL).own[EXO_RES_FRAMES];
    check_equal(exo_vcpu_config(EXO_BOOT_VCPU, EXO_VCPU_SVE_BYTES, 32), EXO_OK);
    check(account_of(EXO_BOOT_CELL).own[EXO_RES_FRAMES] > before);
    check_equal(exo_vcpu_config(EXO_BOOT_VCPU, EXO_VCPU_SVE_BYTES, 16), EXO_OK);
    check_equal(account_of(EXO_BOOT_CELL).own[EXO_RES_FRAMES], before);
}

static void
vector_length_is_set_by_the_vcpu_itself(void)
{
    static _Atomic uint64_t counter;
    struct rt_thread thread;
    check_equal(rt_vcpu_start(other_cpu(), count, &counter, &thread), EXO_OK);
    check(counts(&counter));
    int64_t refusal = rt_machine.features & EXO_FEATURE_SVE ? EXO_E_STATE : EXO_E_ARG;
    check_equal(exo_vcpu_config(thread.slot, EXO_VCPU_SVE_BYTES, 16), refusal);
    rt_vcpu_end(&thread);
}

static const struct test tests[] = {
    TEST(new_vcpu_begins_with_the_registers_asked_for),
    TEST(new_control_page_is_filled_in_and_inside),
    TEST(dropped_vcpu_takes_its_control_page_along),
    TEST(cell_of_the_environment_pays_for_a_vcpu),
    TEST(vcpu_create_refuses_what_the_cell_cannot_pay),
    TEST(vcpu_create_refuses_bad_arguments),
    TEST(environment_has_at_most_64_vcpus),
    TEST(vcpu_runs_on_its_cpu_and_finds_its_control_page),
    TEST(stopped_vcpu_stands_still_until_it_is_started),
    TEST(vcpu_stops_itself_and_goes_on_when_started),
    TEST(registers_of_a_stopped_vcpu_can_be_set),
    TEST(vcpu_calls_refuse_bad_slots_and_addresses),
    TEST(config_refuses_bad_arguments),
    TEST(vector_length_is_a_power_of_two_that_the_cpu_has),
    TEST(vector_length_is_set_by_the_vcpu_itself),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}

// config: smp=1,4 cpu=max,cortex-a72 timeout=120
/* CPU slots: who owns them gets them, what is not wanted is lent, and the accounts say so. */
#include "fixture.h"
#include "refuse.h"

static uint32_t
cpu_slot(uint32_t cpu)
{
    return EXO_BOOT_CPU + cpu;
}

static struct exo_cpu_info
cpu_info_of(uint32_t slot)
{
    struct exo_cpu_info info = {0};
    check_equal(exo_cpu_info(slot, &info), EXO_OK);
    return info;
}

static void
spin(void *argument)
{
    _Atomic uint64_t *counter = argument;
    for (;;)
        (*counter)++;
}

static const struct exo_control *
control_of(const struct rt_thread *thread)
{
    return (const struct exo_control *)(uintptr_t)thread->control_va;
}

/* --- Assigning
 * ------------------------------------------------------------------------------------ */

static void
assigned_slots_name_their_owner_until_it_ends(void)
{
    uint32_t vcpu = new_vcpu(new_env(EXO_BOOT_CELL));
    check_equal(exo_cpu_assign(cpu_slot(0), 3, 5, vcpu), EXO_OK);
    struct exo_cpu_info info = cpu_info_of(cpu_slot(0));
    for (unsigned i = 0; i < EXO_CPU_SLOTS; i++)
        check_equal(info.owner[i], i >= 3 && i < 8 ? info_of(vcpu).object : 0);
    check_equal(account_of(EXO_BOOT_CELL).own[EXO_RES_CPU_SLOTS], 5);
    check_equal(rt_drop(vcpu), EXO_OK);
    check_equal(rt_reap(EXO_BOOT_CELL), EXO_OK);
    check_equal(cpu_info_of(cpu_slot(0)).owner[3], 0);
    check_equal(account_of(EXO_BOOT_CELL).own[EXO_RES_CPU_SLOTS], 0);
}

static void
slots_can_be_taken_back_and_given_to_another(void)
{
    uint32_t env = new_env(EXO_BOOT_CELL), one = new_vcpu(env), two = rt_slot_take();
    check_equal(exo_vcpu_create(env, two, 0, 0x10000, 0, 0, 0), EXO_OK);
    check_equal(exo_cpu_assign(cpu_slot(0), 0, 4, one), EXO_OK);
    check_equal(exo_cpu_assign(cpu_slot(0), 2, 4, two), EXO_OK);
    struct exo_cpu_info info = cpu_info_of(cpu_slot(0));
    check_equal(info.owner[1], info_of(one).object);
    check_equal(info.owner[2], info_of(two).object);
    check_equal(info.owner[5], info_of(two).object);
    check_equal(account_of(EXO_BOOT_CELL).own[EXO_RES_CPU_SLOTS], 6);
    check_equal(exo_cpu_assign(cpu_slot(0), 0, 32, EXO_NONE), EXO_OK);
    check_equal(account_of(EXO_BOOT_CELL).own[EXO_RES_CPU_SLOTS], 0);
}

static void
narrowed_cpu_capability_reaches_its_slots_only(void)
{
    uint32_t vcpu = new_vcpu(new_env(EXO_BOOT_CELL)), narrow = rt_slot_take();
    check_equal(exo_cap_copy(cpu_slot(0), EXO_SELF, narrow, EXO_READ | EXO_WRITE, 8, 4), EXO_OK);
    check_equal(exo_cpu_assign(narrow, 4, 1, vcpu), EXO_E_RANGE);
    check_equal(exo_cpu_assign(narrow, 0, 5, vcpu), EXO_E_RANGE);
    check_equal(exo_cpu_assign(narrow, 1, 2, vcpu), EXO_OK);
    check_equal(exo_cpu_assign(cpu_slot(0), 0, 1, vcpu), EXO_OK);
    struct exo_cpu_info info = cpu_info_of(narrow);
    check_equal(info.owner[0], 0); /* another's business */
    check_equal(info.owner[9], info_of(vcpu).object);
}

static void
cpu_assign_refuses_bad_arguments(void)
{
    uint32_t vcpu = new_vcpu(new_env(EXO_BOOT_CELL));
    struct call call = {EXO_CALL_cpu_assign, {cpu_slot(0), 0, 1, vcpu}};
    refuses_bad_capability(call, 0, EXO_WRITE);
    call.x[2] = 0;
    check_equal(call_raw(&call), EXO_E_RANGE);
    call.x[2] = EXO_CPU_SLOTS + 1;
    check_equal(call_raw(&call), EXO_E_RANGE);
    call.x[1] = UINT64_MAX;
    call.x[2] = 2;
    check_equal(call_raw(&call), EXO_E_RANGE);
    call = (struct call){EXO_CALL_cpu_assign, {cpu_slot(0), 0, 1, rt_slot_take()}};
    check_equal(call_raw(&call), EXO_E_SLOT);
    call.x[3] = EXO_BOOT_CELL;
    check_equal(call_raw(&call), EXO_E_TYPE);
    call.x[3] = copy_of(vcpu, EXO_READ | EXO_WRITE);
    check_equal(call_raw(&call), EXO_E_RIGHT);
    if (rt_machine.cpus > 1)
        check_equal(exo_cpu_assign(cpu_slot(1), 0, 1, vcpu), EXO_E_ARG); /* of CPU 0 */
}

static void
slots_beyond_the_limit_of_the_cell_are_refused(void)
{
    const struct exo_limits limits = {sizeof(limits), EXO_ABI_VERSION, {20, 64, 1, 3}};
    uint32_t cell = rt_slot_take();
    check_equal(exo_cell_create(EXO_BOOT_CELL, cell, &limits), EXO_OK);
    uint32_t env = new_env(cell), vcpu = rt_slot_take();
    check_equal(exo_vcpu_create(env, vcpu, 0, 0x30000, 0, 0, 0), EXO_OK);
    check_equal(exo_cpu_assign(cpu_slot(0), 0, 4, vcpu), EXO_E_LIMIT);
    check_equal(exo_cpu_assign(cpu_slot(0), 0, 3, vcpu), EXO_OK);
    check_equal(account_of(cell).own[EXO_RES_CPU_SLOTS], 3);
}

static void
cpu_info_refuses_bad_slot_and_address(void)
{
    struct exo_cpu_info info;
    struct call call = {EXO_CALL_cpu_info, {cpu_slot(0), exo_address(&info)}};
    refuses_bad_capability(call, 0, EXO_READ);
    refuses_bad_result_address(call, 1);
}

/* --- Running
 * -------------------------------------------------------------------------------------- */

static void
slot_ends_within_its_length(void)
{
    uint64_t slot = rt_ns_to_ticks(EXO_SLOT_NS);
    (void)exo_yield();
    for (unsigned i = 0; i < 20; i++) {
        rt_sleep_until(rt_deadline_ns(RT_MS_NS / 3));
        uint64_t end = rt_control()->slot_end;
        check(end <= rt_ticks() + slot);
    }
}

/* How often the slots from `first` on began while somebody wanted them: each is given or lost. */
static uint64_t
begun(const struct exo_cpu_info *info, uint32_t first, uint32_t count)
{
    uint64_t sum = 0;
    for (uint32_t i = first; i < first + count; i++)
        sum += info->given[i] + info->lost[i];
    return sum;
}

/*
 * Two that always want the CPU get it in the proportion of their slots, 18 to 6; the other 8 are
 * for this test's own vCPU, which may share the CPU with them. Both counts are read at one moment,
 * and say how many slots began, whatever the host does to our time.
 */
static void
shares_follow_the_slot_vector(void)
{
    static _Atomic uint64_t counters[2];
    struct rt_thread most, least;
    uint32_t cpu = other_cpu();
    check_equal(rt_vcpu_start(cpu, spin, &counters[0], &most), EXO_OK);
    check_equal(rt_vcpu_start(cpu, spin, &counters[1], &least), EXO_OK);
    if (cpu == 0)
        check_equal(exo_cpu_assign(cpu_slot(cpu), 24, 8, EXO_BOOT_VCPU), EXO_OK);
    check_equal(exo_cpu_assign(cpu_slot(cpu), 0, 18, most.slot), EXO_OK);
    check_equal(exo_cpu_assign(cpu_slot(cpu), 18, 6, least.slot), EXO_OK);
    struct exo_cpu_info before = cpu_info_of(cpu_slot(cpu)), now;
    uint64_t patience = test_patience(), a, b;
    do {
        rt_sleep_until(rt_deadline_ns(4 * RT_MS_NS));
        now = cpu_info_of(cpu_slot(cpu));
        a = begun(&now, 0, 18) - begun(&before, 0, 18);
        b = begun(&now, 18, 6) - begun(&before, 18, 6);
    } while (
        (a < 180 || control_of(&most)->own_slots < 180 || control_of(&least)->own_slots == 0) &&
        check(rt_ticks() < patience));
    check(a > 2 * b && a < 4 * b);
    check_equal(exo_cpu_assign(cpu_slot(cpu), 0, EXO_CPU_SLOTS, EXO_NONE), EXO_OK);
    rt_vcpu_end(&most);
    rt_vcpu_end(&least);
}

/* How often any slot of that CPU was lent. */
static uint64_t
times_lent(uint32_t cpu)
{
    struct exo_cpu_info info = cpu_info_of(cpu_slot(cpu));
    uint64_t sum = 0;
    for (unsigned i = 0; i < EXO_CPU_SLOTS; i++)
        sum += info.lent[i];
    return sum;
}

static void
slot_that_its_owner_does_not_want_is_lent(void)
{
    static _Atomic uint64_t counter;
    struct rt_thread thread;
    uint32_t cpu = other_cpu(), sleeper = rt_slot_take();
    check_equal(exo_vcpu_create(EXO_SELF, sleeper, cpu, rt_va_take(1, 0), 0, 0, 0), EXO_OK);
    check_equal(exo_cpu_assign(cpu_slot(cpu), 0, 32, sleeper), EXO_OK); /* it never starts */
    uint64_t before = times_lent(cpu), deadline = test_patience();
    counter = 0;
    check_equal(rt_vcpu_start(cpu, spin, &counter, &thread), EXO_OK);
    while ((control_of(&thread)->lent_ticks < 5 * rt_ns_to_ticks(EXO_SLOT_NS) || counter == 0 ||
            times_lent(cpu) == before) &&
           rt_ticks() < deadline) {
        rt_sleep_until(rt_deadline_ns(RT_MS_NS));
        check_equal(rt_stop_vcpu(thread.slot), EXO_OK); /* accounts are made up when it schedules */
        check_equal(exo_vcpu_start(thread.slot), EXO_OK);
    }
    check(counter > 0);
    check(times_lent(cpu) > before);
    rt_vcpu_end(&thread);
}

static _Atomic uint64_t owner_runs;

static void
wake_often(void *argument)
{
    (void)argument;
    for (;;) {
        rt_sleep_until(rt_deadline_ns(2 * RT_MS_NS));
        owner_runs++;
    }
}

/* The owner of all slots gets its CPU back from whoever borrows it. */
static void
owner_that_wakes_takes_its_slot_back(void)
{
    static _Atomic uint64_t counter;
    struct rt_thread owner, borrower;
    uint32_t cpu = other_cpu();
    owner_runs = counter = 0;
    check_equal(rt_vcpu_start(cpu, wake_often, NULL, &owner), EXO_OK);
    check_equal(exo_cpu_assign(cpu_slot(cpu), 0, 32, owner.slot), EXO_OK);
    check_equal(rt_vcpu_start(cpu, spin, &counter, &borrower), EXO_OK);
    uint64_t deadline = test_patience();
    while ((owner_runs < 20 || counter == 0) && rt_ticks() < deadline)
        rt_sleep_until(rt_deadline_ns(RT_MS_NS));
    check(owner_runs >= 20);
    check(counter > 0);
    rt_vcpu_end(&owner);
    rt_vcpu_end(&borrower);
}

/* Of the vCPUs of the owner's cell that want it, the one with the higher priority borrows. */
static void
higher_priority_borrows_first(void)
{
    static _Atomic uint64_t low_count, high_count;
    struct rt_thread low, high;
    uint32_t cpu = other_cpu(), sleeper = rt_slot_take();
    if (rt_machine.cpus == 1) {
        test_skip("init itself runs on the only CPU");
        return;
    }
    check_equal(exo_vcpu_create(EXO_SELF, sleeper, cpu, rt_va_take(1, 0), 0, 0, 0), EXO_OK);
    check_equal(exo_cpu_assign(cpu_slot(cpu), 0, 32, sleeper), EXO_OK);
    low_count = high_count = 0;
    check_equal(rt_vcpu_make(cpu, spin, &low_count, &low), EXO_OK);
    check_equal(rt_vcpu_make(cpu, spin, &high_count, &high), EXO_OK);
    check_equal(exo_vcpu_config(high.slot, EXO_VCPU_PRIORITY, 5), EXO_OK);
    check_equal(exo_vcpu_config(low.slot, EXO_VCPU_PRIORITY, 2), EXO_OK);
    check_equal(exo_vcpu_start(high.slot), EXO_OK);
    check_equal(exo_vcpu_start(low.slot), EXO_OK);
    uint64_t before = times_lent(cpu), patience = test_patience();
    while ((times_lent(cpu) < before + 60 || high_count == 0) && check(rt_ticks() < patience))
        rt_sleep_until(rt_deadline_ns(RT_MS_NS));
    check_equal(low_count, 0);
    rt_vcpu_end(&low);
    rt_vcpu_end(&high);
}

static void
idle_cpu_counts_its_idle_time(void)
{
    uint32_t cpu = other_cpu();
    uint64_t before = cpu_info_of(cpu_slot(cpu)).idle_ticks, deadline = test_patience();
    while (cpu_info_of(cpu_slot(cpu)).idle_ticks == before && rt_ticks() < deadline) {
        struct rt_thread thread;
        rt_sleep_until(rt_deadline_ns(2 * RT_MS_NS));
        check_equal(rt_vcpu_start(cpu, wake_often, NULL, &thread), EXO_OK); /* it schedules */
        rt_sleep_until(rt_deadline_ns(2 * RT_MS_NS));
        rt_vcpu_end(&thread);
    }
    check(cpu_info_of(cpu_slot(cpu)).idle_ticks > before);
}

static const struct test tests[] = {
    TEST(assigned_slots_name_their_owner_until_it_ends),
    TEST(slots_can_be_taken_back_and_given_to_another),
    TEST(narrowed_cpu_capability_reaches_its_slots_only),
    TEST(cpu_assign_refuses_bad_arguments),
    TEST(slots_beyond_the_limit_of_the_cell_are_refused),
    TEST(cpu_info_refuses_bad_slot_and_address),
    TEST(slot_ends_within_its_length),
    TEST(shares_follow_the_slot_vector),
    TEST(slot_that_its_owner_does_not_want_is_lent),
    TEST(owner_that_wakes_takes_its_slot_back),
    TEST(higher_priority_borrows_first),
    TEST(idle_cpu_counts_its_idle_time),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}

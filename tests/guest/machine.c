// config: smp=1,4 cpu=max,cortex-a72 timeout=60
/* The machine as a whole: information, power, trace, audit. */
#include "fixture.h"
#include "refuse.h"

static void
info_agrees_with_the_boot_information(void)
{
    struct exo_machine_info info = {0};
    check_equal(exo_machine_info(EXO_BOOT_MACHINE, &info), EXO_OK);
    check_equal(info.size, sizeof(info));
    check_equal(info.version, EXO_ABI_VERSION);
    check_equal(info.cpus, rt_machine.cpus);
    check_equal(info.features, rt_machine.features);
    check_equal(info.frames, rt_machine.frames);
    check_equal(info.boot_ticks, rt_machine.boot_ticks);
    check(info.frames_free < info.frames);
}

static void
free_frames_go_down_and_up_again(void)
{
    struct exo_machine_info before, during, after;
    check_equal(exo_machine_info(EXO_BOOT_MACHINE, &before), EXO_OK);
    uint32_t slot = new_frames(EXO_BOOT_CELL, 100);
    check_equal(exo_machine_info(EXO_BOOT_MACHINE, &during), EXO_OK);
    check(during.frames_free <= before.frames_free - 100);
    check_equal(rt_drop(slot), EXO_OK);
    check_equal(rt_reap(EXO_BOOT_CELL), EXO_OK);
    check_equal(exo_machine_info(EXO_BOOT_MACHINE, &after), EXO_OK);
    check_equal(after.frames_free, before.frames_free);
}

static void
machine_calls_refuse_bad_slots_and_addresses(void)
{
    struct exo_machine_info info;
    struct call call = {EXO_CALL_machine_info, {EXO_BOOT_MACHINE, exo_address(&info)}};
    refuses_bad_capability(call, 0, EXO_READ);
    refuses_bad_result_address(call, 1);
    struct call power = {EXO_CALL_machine_power, {EXO_BOOT_MACHINE, EXO_POWER_OFF, 99}};
    refuses_bad_capability(power, 0, EXO_WRITE);
}

static void
power_refuses_what_is_neither_off_nor_reset(void)
{
    check_equal(exo_svc3(EXO_CALL_machine_power, EXO_BOOT_MACHINE, 2, 0), EXO_E_ARG);
    check_equal(exo_svc3(EXO_CALL_machine_power, EXO_BOOT_MACHINE, UINT64_MAX, 0), EXO_E_ARG);
}

static void
audit_exists_in_debug_kernels_only(void)
{
    struct exo_audit audit = exo_machine_audit(EXO_BOOT_MACHINE);
    if (rt_machine.features & EXO_FEATURE_DEBUG) {
        check_equal(audit.status, EXO_OK);
        check_equal(audit.violations, 0);
        refuses_bad_capability((struct call){EXO_CALL_machine_audit, {EXO_BOOT_MACHINE}}, 0,
                               EXO_CONTROL);
    } else {
        check_equal(audit.status, EXO_E_CALL);
    }
}

/* --- Trace ---------------------------------------------------------------------------------------
 */

#define EVENTS 1024u
static struct exo_trace_event events[EVENTS];

/* All that this CPU recorded since `position`. */
static uint64_t
read_events(uint64_t position)
{
    struct exo_trace read = exo_trace_read(EXO_BOOT_TRACE, 0, position, events, EVENTS);
    check_equal(read.status, EXO_OK);
    check(read.position >= position);
    return read.count;
}

/* The position behind everything recorded so far. */
static uint64_t
trace_end(void)
{
    struct exo_trace read = exo_trace_read(EXO_BOOT_TRACE, 0, 0, events, EVENTS);
    check_equal(read.status, EXO_OK);
    return read.position + read.count;
}

static void
trace_records_the_kinds_asked_for(void)
{
    uint64_t from = trace_end(), calls = 0;
    check_equal(exo_trace_control(EXO_BOOT_TRACE, 1u << EXO_TRACE_CALL), EXO_OK);
    for (unsigned i = 0; i < 10; i++)
        (void)exo_svc1(EXO_CALL_null, 1000 + i);
    check_equal(exo_trace_control(EXO_BOOT_TRACE, 0), EXO_OK);
    uint64_t count = read_events(from), last = 0;
    for (uint64_t i = 0; i < count; i++) {
        check_equal(events[i].kind, EXO_TRACE_CALL);
        check_equal(events[i].cpu, 0);
        check(events[i].ticks >= last);
        last = events[i].ticks;
        calls += events[i].a == EXO_CALL_null && events[i].b == 1000 + calls;
    }
    check_equal(calls, 10);
    check_equal(trace_end(), from + count); /* nothing more since it was turned off */
}

static void
trace_of_a_fault_tells_its_address(void)
{
    uint64_t from = trace_end();
    bool found = false;
    check_equal(exo_trace_control(EXO_BOOT_TRACE, 1u << EXO_TRACE_FAULT), EXO_OK);
    catch_faults();
    (void)try_read(0x70000018);
    check_equal(exo_trace_control(EXO_BOOT_TRACE, 0), EXO_OK);
    uint64_t count = read_events(from);
    for (uint64_t i = 0; i < count; i++)
        found |= events[i].a == 0x70000018;
    check(found);
}

static void
full_trace_forgets_the_oldest(void)
{
    uint64_t from = trace_end();
    check_equal(exo_trace_control(EXO_BOOT_TRACE, 1u << EXO_TRACE_CALL), EXO_OK);
    for (unsigned i = 0; i < 3000; i++)
        (void)exo_null();
    check_equal(exo_trace_control(EXO_BOOT_TRACE, 0), EXO_OK);
    struct exo_trace read = exo_trace_read(EXO_BOOT_TRACE, 0, from, events, EVENTS);
    check_equal(read.status, EXO_OK);
    check(read.position > from + 1900);
    check(read.count > 900 && read.count <= EVENTS);
    check(read.position + read.count >= from + 3000);
}

static void
trace_calls_refuse_bad_arguments(void)
{
    struct call read = {EXO_CALL_trace_read, {EXO_BOOT_TRACE, 0, 0, exo_address(events), 1}};
    (void)exo_trace_control(EXO_BOOT_TRACE, 1u << EXO_TRACE_CALL);
    (void)exo_null();
    check_equal(exo_trace_control(EXO_BOOT_TRACE, 0), EXO_OK);
    refuses_bad_capability(read, 0, EXO_READ);
    refuses_bad_result_address(read, 3);
    read.x[1] = rt_machine.cpus;
    check_equal(call_raw(&read), EXO_E_RANGE);
    read.x[1] = 1ull << 32;
    check_equal(call_raw(&read), EXO_E_RANGE);
    read.x[1] = 0;
    read.x[4] = EVENTS + 1;
    check_equal(call_raw(&read), EXO_E_RANGE);
    struct call control = {EXO_CALL_trace_control, {EXO_BOOT_TRACE, 0}};
    refuses_bad_capability(control, 0, EXO_CONTROL);
    check_equal(exo_trace_control(EXO_BOOT_TRACE, 1u << EXO_TRACE_KINDS), EXO_E_ARG);
    check_equal(exo_trace_control(EXO_BOOT_TRACE, UINT64_MAX), EXO_E_ARG);
}

static const struct test tests[] = {
    TEST(info_agrees_with_the_boot_information),
    TEST(free_frames_go_down_and_up_again),
    TEST(machine_calls_refuse_bad_slots_and_addresses),
    TEST(power_refuses_what_is_neither_off_nor_reset),
    TEST(audit_exists_in_debug_kernels_only),
    TEST(trace_records_the_kinds_asked_for),
    TEST(trace_of_a_fault_tells_its_address),
    TEST(full_trace_forgets_the_oldest),
    TEST(trace_calls_refuse_bad_arguments),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}

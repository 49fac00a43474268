// config: smp=1,4 cpu=max,cortex-a72 timeout=120
/* Upcalls: when they are made, what they say, and what they leave alone. */
#include "fixture.h"
#include "registers.h"

#include <stddef.h>

_Static_assert(offsetof(struct exo_control, saved) == 624, "registers.S knows it");

static uint32_t
exception_class(void)
{
    return (uint32_t)(caught.upcall.b >> 26);
}

/* --- Entry --------------------------------------------------------------------------------------
 */

static void
upcall_enters_with_the_registers_that_the_contract_says(void)
{
    struct exo_control *control = rt_control();
    uint64_t entry = control->upcall_entry, stack = control->upcall_stack;
    struct exo_context interrupted;
    uint64_t upcalls;
    do { /* until no other upcall came behind it */
        upcalls = control->upcalls;
        control->upcall_entry = (uintptr_t)upcall_dump_entry;
        (void)try_read(0x70000010);
        control->upcall_entry = entry;
        interrupted = control->saved;
    } while (control->upcalls != upcalls + 1);
    check_equal(upcall_dump[0], EXO_UPCALL_FAULT);
    check_equal(upcall_dump[1], 0x70000010);
    check_equal(upcall_dump[2] >> 26, 0x24);
    check_equal(upcall_dump[3], EXO_ACCESS_READ);
    check_equal(upcall_dump[4], (uintptr_t)control);
    for (unsigned i = 5; i < 31; i++)
        check_equal(upcall_dump[i], interrupted.x[i]);
    check_equal(upcall_dump[31], stack);
    check_equal(upcall_dump[32], 0); /* the flags */
    check_equal(control->inside, 0);
}

static void
fault(uint64_t va)
{
    (void)try_read(va);
}

static void
upcall_and_resume_preserve_fp_registers(void)
{
    catch_faults();
    check_equal(fp_registers_changed_by(fault, 0x70000000), 0);
    check_equal(caught.count, 1);
}

/* --- Traps ---------------------------------------------------------------------------------------
 */

static void
breakpoint_is_a_trap(void)
{
    catch_faults();
    __asm__ volatile("brk #0x123");
    check_equal(caught.count, 1);
    check_equal(caught.upcall.kind, EXO_UPCALL_TRAP);
    check_equal(caught.upcall.a, caught.context.pc);
    check_equal(exception_class(), 0x3c);
    check_equal(caught.upcall.b & 0xffff, 0x123);
}

static void
undefined_instruction_is_a_trap(void)
{
    catch_faults();
    __asm__ volatile(".inst 0");
    check_equal(caught.count, 1);
    check_equal(caught.upcall.kind, EXO_UPCALL_TRAP);
    check_equal(exception_class(), 0);
}

/* The kernel's registers and instructions of higher levels are not there at EL0. */
#define TRAPS(instruction)                                  \
    do {                                                    \
        catch_faults();                                     \
        __asm__ volatile(instruction : : : "x0", "memory"); \
        check_equal(caught.count, 1);                       \
        check_equal(caught.upcall.kind, EXO_UPCALL_TRAP);   \
    } while (0)

static void
privileged_instructions_are_traps(void)
{
    TRAPS("mrs x0, ttbr0_el1");
    TRAPS("msr vbar_el1, x0");
    TRAPS("mrs x0, sctlr_el1");
    TRAPS("mrs x0, tpidr_el1");
    TRAPS("msr tpidrro_el0, x0");
    TRAPS("msr daifset, #2");
    TRAPS("tlbi vmalle1");
    TRAPS("ic iallu");
    TRAPS("at s1e1r, x0");
    TRAPS("eret");
    TRAPS("hvc #0");
    TRAPS("smc #0");
    TRAPS("msr cntv_ctl_el0, x0");
    TRAPS("msr cntp_ctl_el0, x0");
    TRAPS("mrs x0, pmccntr_el0");
    TRAPS("hlt #0");
}

static void
misaligned_exclusive_is_a_trap(void)
{
    static uint64_t words[2];
    uint64_t address = (uintptr_t)words + 1, value = 0;
    catch_faults();
    __asm__ volatile("ldxr %0, [%1]" : "+r"(value) : "r"(address) : "memory");
    check_equal(caught.count, 1);
    check_equal(exception_class(), 0x24);
    check_equal(caught.upcall.b & 0x3f, 0x21); /* alignment: Arm ARM ESR_ELx, DFSC */
    check_equal(caught.upcall.kind, EXO_UPCALL_TRAP);
}

static void
realign(const struct rt_upcall *upcall, struct exo_context *context)
{
    caught.count++;
    caught.upcall = *upcall;
    context->pc = context->x[30];
    context->pstate &= ~0xc00ull; /* BTYPE: what follows the call is no landing pad */
}

static void
misaligned_pc_is_a_trap(void)
{
    catch_faults();
    (void)rt_on(EXO_UPCALL_TRAP, realign);
    try_call((uintptr_t)fault + 2);
    check_equal(caught.count, 1);
    check_equal(caught.upcall.a, (uintptr_t)fault + 2);
    check_equal(exception_class(), 0x22);
}

/* --- Faults
 * --------------------------------------------------------------------------------------- */

static void
addresses_of_the_kernel_fault(void)
{
    static const uint64_t places[] = {
        EXO_VA_END,     0xffff000000000000ull, 0xffffff8000000000ull, 0xffffffff80000000ull,
        UINT64_MAX - 7, 0x0001000000000000ull};
    for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        catch_faults();
        (void)try_read(places[i]);
        check_equal(caught.count, 1);
        check_equal(caught.upcall.kind, EXO_UPCALL_FAULT);
        try_write(places[i], 0);
        check_equal(caught.count, 2);
        try_call(places[i]);
        check_equal(caught.count, 3);
        check_equal(caught.upcall.c, EXO_ACCESS_EXEC);
    }
}

static void
first_and_last_pages_are_not_mapped(void)
{
    catch_faults();
    (void)try_read(0);
    (void)try_read(EXO_VA_START - 8);
    (void)try_read(EXO_BOOT_STACK_TOP - EXO_BOOT_STACK_BYTES - 8); /* below the stack */
    (void)try_read(EXO_VA_END - 8);
    check_equal(caught.count, 4);
}

static unsigned repairs;
static uint32_t repair_slot;

static void
repair(const struct rt_upcall *upcall, struct exo_context *context)
{
    (void)context;
    repairs++;
    (void)rt_map_pages(upcall->a & ~4095ull, repair_slot, 0, 1, EXO_PROT_READ | EXO_PROT_WRITE);
}

static void
handler_repairs_a_fault_and_the_instruction_runs_again(void)
{
    uint64_t va = rt_va_take(1, 0) + 24;
    repairs = 0;
    repair_slot = new_frames(EXO_BOOT_CELL, 1);
    (void)rt_on(EXO_UPCALL_FAULT, repair);
    try_write(va, 31);
    check_equal(try_read(va), 31);
    check_equal(repairs, 1);
}

/* --- Events
 * ---------------------------------------------------------------------------------------- */

static unsigned events;
static uint64_t event_bits;

static void
record_event(const struct rt_upcall *upcall, struct exo_context *context)
{
    (void)context;
    events++;
    event_bits |= upcall->a;
}

/* A notification bound to this vCPU, with these bits as its badge. */
static uint32_t
signal_to_self(uint64_t bits)
{
    uint32_t notification = new_notification();
    check_equal(exo_notification_bind(notification, EXO_BOOT_VCPU), EXO_OK);
    events = 0;
    event_bits = 0;
    (void)rt_on(EXO_UPCALL_EVENT, record_event);
    return badged(notification, bits);
}

static void
event_in_the_mask_is_an_upcall_at_once(void)
{
    uint32_t signal = signal_to_self(1 << 5);
    rt_event_mask(1 << 5);
    check_equal(exo_notify(signal), EXO_OK);
    check_equal(events, 1);
    check_equal(event_bits, 1 << 5);
    check_equal(rt_control()->events, 0);
}

static void
event_outside_the_mask_waits_in_the_control_page(void)
{
    uint32_t signal = signal_to_self(1 << 5);
    rt_event_mask(1 << 6);
    check_equal(exo_notify(signal), EXO_OK);
    (void)exo_yield();
    check_equal(events, 0);
    check_equal(rt_control()->events, 1 << 5);
    rt_event_mask(1 << 5); /* now it is wanted */
    check_equal(events, 1);
}

static void
inside_defers_events(void)
{
    uint32_t signal = signal_to_self(1 << 5);
    rt_event_mask(1 << 5);
    uint32_t before = rt_inside_enter();
    check_equal(exo_notify(signal), EXO_OK);
    (void)exo_null();
    (void)exo_yield();
    check_equal(events, 0);
    rt_inside_leave(before);
    check_equal(events, 1);
}

static uint32_t again_signal;

static void
signal_again(const struct rt_upcall *upcall, struct exo_context *context)
{
    record_event(upcall, context);
    if (events < 3)
        (void)exo_notify(again_signal);
}

static void
event_during_an_upcall_follows_it(void)
{
    again_signal = signal_to_self(1);
    (void)rt_on(EXO_UPCALL_EVENT, signal_again);
    rt_event_mask(1);
    check_equal(exo_notify(again_signal), EXO_OK);
    check_equal(events, 3);
}

/* --- Coming back to the CPU
 * ------------------------------------------------------------------------- */

static _Atomic unsigned runs;

static void
count_run(const struct rt_upcall *upcall, struct exo_context *context)
{
    (void)upcall;
    (void)context;
    runs++;
}

static void
yield_often(void *argument)
{
    (void)argument;
    for (;;)
        (void)exo_yield();
}

static void
yield_to_another_comes_back_as_a_run_upcall(void)
{
    struct rt_thread thread;
    check_equal(rt_vcpu_start(0, yield_often, NULL, &thread), EXO_OK);
    (void)rt_on(EXO_UPCALL_RUN, count_run);
    runs = 0;
    uint64_t deadline = test_patience();
    while (runs < 10 && rt_ticks() < deadline)
        (void)exo_yield();
    check(runs >= 10);
    rt_vcpu_end(&thread);
}

static void
spin(void *argument)
{
    _Atomic uint64_t *counter = argument;
    for (;;)
        (*counter)++;
}

/* Two that never give the CPU up both get on, and each is told when it comes back. */
static void
preempted_vcpu_comes_back_as_a_run_upcall(void)
{
    static _Atomic uint64_t counter;
    struct rt_thread thread;
    counter = 0;
    check_equal(rt_vcpu_start(0, spin, &counter, &thread), EXO_OK);
    (void)rt_on(EXO_UPCALL_RUN, count_run);
    runs = 0;
    uint64_t deadline = test_patience();
    while ((runs < 3 || counter == 0) && rt_ticks() < deadline) {
    }
    check(runs >= 3);
    check(counter > 0);
    rt_vcpu_end(&thread);
}

static void
yield_many_times(uint64_t times)
{
    for (uint64_t i = 0; i < times; i++)
        (void)exo_yield();
}

static _Atomic uint64_t lost_by_thread;

static void
yield_with_fp(void *argument)
{
    uint64_t times = *(uint64_t *)argument;
    lost_by_thread = fp_registers_changed_by(yield_many_times, times);
}

/* The other one has the same pattern, so it is refilled with another while they take turns. */
static void
refill_fp_and_yield(void *argument)
{
    (void)argument;
    for (uint64_t i = 0;; i++) {
        fp_registers_fill(i << 32);
        (void)exo_yield();
    }
}

static void
fp_registers_belong_to_each_vcpu(void)
{
    static uint64_t times = 200;
    struct rt_thread other, refill;
    lost_by_thread = UINT64_MAX;
    check_equal(rt_vcpu_start(0, refill_fp_and_yield, NULL, &refill), EXO_OK);
    check_equal(rt_vcpu_start(0, yield_with_fp, &times, &other), EXO_OK);
    check_equal(fp_registers_changed_by(yield_many_times, times), 0);
    check(rt_vcpu_wait(&other, test_patience()));
    check_equal(lost_by_thread, 0);
    rt_vcpu_end(&refill);
    rt_vcpu_end(&other);
}

/* --- Counts --------------------------------------------------------------------------------------
 */

/* Each upcall's handler makes a call, and the kernel says how many came between. */
static void
every_system_call_is_counted_once(void)
{
    struct exo_control *control = rt_control();
    uint64_t *calls = &rt_vcpu_of(control)->calls;
    uint64_t upcalls, before, grown;
    struct exo_cell_info info = {.size = sizeof(info)};
    do {
        upcalls = control->upcalls;
        before = *(volatile uint64_t *)calls;
        for (int i = 0; i < 10; i++)
            (void)exo_cell_info(EXO_NONE, &info);
        grown = *(volatile uint64_t *)calls - before;
    } while (control->upcalls != upcalls);
    check_equal(grown, 10);
}

static void
an_upcall_costs_one_call(void)
{
    struct exo_control *control = rt_control();
    uint64_t *calls = &rt_vcpu_of(control)->calls;
    uint64_t upcalls = control->upcalls, before = *(volatile uint64_t *)calls;
    catch_faults();
    for (int i = 0; i < 10; i++)
        (void)try_read(0x70000010);
    upcalls = control->upcalls - upcalls;
    check(upcalls >= 10);
    check_equal(*(volatile uint64_t *)calls - before, upcalls);
}

static const struct test tests[] = {
    TEST(upcall_enters_with_the_registers_that_the_contract_says),
    TEST(upcall_and_resume_preserve_fp_registers),
    TEST(breakpoint_is_a_trap),
    TEST(undefined_instruction_is_a_trap),
    TEST(privileged_instructions_are_traps),
    TEST(misaligned_exclusive_is_a_trap),
    TEST(misaligned_pc_is_a_trap),
    TEST(addresses_of_the_kernel_fault),
    TEST(first_and_last_pages_are_not_mapped),
    TEST(handler_repairs_a_fault_and_the_instruction_runs_again),
    TEST(event_in_the_mask_is_an_upcall_at_once),
    TEST(event_outside_the_mask_waits_in_the_control_page),
    TEST(inside_defers_events),
    TEST(event_during_an_upcall_follows_it),
    TEST(yield_to_another_comes_back_as_a_run_upcall),
    TEST(preempted_vcpu_comes_back_as_a_run_upcall),
    TEST(fp_registers_belong_to_each_vcpu),
    TEST(every_system_call_is_counted_once),
    TEST(an_upcall_costs_one_call),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}

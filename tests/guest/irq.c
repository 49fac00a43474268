// config: smp=1,4 cpu=max,cortex-a72
/* Interrupt lines: opened, bound, acknowledged and closed; the RTC's alarm makes them fire. */
#include "fixture.h"
#include "interrupts.h"
#include "refuse.h"
#include "rtc.h"

#define BIT        0x10ull
#define FREE_LINE  250u /* INTIDs that no device of the board has */
#define FREE_LINES 4u

static uint32_t
open_line(uint32_t line, uint32_t flags)
{
    uint32_t slot = rt_slot_take();
    check_equal(exo_irq_open(EXO_BOOT_CELL, slot, EXO_BOOT_IRQ, line, flags), EXO_OK);
    return slot;
}

/* A badged notification of that vCPU. */
static uint32_t
signal_to(uint32_t vcpu)
{
    uint32_t notification = new_notification();
    check_equal(exo_notification_bind(notification, vcpu), EXO_OK);
    return badged(notification, BIT);
}

/* The RTC's line, low, bound to that vCPU. */
static uint32_t
bound_rtc(uint32_t flags, uint32_t vcpu)
{
    uint32_t line = open_line(RTC_LINE, flags);
    check(rtc_open(EXO_BOOT_RTC));
    check_equal(exo_irq_bind(line, signal_to(vcpu)), EXO_OK);
    return line;
}

static void
comes(void)
{
    check_equal(rt_wait_events(BIT, test_patience()), BIT);
}

/* Interrupts of this CPU are taken by now. */
static void
comes_not(void)
{
    check_equal(exo_yield(), EXO_OK);
    check_equal(rt_take_events(UINT64_MAX), 0);
}

/* --- An interrupt's way ----------------------------------------------------------------------- */

static void
interrupt_wakes_who_waits_for_it(void)
{
    uint32_t line = bound_rtc(EXO_IRQ_LEVEL, EXO_BOOT_VCPU);
    comes_not();
    rtc_raise();
    comes();
    rtc_clear();
    check_equal(exo_irq_ack(line), EXO_OK);
    comes_not();
}

struct waiter {
    _Atomic uint32_t ready, woken;
};

static void
wait_once(void *argument)
{
    struct waiter *waiter = argument;
    atomic_store(&waiter->ready, 1);
    atomic_store(&waiter->woken, rt_wait_events(BIT, test_patience()) == BIT ? 1 : 2);
}

static void
interrupt_wakes_who_waits_on_another_cpu(void)
{
    static struct waiter waiter;
    struct rt_thread thread;
    waiter = (struct waiter){0};
    check_equal(rt_vcpu_start(other_cpu(), wait_once, &waiter, &thread), EXO_OK);
    uint32_t line = bound_rtc(EXO_IRQ_LEVEL, thread.slot);
    check(rt_wait_word(&waiter.ready, 1, test_patience()));
    trace_interrupts();
    rtc_raise();
    check(rt_wait_word(&waiter.woken, 1, test_patience()));
    check_equal(rt_take_events(UINT64_MAX), 0);
    for (uint32_t cpu = 0; cpu < rt_machine.cpus; cpu++) /* it costs no other CPU anything */
        check_equal(interrupts_taken(cpu, RTC_LINE, RTC_LINE + 1), cpu == other_cpu());
    rtc_clear();
    check_equal(exo_irq_ack(line), EXO_OK);
    rt_vcpu_end(&thread);
}

static _Atomic uint32_t upcalls;

static void
count_upcall(const struct rt_upcall *upcall, struct exo_context *context)
{
    (void)context;
    atomic_fetch_add(&upcalls, upcall->a == BIT);
}

static void
interrupt_is_an_upcall_of_who_runs(void)
{
    uint32_t line = bound_rtc(EXO_IRQ_LEVEL, EXO_BOOT_VCPU);
    atomic_store(&upcalls, 0);
    (void)rt_on(EXO_UPCALL_EVENT, count_upcall);
    rt_event_mask(BIT);
    rtc_raise();
    check(rt_wait_word(&upcalls, 1, test_patience()));
    rtc_clear();
    check_equal(exo_irq_ack(line), EXO_OK);
    check_equal(atomic_load(&upcalls), 1);
}

/* Owns the slots of its CPU, and waits for interrupts; counts them. */
static int
count_interrupts(uint64_t unused)
{
    _Atomic uint32_t *count = rt_shared();
    (void)unused;
    while (exo_wait(EXO_FOREVER) == EXO_OK) {
        (void)rt_take_events(UINT64_MAX);
        atomic_fetch_add(count, 1);
    }
    return __LINE__;
}

/* A raise with a pattern in x0 to x7, where calls have their results: whether it was still there.
 */
static bool
raise_with_a_pattern(void)
{
    uint64_t same;
    __asm__ volatile("mov x0, #20\n mov x1, #21\n mov x2, #22\n mov x3, #23\n"
                     "mov x4, #24\n mov x5, #25\n mov x6, #26\n mov x7, #27\n"
                     "str %w2, [%1]\n ldr wzr, [%1]\n"
                     "cmp x0, #20\n ccmp x1, #21, #0, eq\n ccmp x2, #22, #0, eq\n"
                     "ccmp x3, #23, #0, eq\n ccmp x4, #24, #0, eq\n ccmp x5, #25, #0, eq\n"
                     "ccmp x6, #26, #0, eq\n ccmp x7, #27, #0, eq\n cset %0, eq"
                     : "=&r"(same)
                     : "r"(&rtc[RTC_MATCH]), "r"(rtc[RTC_DATA])
                     : "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "cc", "memory");
    return same;
}

static void
interrupt_enters_the_owner_of_the_slot_and_returns(void)
{
    const struct rt_spawn spawn = {
        .entry = count_interrupts,
        .limit = {RT_SPAWN_FRAMES, RT_SPAWN_CAPS, 1, EXO_CPU_SLOTS},
    };
    struct rt_child child;
    if (!start_child(&spawn, &child))
        return;
    check_equal(exo_cpu_assign(EXO_BOOT_CPU, 0, EXO_CPU_SLOTS, child.vcpu), EXO_OK);
    _Atomic uint32_t *count = rt_shared_of(&child);
    uint32_t line = bound_rtc(EXO_IRQ_LEVEL, child.vcpu);
    for (unsigned i = 0; i < 200; i++) {
        (void)exo_yield(); /* until it waits */
        uint32_t before = atomic_load(count);
        check(raise_with_a_pattern());
        if (rtc[RTC_RAW] & 1) /* the second did not end meanwhile */
            check_equal(atomic_load(count), before + 1);
        rtc_clear();
        check_equal(exo_again(exo_irq_ack(line)), EXO_OK);
    }
    rt_kill(&child);
}

/* The transmitter's interrupt: it is high whenever there is room. */
static void
uart_interrupts_too(void)
{
    enum { DATA = 0, MASK = 0x38 / 4, CLEAR = 0x44 / 4, TRANSMIT = 1 << 5 };
    int64_t status;
    volatile uint32_t *uart = rt_map_at_any(copy_of(EXO_BOOT_CONSOLE, EXO_READ | EXO_WRITE), 0, 1,
                                            EXO_PROT_READ | EXO_PROT_WRITE, &status);
    uint32_t line = open_line(UART_LINE, EXO_IRQ_LEVEL);
    check_equal(exo_irq_bind(line, signal_to(EXO_BOOT_VCPU)), EXO_OK);
    uart[CLEAR] = TRANSMIT;
    uart[MASK] = TRANSMIT;
    uart[DATA] = '#';
    comes();
    uart[MASK] = 0;
    uart[DATA] = '\n';
    check_equal(exo_irq_ack(line), EXO_OK);
    comes_not();
}

/* --- Masking ------------------------------------------------------------------------------------
 */

static void
level_is_masked_until_acknowledged(void)
{
    uint32_t line = bound_rtc(EXO_IRQ_LEVEL, EXO_BOOT_VCPU);
    rtc_raise();
    comes();
    for (int i = 0; i < 100; i++)
        comes_not(); /* though it is still high */
    check_equal(exo_irq_ack(line), EXO_OK);
    comes();
    rtc_clear();
    check_equal(exo_irq_ack(line), EXO_OK);
    comes_not();
}

static void
edge_before_the_acknowledgement_masks_and_the_next_one_pends(void)
{
    uint32_t line = bound_rtc(0, EXO_BOOT_VCPU);
    for (int i = 0; i < 3; i++) {
        for (int edge = 0; edge < 2; edge++) {
            rtc_raise();
            comes();
            rtc_clear();
        }
        rtc_raise();
        rtc_clear();
        comes_not();
        check_equal(exo_irq_ack(line), EXO_OK);
        comes();
        check_equal(exo_irq_ack(line), EXO_OK);
        comes_not();
    }
}

static void
what_pended_before_the_opening_is_forgotten(void)
{
    check(rtc_open(EXO_BOOT_RTC));
    rtc_raise();
    rtc_clear();
    uint32_t line = open_line(RTC_LINE, 0);
    check_equal(exo_irq_bind(line, signal_to(EXO_BOOT_VCPU)), EXO_OK);
    comes_not();
}

static void
binding_ends_with_the_notification(void)
{
    uint32_t line = open_line(RTC_LINE, EXO_IRQ_LEVEL), notification = new_notification();
    check(rtc_open(EXO_BOOT_RTC));
    check_equal(exo_notification_bind(notification, EXO_BOOT_VCPU), EXO_OK);
    check_equal(exo_irq_bind(line, badged(notification, BIT)), EXO_OK);
    check_equal(rt_revoke(notification), EXO_OK);
    rtc_raise();
    comes_not();
    check_equal(exo_irq_ack(line), EXO_E_STATE);
    check_equal(exo_irq_bind(line, badged(notification, BIT)), EXO_OK);
    comes();
    check_equal(rt_drop(notification), EXO_OK);
    check_equal(exo_irq_ack(line), EXO_E_STATE);
    rtc_clear();
    comes_not();
}

static void
unbound_line_tells_nobody(void)
{
    uint32_t line = bound_rtc(EXO_IRQ_LEVEL, EXO_BOOT_VCPU);
    check_equal(exo_again(exo_irq_bind(line, EXO_NONE)), EXO_OK);
    rtc_raise();
    comes_not();
    check_equal(exo_irq_ack(line), EXO_E_STATE);
    check_equal(exo_again(exo_irq_bind(line, EXO_NONE)), EXO_OK);
    check_equal(exo_irq_bind(line, signal_to(EXO_BOOT_VCPU)), EXO_OK);
    comes();
    rtc_clear();
}

/* --- Its holder's end ------------------------------------------------------------------------- */

static void
closed_line_can_be_opened_anew_and_is_masked(void)
{
    uint32_t line = bound_rtc(EXO_IRQ_LEVEL, EXO_BOOT_VCPU);
    rtc_raise();
    comes();
    check_equal(exo_irq_ack(line), EXO_OK);
    comes();
    check_equal(rt_drop(line), EXO_OK);
    check_equal(exo_irq_open(EXO_BOOT_CELL, line, EXO_BOOT_IRQ, RTC_LINE, EXO_IRQ_LEVEL), EXO_OK);
    comes_not();
    check_equal(exo_irq_bind(line, signal_to(EXO_BOOT_VCPU)), EXO_OK);
    comes();
    rtc_clear();
}

/* Acknowledges for ever what never ends. */
static int
hold_the_line(uint64_t unused)
{
    enum { IRQS = RT_SLOT_GRANT, RTC, LINE, SIGNAL, BADGED };
    (void)unused;
    child_expects(exo_notification_create(EXO_BOOT_CELL, SIGNAL) == EXO_OK);
    child_expects(exo_notification_bind(SIGNAL, EXO_BOOT_VCPU) == EXO_OK);
    child_expects(exo_cap_copy(SIGNAL, EXO_SELF, BADGED, EXO_WRITE | EXO_COPY, BIT, 0) == EXO_OK);
    child_expects(exo_irq_open(EXO_BOOT_CELL, LINE, IRQS, RTC_LINE, EXO_IRQ_LEVEL) == EXO_OK);
    child_expects(exo_irq_bind(LINE, BADGED) == EXO_OK);
    child_expects(rtc_open(RTC));
    rtc_raise();
    for (_Atomic uint32_t *count = rt_shared();; atomic_fetch_add(count, 1)) {
        child_expects(rt_wait_events(BIT, test_patience()) == BIT);
        child_expects(exo_again(exo_irq_ack(LINE)) == EXO_OK);
    }
}

static const struct rt_spawn holder = {
    .entry = hold_the_line,
    .grant = {{.src = EXO_BOOT_IRQ, .dst = RT_SLOT_GRANT, .rights = EXO_WRITE},
              {.src = EXO_BOOT_RTC,
               .dst = RT_SLOT_GRANT + 1,
               .rights = EXO_READ | EXO_WRITE | EXO_COPY}}};

static void
killed_holder_leaves_the_line_masked_and_free(void)
{
    uint32_t line = rt_slot_take(), signal = signal_to(EXO_BOOT_VCPU);
    for (unsigned i = 0; i < test_rounds(10, 500); i++) {
        struct rt_spawn spawn = holder;
        struct rt_child child;
        spawn.cpu = i % rt_machine.cpus;
        if (!start_child(&spawn, &child))
            return;
        _Atomic uint32_t *count = rt_shared_of(&child);
        while (atomic_load(count) <= i && atomic_load(&child.page->state) == RT_CHILD_RUNS)
            (void)exo_yield();
        if (!check_equal(child.page->code, 0))
            return;
        check_equal(exo_irq_open(EXO_BOOT_CELL, line, EXO_BOOT_IRQ, RTC_LINE, EXO_IRQ_LEVEL),
                    EXO_E_BUSY);
        rt_kill(&child);
        check_equal(exo_irq_open(EXO_BOOT_CELL, line, EXO_BOOT_IRQ, RTC_LINE, EXO_IRQ_LEVEL),
                    EXO_OK);
        comes_not();
        check_equal(exo_irq_bind(line, signal), EXO_OK);
        comes(); /* still high */
        check_equal(rt_drop(line), EXO_OK);
    }
    check(rtc_open(EXO_BOOT_RTC));
}

/* --- What is refused -------------------------------------------------------------------------- */

static void
open_refuses(void)
{
    struct call call = {EXO_CALL_irq_open,
                        {EXO_BOOT_CELL, rt_slot_take(), EXO_BOOT_IRQ, FREE_LINE}};
    uint32_t line = open_line(FREE_LINE + 1, 0);
    struct exo_cap_info all = info_of(EXO_BOOT_IRQ);
    check_equal(all.base_or_badge, 32);
    check(all.count >= 32);
    refuses_bad_capability(call, 0, EXO_WRITE);
    refuses_bad_destination(call, 1);
    refuses_bad_capability(call, 2, EXO_WRITE);
    check_equal(exo_irq_open(EXO_BOOT_CELL, (uint32_t)call.x[1], line, FREE_LINE + 1, 0),
                EXO_E_TYPE);
    check_equal(exo_irq_open(EXO_BOOT_CELL, (uint32_t)call.x[1], EXO_BOOT_IRQ, FREE_LINE + 1, 0),
                EXO_E_BUSY);
    const uint64_t outside[] = {
        0, 27, 31, 32 + all.count, 1019, 8192, 1ull << 32 | FREE_LINE, UINT64_MAX};
    for (unsigned i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
        call.x[3] = outside[i];
        check_equal(call_raw(&call), EXO_E_RANGE);
    }
    call.x[3] = FREE_LINE;
    for (uint64_t flag = 2; flag != 0; flag <<= 1) {
        call.x[4] = flag;
        check_equal(call_raw(&call), EXO_E_ARG);
    }
    call.x[0] = new_cell(EXO_BOOT_CELL, 0);
    call.x[4] = 0;
    check_equal(call_raw(&call), EXO_E_LIMIT);
    struct exo_cap_info info = info_of(line);
    check_equal(info.type, EXO_TYPE_IRQ);
    check_equal(info.base_or_badge, FREE_LINE + 1);
    check_equal(info.count, 1);
}

static void
narrowed_range_opens_its_lines_only(void)
{
    uint32_t part = rt_slot_take(), slot = rt_slot_take();
    check_equal(exo_cap_copy(EXO_BOOT_IRQ, EXO_SELF, part, EXO_WRITE | EXO_COPY, FREE_LINE, 2),
                EXO_OK);
    check_equal(exo_cap_copy(part, EXO_SELF, slot, EXO_WRITE, FREE_LINE, 3), EXO_E_RANGE);
    check_equal(exo_irq_open(EXO_BOOT_CELL, slot, part, FREE_LINE - 1, 0), EXO_E_RANGE);
    check_equal(exo_irq_open(EXO_BOOT_CELL, slot, part, FREE_LINE + 2, 0), EXO_E_RANGE);
    check_equal(exo_irq_open(EXO_BOOT_CELL, slot, part, FREE_LINE + 1, 0), EXO_OK);
}

static void
bind_and_acknowledge_refuse(void)
{
    uint32_t line = open_line(FREE_LINE, EXO_IRQ_LEVEL), plain = new_notification();
    struct call bind = {EXO_CALL_irq_bind, {line, badged(plain, BIT)}},
                ack = {EXO_CALL_irq_ack, {line}};
    check_equal(exo_irq_ack(line), EXO_E_STATE);
    refuses_bad_capability(bind, 0, EXO_CONTROL);
    check_equal(exo_irq_bind(EXO_BOOT_IRQ, (uint32_t)bind.x[1]), EXO_E_TYPE);
    check_equal(exo_irq_bind(line, plain), EXO_E_ARG);
    check_equal(exo_irq_bind(line, line), EXO_E_TYPE);
    check_equal(exo_irq_bind(line, copy_of((uint32_t)bind.x[1], EXO_WRITE)), EXO_E_RIGHT);
    check_equal(exo_irq_bind(line, copy_of((uint32_t)bind.x[1], EXO_COPY)), EXO_E_RIGHT);
    check_equal(call_raw(&bind), EXO_OK); /* though the notification is bound to nobody */
    check_equal(call_raw(&bind), EXO_E_OCCUPIED);
    check_equal(call_raw(&ack), EXO_OK);
    refuses_bad_capability(ack, 0, EXO_CONTROL);
    check_equal(exo_irq_ack(EXO_BOOT_IRQ), EXO_E_TYPE);
}

/* --- Several at once -------------------------------------------------------------------------- */

/* Opens, binds, acknowledges and closes the line that all others do, too. */
static void
use_the_line(void *argument)
{
    uint32_t line = rt_slot_take(), signal = *(uint32_t *)argument;
    for (unsigned i = 0; i < test_rounds(300, 20000); i++) {
        if (exo_irq_open(EXO_BOOT_CELL, line, EXO_BOOT_IRQ, RTC_LINE, i % 2) == EXO_OK) {
            check_equal(exo_irq_bind(line, signal), EXO_OK);
            for (unsigned n = 0; n < i % 5; n++)
                (void)exo_irq_ack(line);
            if (i % 3 == 0)
                check_equal(exo_again(exo_irq_bind(line, EXO_NONE)), EXO_OK);
            check_equal(rt_drop(line), EXO_OK);
        } else {
            rtc_raise();
            rtc_clear();
            rtc_raise();
        }
    }
}

static void
line_is_used_from_all_cpus(void)
{
    static uint32_t signal[EXO_CPUS_MAX];
    struct rt_thread threads[EXO_CPUS_MAX];
    check(rtc_open(EXO_BOOT_RTC));
    for (uint32_t cpu = 1; cpu < rt_machine.cpus; cpu++) {
        check_equal(rt_vcpu_make(cpu, use_the_line, &signal[cpu], &threads[cpu]), EXO_OK);
        signal[cpu] = signal_to(threads[cpu % 2 ? cpu : 1].slot);
        check_equal(exo_vcpu_start(threads[cpu].slot), EXO_OK);
    }
    signal[0] = signal_to(EXO_BOOT_VCPU);
    use_the_line(&signal[0]);
    for (uint32_t cpu = 1; cpu < rt_machine.cpus; cpu++)
        check(rt_vcpu_wait(&threads[cpu], test_patience()));
    for (uint32_t cpu = 1; cpu < rt_machine.cpus; cpu++)
        rt_vcpu_end(&threads[cpu]);
    rtc_clear();
    (void)rt_take_events(UINT64_MAX);
    interrupt_wakes_who_waits_for_it();
}

static const struct test tests[] = {
    TEST(interrupt_wakes_who_waits_for_it),
    TEST(interrupt_wakes_who_waits_on_another_cpu),
    TEST(interrupt_is_an_upcall_of_who_runs),
    TEST(interrupt_enters_the_owner_of_the_slot_and_returns),
    TEST(uart_interrupts_too),
    TEST(level_is_masked_until_acknowledged),
    TEST(edge_before_the_acknowledgement_masks_and_the_next_one_pends),
    TEST(what_pended_before_the_opening_is_forgotten),
    TEST(binding_ends_with_the_notification),
    TEST(unbound_line_tells_nobody),
    TEST(closed_line_can_be_opened_anew_and_is_masked),
    TEST(killed_holder_leaves_the_line_masked_and_free),
    TEST(open_refuses),
    TEST(narrowed_range_opens_its_lines_only),
    TEST(bind_and_acknowledge_refuse),
    TEST(line_is_used_from_all_cpus),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}

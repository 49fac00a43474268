// config: smp=1,4 cpu=max icount=1 cmdline=exo.audit=0
/*
 * Programs that hold an interrupt line which never falls silent, beside a
 * neighbour that owns 8 of its CPU's 32 slots; and programs that reach for a
 * line without its capability.
 */
#include "neighbour.h"
#include "rtc.h"

#define ROUNDS     2u
#define PAUSE_EACH 128u /* acknowledgements: more than a slot takes */
#define PAUSE_NS   400000u
#define BIT        1ull

/* Slots of the offender. */
enum { IRQS = RT_SLOT_GRANT, RTC, LINE, SIGNAL, BADGED, TARGET };

static void
never_runs(void *unused)
{
    (void)unused;
    for (;;)
        (void)exo_wait(EXO_FOREVER);
}

/* The line is high and interrupts that CPU whenever it may. */
static int
begin_storm(uint32_t cpu)
{
    static struct rt_thread thread;
    child_expects(exo_notification_create(EXO_BOOT_CELL, SIGNAL) == EXO_OK);
    if (cpu != rt_control()->cpu) {
        child_expects(rt_vcpu_start(cpu, never_runs, NULL, &thread) == EXO_OK);
        child_expects(exo_notification_bind(SIGNAL, thread.slot) == EXO_OK);
    } else {
        child_expects(exo_notification_bind(SIGNAL, EXO_BOOT_VCPU) == EXO_OK);
    }
    child_expects(exo_cap_copy(SIGNAL, EXO_SELF, BADGED, EXO_WRITE | EXO_COPY, BIT, 0) == EXO_OK);
    child_expects(exo_irq_open(EXO_BOOT_CELL, LINE, IRQS, RTC_LINE, EXO_IRQ_LEVEL) == EXO_OK);
    child_expects(rtc_open(RTC));
    rtc_raise();
    child_expects(exo_irq_bind(LINE, BADGED) == EXO_OK);
    return 0;
}

/* Elsewhere it pauses: with icount one CPU works at a time. */
static int
acknowledge_for_ever(uint64_t cpu)
{
    bool elsewhere = cpu != rt_control()->cpu;
    int failed = begin_storm((uint32_t)cpu);
    if (failed != 0)
        return failed;
    for (unsigned i = 1;; i++) {
        (void)exo_irq_ack(LINE);
        if (elsewhere && i % PAUSE_EACH == 0)
            (void)exo_wait(rt_deadline_ns(PAUSE_NS));
    }
}

static struct rt_spawn
offender(int (*entry)(uint64_t argument), uint64_t argument)
{
    return (struct rt_spawn){
        .entry = entry,
        .argument = argument,
        .grant = {{.src = EXO_BOOT_IRQ, .dst = IRQS, .rights = EXO_WRITE},
                  {.src = EXO_BOOT_RTC, .dst = RTC, .rights = EXO_READ | EXO_WRITE | EXO_COPY}}};
}

static void
a_line_that_stays_high_takes_no_slot(void)
{
    const struct rt_spawn spawn = offender(acknowledge_for_ever, other_cpu());
    neighbour_keeps_its_slots_beside(&spawn, ROUNDS);
}

/* Acknowledged on one CPU, it interrupts another, where the neighbour is. */
static void
a_line_acknowledged_from_elsewhere_leaves_slots(void)
{
    struct rt_spawn spawn = offender(acknowledge_for_ever, other_cpu());
    struct neighbour neighbour;
    struct rt_child child;
    if (neighbour_start(&neighbour, other_cpu()) && start_child(&spawn, &child)) {
        neighbour_watch(&neighbour);
        neighbour_kept_its_slots(&neighbour, ROUNDS, false);
        check_equal(child.page->code, 0);
        neighbour_end(&neighbour, &child);
    }
}

/* --- The limit within a slot --- */

static uint64_t
slot_now(void)
{
    return rt_ticks() / rt_ns_to_ticks(EXO_SLOT_NS);
}

/* Acknowledges until refused; how often that worked in one slot, 0 if it was not all one slot. */
static unsigned
acknowledge_in_one_slot(void)
{
    unsigned times = 0;
    uint64_t slot = slot_now();
    while (exo_irq_ack(LINE) == EXO_OK && times <= EXO_IRQ_BURST)
        times++;
    return slot_now() == slot ? times : 0;
}

static int
count_a_burst(uint64_t cpu)
{
    unsigned times = 0;
    int failed = begin_storm((uint32_t)cpu);
    child_expects(failed == 0);
    for (int i = 0; times == 0 && i < 100; i++) {
        while (exo_irq_ack(LINE) != EXO_E_AGAIN) { /* into the middle of a slot that is refused */
        }
        while (exo_irq_ack(LINE) == EXO_E_AGAIN) { /* and out of it: that was one of the next */
        }
        times = acknowledge_in_one_slot() + 1;
    }
    child_expects(times == EXO_IRQ_BURST + 1); /* the last one masked it for the rest */
    child_expects(rt_take_events(BIT) == BIT);
    return 0;
}

static void
a_slot_has_a_bounded_number_of_interrupts(void)
{
    struct rt_child child;
    const struct rt_spawn spawn = offender(count_a_burst, 0);
    if (start_child(&spawn, &child))
        child_succeeds(&child);
}

/* --- Lines of others --- */

/* Has the device's page and a notification, and no capability of a line. */
static int
reach_for_the_line(uint64_t unused)
{
    (void)unused;
    child_expects(exo_notification_create(EXO_BOOT_CELL, SIGNAL) == EXO_OK);
    child_expects(exo_notification_bind(SIGNAL, EXO_BOOT_VCPU) == EXO_OK);
    child_expects(exo_cap_copy(SIGNAL, EXO_SELF, BADGED, EXO_WRITE | EXO_COPY, BIT, 0) == EXO_OK);
    for (uint32_t slot = 0; slot < EXO_CAPS_PER_PAGE * EXO_CAP_PAGES_MAX; slot++) {
        int64_t open = exo_irq_open(EXO_BOOT_CELL, LINE, slot, RTC_LINE, EXO_IRQ_LEVEL);
        child_expects(open == EXO_E_SLOT || open == EXO_E_TYPE);
        int64_t bind = exo_irq_bind(slot, BADGED), ack = exo_irq_ack(slot);
        child_expects(bind == EXO_E_SLOT || bind == EXO_E_TYPE);
        child_expects(ack == EXO_E_SLOT || ack == EXO_E_TYPE);
    }
    child_expects(rtc_open(RTC));
    rtc_raise();
    child_expects(rt_take_events(BIT) == 0);
    return 0;
}

static void
a_line_is_out_of_reach_without_its_capability(void)
{
    uint32_t line = rt_slot_take(), notification = new_notification();
    struct rt_child child;
    struct rt_spawn spawn = offender(reach_for_the_line, 0);
    spawn.grant[0] = (struct rt_grant){0};
    check_equal(exo_irq_open(EXO_BOOT_CELL, line, EXO_BOOT_IRQ, RTC_LINE, EXO_IRQ_LEVEL), EXO_OK);
    check_equal(exo_notification_bind(notification, EXO_BOOT_VCPU), EXO_OK);
    check_equal(exo_irq_bind(line, badged(notification, BIT)), EXO_OK);
    if (start_child(&spawn, &child))
        child_succeeds(&child);
    check_equal(rt_wait_events(BIT, test_patience()), BIT); /* it is the holder's */
    check(rtc_open(EXO_BOOT_RTC));
}

/* One that may open it, but finds it open, and its own line does not reach it. */
static int
open_beside(uint64_t unused)
{
    (void)unused;
    child_expects(exo_irq_open(EXO_BOOT_CELL, LINE, IRQS, RTC_LINE, EXO_IRQ_LEVEL) == EXO_E_BUSY);
    child_expects(exo_irq_open(EXO_BOOT_CELL, LINE, IRQS, RTC_LINE, 0) == EXO_E_BUSY);
    child_expects(exo_irq_ack(LINE) == EXO_E_SLOT);
    return 0;
}

static void
a_line_has_one_holder(void)
{
    struct rt_child child;
    const struct rt_spawn spawn = offender(open_beside, 0);
    check_equal(exo_irq_open(EXO_BOOT_CELL, rt_slot_take(), EXO_BOOT_IRQ, RTC_LINE, EXO_IRQ_LEVEL),
                EXO_OK);
    if (start_child(&spawn, &child))
        child_succeeds(&child);
}

static const struct test tests[] = {
    TEST(a_line_that_stays_high_takes_no_slot),
    TEST(a_line_acknowledged_from_elsewhere_leaves_slots),
    TEST(a_slot_has_a_bounded_number_of_interrupts),
    TEST(a_line_is_out_of_reach_without_its_capability),
    TEST(a_line_has_one_holder),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}

// config: smp=1,4 cpu=max,cortex-a72
/*
 * Interrupt lines: opened, bound, acknowledged, and closed, with the RTC's alarm as their source.
 */
#include "fixture.h"
#include "refuse.h"
#include "rtc.h"

#define BIT 0x10ull

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

/* The RTC's line, bound to this vCPU. */
static uint32_t
bound_rtc(void)
{
    uint32_t line = open_line(RTC_LINE, EXO_IRQ_LEVEL);
    check(rtc_open(EXO_BOOT_RTC));
    check_equal(exo_irq_bind(line, signal_to(EXO_BOOT_VCPU)), EXO_OK);
    return line;
}

static void
interrupt_wakes_who_waits_for_it(void)
{
    uint32_t line = bound_rtc();
    check_equal(rt_take_events(UINT64_MAX), 0);
    rtc_raise();
    check_equal(rt_wait_events(BIT, test_patience()), BIT);
    rtc_clear();
    check_equal(exo_irq_ack(line), EXO_OK);
    check_equal(rt_take_events(UINT64_MAX), 0);
}

static void
level_is_masked_until_acknowledged(void)
{
    uint32_t line = bound_rtc();
    rtc_raise();
    check_equal(rt_wait_events(BIT, test_patience()), BIT);
    for (int i = 0; i < 100; i++)
        check_equal(exo_yield(), EXO_OK);
    check_equal(rt_take_events(UINT64_MAX), 0); /* it is still high */
    check_equal(exo_irq_ack(line), EXO_OK);
    check_equal(rt_wait_events(BIT, test_patience()), BIT);
    rtc_clear();
    check_equal(exo_irq_ack(line), EXO_OK);
    check_equal(rt_take_events(UINT64_MAX), 0);
}

static const struct test tests[] = {
    TEST(interrupt_wakes_who_waits_for_it),
    TEST(level_is_masked_until_acknowledged),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}

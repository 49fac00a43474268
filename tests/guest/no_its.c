// config: smp=1,4 cpu=max its=0 devices=rng
/* A machine without message-signalled interrupts: devices, which need them, are not there. */
#include "fixture.h"
#include "rtc.h"

static void
device_without_messages_is_not_handed_out(void)
{
    struct exo_cap_info info;
    check_equal(exo_cap_info(EXO_BOOT_DEVICE, &info), EXO_E_SLOT);
}

static void
line_interrupts_all_the_same(void)
{
    uint32_t line = rt_slot_take(), notification = new_notification();
    check_equal(exo_irq_open(EXO_BOOT_CELL, line, EXO_BOOT_IRQ, RTC_LINE, EXO_IRQ_LEVEL), EXO_OK);
    check_equal(exo_notification_bind(notification, EXO_BOOT_VCPU), EXO_OK);
    check_equal(exo_irq_bind(line, badged(notification, 1)), EXO_OK);
    check(rtc_open(EXO_BOOT_RTC));
    rtc_raise();
    check_equal(rt_wait_events(1, test_patience()), 1);
    rtc_clear();
}

static const struct test tests[] = {
    TEST(device_without_messages_is_not_handed_out),
    TEST(line_interrupts_all_the_same),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}

// config: smp=1,4 cpu=max,cortex-a72 timeout=120
/* wait, yield, notifications: no wake-up is lost, no wait is longer than asked for. */
#include "fixture.h"
#include "refuse.h"

/* A notification bound to this vCPU; a badged capability of it. */
static uint32_t
signal_to(uint32_t vcpu, uint64_t bits)
{
    uint32_t notification = new_notification();
    check_equal(exo_notification_bind(notification, vcpu), EXO_OK);
    return badged(notification, bits);
}

/* --- wait ----------------------------------------------------------------------------------------
 */

static void
wait_ends_at_its_deadline(void)
{
    for (uint64_t ms = 0; ms < 5; ms++) {
        uint64_t deadline = rt_deadline_ns(ms * RT_MS_NS);
        check_equal(exo_wait(deadline), EXO_E_TIMEOUT);
        check(rt_ticks() >= deadline);
    }
}

static void
wait_for_a_deadline_that_passed_returns_at_once(void)
{
    check_equal(exo_wait(0), EXO_E_TIMEOUT);
    check_equal(exo_wait(rt_ticks()), EXO_E_TIMEOUT);
}

static void
wait_returns_at_once_when_an_event_is_there(void)
{
    uint32_t signal = signal_to(EXO_BOOT_VCPU, 8);
    check_equal(exo_notify(signal), EXO_OK);
    check_equal(exo_wait(EXO_FOREVER), EXO_OK);
    check_equal(exo_wait(EXO_FOREVER), EXO_OK); /* it is still there */
    check_equal(rt_take_events(UINT64_MAX), 8);
    check_equal(exo_wait(0), EXO_E_TIMEOUT);
}

struct signaller {
    uint32_t slot;
    uint64_t after_ns;
};

static void
signal_later(void *argument)
{
    const struct signaller *signaller = argument;
    rt_sleep_until(rt_deadline_ns(signaller->after_ns));
    (void)exo_notify(signaller->slot);
}

static void
waits_until_notified_from(uint32_t cpu)
{
    static struct signaller signaller;
    struct rt_thread thread;
    signaller = (struct signaller){signal_to(EXO_BOOT_VCPU, 2), 3 * RT_MS_NS};
    check_equal(rt_vcpu_start(cpu, signal_later, &signaller, &thread), EXO_OK);
    check_equal(exo_wait(test_patience()), EXO_OK);
    check_equal(rt_take_events(UINT64_MAX), 2);
    rt_vcpu_end(&thread);
}

static void
wait_ends_when_notified_from_this_cpu(void)
{
    waits_until_notified_from(0);
}

static void
wait_ends_when_notified_from_another_cpu(void)
{
    waits_until_notified_from(other_cpu());
}

static void
wait_returns_through_the_upcall_when_the_event_is_in_the_mask(void)
{
    static struct signaller signaller;
    struct rt_thread thread;
    signaller = (struct signaller){signal_to(EXO_BOOT_VCPU, 2), RT_MS_NS};
    rt_event_mask(2);
    uint64_t upcalls = rt_control()->upcalls;
    check_equal(rt_vcpu_start(other_cpu(), signal_later, &signaller, &thread), EXO_OK);
    check_equal(exo_wait(test_patience()), EXO_OK);
    check(rt_control()->upcalls > upcalls);
    check_equal(rt_control()->events, 0); /* rt's entry took it */
    rt_vcpu_end(&thread);
}

/* --- notify
 * ----------------------------------------------------------------------------------------- */

static void
bits_of_several_notifications_add_up(void)
{
    uint32_t notification = new_notification();
    check_equal(exo_notification_bind(notification, EXO_BOOT_VCPU), EXO_OK);
    uint32_t one = badged(notification, 1), many = badged(notification, 0xf000000000000004);
    check_equal(exo_notify(one), EXO_OK);
    check_equal(exo_notify(many), EXO_OK);
    check_equal(exo_notify(one), EXO_OK);
    check_equal(rt_take_events(UINT64_MAX), 0xf000000000000005);
}

static void
notify_refuses_a_capability_without_badge(void)
{
    uint32_t notification = new_notification();
    check_equal(exo_notification_bind(notification, EXO_BOOT_VCPU), EXO_OK);
    check_equal(exo_notify(notification), EXO_E_ARG);
    check_equal(rt_take_events(UINT64_MAX), 0);
}

static void
notify_refuses_what_is_bound_to_nobody(void)
{
    check_equal(exo_notify(badged(new_notification(), 1)), EXO_E_STATE);
}

static void
binding_ends_with_the_vcpu(void)
{
    uint32_t vcpu = new_vcpu(new_env(EXO_BOOT_CELL)), notification = new_notification();
    uint32_t signal = badged(notification, 1);
    check_equal(exo_notification_bind(notification, vcpu), EXO_OK);
    check_equal(exo_notify(signal), EXO_OK);
    check_equal(rt_drop(vcpu), EXO_OK);
    check_equal(exo_notify(signal), EXO_E_STATE);
    check_equal(exo_notification_bind(notification, EXO_BOOT_VCPU), EXO_OK);
    check_equal(exo_notify(signal), EXO_OK);
    check_equal(rt_take_events(UINT64_MAX), 1);
}

static void
binding_ends_with_the_capability_that_it_was_made_with(void)
{
    uint32_t copy = copy_of(EXO_BOOT_VCPU, EXO_CONTROL), notification = new_notification();
    uint32_t signal = badged(notification, 1);
    check_equal(exo_notification_bind(notification, copy), EXO_OK);
    check_equal(exo_notify(signal), EXO_OK);
    check_equal(rt_drop(copy), EXO_OK);
    check_equal(exo_notify(signal), EXO_E_STATE);
}

static void
notification_is_bound_once(void)
{
    uint32_t notification = new_notification();
    check_equal(exo_notification_bind(notification, EXO_BOOT_VCPU), EXO_OK);
    check_equal(exo_notification_bind(notification, EXO_BOOT_VCPU), EXO_E_OCCUPIED);
}

static void
calls_refuse_bad_slots(void)
{
    struct call create = {EXO_CALL_notification_create, {EXO_BOOT_CELL, rt_slot_take()}};
    refuses_bad_capability(create, 0, EXO_WRITE);
    refuses_bad_destination(create, 1);
    struct call bind = {EXO_CALL_notification_bind, {new_notification(), EXO_BOOT_VCPU}};
    refuses_bad_capability(bind, 0, EXO_CONTROL);
    refuses_bad_capability(bind, 1, EXO_CONTROL);
    refuses_bad_capability((struct call){EXO_CALL_notify, {signal_to(EXO_BOOT_VCPU, 1)}}, 0,
                           EXO_WRITE);
}

static void
cell_that_is_used_up_gets_no_notification(void)
{
    uint32_t cell = new_cell(EXO_BOOT_CELL, 0);
    check_equal(exo_notification_create(cell, rt_slot_take()), EXO_E_LIMIT);
}

/* --- Both ways
 * -------------------------------------------------------------------------------------- */

struct table {
    uint32_t ball; /* slot of the other side's notification */
    uint64_t rounds;
};

static void
play(const struct table *table)
{
    for (uint64_t i = 0; i < table->rounds; i++) {
        if (rt_wait_events(1, test_patience()) == 0)
            return;
        (void)exo_notify(table->ball);
    }
}

static void
play_other_side(void *argument)
{
    play(argument);
}

/* A wake-up lost on either side ends the game. */
static void
plays_with(uint32_t cpu)
{
    static struct table here, there;
    struct rt_thread thread;
    uint64_t rounds = test_rounds(500, 100000);
    check_equal(rt_vcpu_make(cpu, play_other_side, &there, &thread), EXO_OK);
    here = (struct table){signal_to(thread.slot, 1), rounds};
    there = (struct table){signal_to(EXO_BOOT_VCPU, 1), rounds};
    check_equal(exo_vcpu_start(thread.slot), EXO_OK);
    check_equal(exo_notify(here.ball), EXO_OK);
    play(&here);
    check(rt_vcpu_wait(&thread, test_patience()));
    rt_vcpu_end(&thread);
}

static void
no_wake_up_is_lost_on_one_cpu(void)
{
    plays_with(0);
}

static void
no_wake_up_is_lost_between_cpus(void)
{
    plays_with(other_cpu());
}

static void
yield_without_others_returns(void)
{
    for (unsigned i = 0; i < 100; i++)
        check_equal(exo_yield(), EXO_OK);
}

static const struct test tests[] = {
    TEST(wait_ends_at_its_deadline),
    TEST(wait_for_a_deadline_that_passed_returns_at_once),
    TEST(wait_returns_at_once_when_an_event_is_there),
    TEST(wait_ends_when_notified_from_this_cpu),
    TEST(wait_ends_when_notified_from_another_cpu),
    TEST(wait_returns_through_the_upcall_when_the_event_is_in_the_mask),
    TEST(bits_of_several_notifications_add_up),
    TEST(notify_refuses_a_capability_without_badge),
    TEST(notify_refuses_what_is_bound_to_nobody),
    TEST(binding_ends_with_the_vcpu),
    TEST(binding_ends_with_the_capability_that_it_was_made_with),
    TEST(notification_is_bound_once),
    TEST(calls_refuse_bad_slots),
    TEST(cell_that_is_used_up_gets_no_notification),
    TEST(no_wake_up_is_lost_on_one_cpu),
    TEST(no_wake_up_is_lost_between_cpus),
    TEST(yield_without_others_returns),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}

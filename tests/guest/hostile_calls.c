// config: smp=1,4 cpu=max,cortex-a72
/* Protected calls with partners that do not play along. */
#include "fixture.h"

#define CALLERS 8u
#define CHAIN   12u /* longer than what the kernel follows when it passes a slot on */

static struct exo_message
call_forever(uint32_t endpoint, uint32_t send)
{
    return exo_call(endpoint, 1, 2, 3, 4, send, EXO_NONE, EXO_FOREVER);
}

static uint64_t
soon(void)
{
    return rt_deadline_ns(2 * RT_MS_NS);
}

static int64_t
answer(void)
{
    return exo_reply(0, 0, 0, 0, EXO_NONE);
}

/* --- Servers -------------------------------------------------------------------------------- */

static void
take_and_spin(void *endpoint)
{
    (void)exo_receive((uint32_t)(uintptr_t)endpoint, EXO_NONE, EXO_FOREVER);
    for (;;)
        __asm__ volatile("" ::: "memory");
}

/* Nobody else is on this CPU: nothing but the deadline can take it from the
 * server. */
static int
call_one_that_spins(uint64_t cpu)
{
    struct rt_thread thread;
    uint32_t endpoint = new_endpoint();
    child_expects(rt_vcpu_start((uint32_t)cpu, take_and_spin, (void *)(uintptr_t)endpoint,
                                &thread) == EXO_OK);
    (void)exo_wait(soon()); /* it receives */
    child_expects(call_forever(EXO_BOOT_CELL, EXO_NONE).status == EXO_E_TYPE);
    child_expects(exo_call(endpoint, 0, 0, 0, 0, EXO_NONE, EXO_NONE, soon()).status ==
                  EXO_E_TIMEOUT);
    return 0;
}

static void
server_that_never_answers_does_not_outlast_the_deadline(void)
{
    struct rt_child child;
    const struct rt_spawn spawn = {
        .entry = call_one_that_spins, .argument = other_cpu(), .cpu = other_cpu()};
    if (start_child(&spawn, &child))
        child_succeeds(&child);
}

static void
answers_that_nobody_waits_for_are_refused(void)
{
    check_equal(answer(), EXO_E_STATE);
    check_equal(answer(), EXO_E_STATE);
    struct exo_message m =
        exo_reply_receive(new_endpoint(), 0, 0, 0, 0, EXO_NONE, EXO_NONE, soon());
    check_equal(m.status, EXO_E_TIMEOUT);
    check_equal(answer(), EXO_E_STATE);
}

/* --- Many callers, and an endpoint that ends ------------------------------------------------ */

static struct {
    uint32_t endpoint;
    _Atomic uint32_t calling, gone;
} crowd;

static void
call_until_gone(void *unused)
{
    (void)unused;
    atomic_fetch_add(&crowd.calling, 1);
    if (call_forever(crowd.endpoint, EXO_NONE).status != EXO_OK)
        atomic_fetch_add(&crowd.gone, 1);
}

static void
end_with_callers_in_its_queue(bool one_is_served)
{
    struct rt_thread threads[CALLERS];
    memset(&crowd, 0, sizeof(crowd));
    crowd.endpoint = new_endpoint();
    for (uint32_t i = 0; i < CALLERS; i++)
        check_equal(rt_vcpu_start(i % rt_machine.cpus, call_until_gone, NULL, &threads[i]), EXO_OK);
    check(rt_wait_word(&crowd.calling, CALLERS, test_patience()));
    rt_sleep_until(soon()); /* most of them are in the queue; the others will be refused */
    if (one_is_served)
        check_equal(exo_receive(crowd.endpoint, EXO_NONE, test_patience()).status, EXO_OK);
    check_equal(rt_drop(crowd.endpoint), EXO_OK);
    check(rt_wait_word(&crowd.gone, CALLERS - one_is_served, test_patience()));
    check_equal(answer(), one_is_served ? EXO_OK : EXO_E_STATE);
    for (uint32_t i = 0; i < CALLERS; i++) {
        check(rt_vcpu_wait(&threads[i], test_patience()));
        rt_vcpu_end(&threads[i]);
    }
}

static void
callers_on_all_cpus_hear_of_the_end_of_the_endpoint(void)
{
    end_with_callers_in_its_queue(false);
}

static void
caller_that_is_served_outlives_the_endpoint(void)
{
    end_with_callers_in_its_queue(true);
}

/* --- Circles and chains --------------------------------------------------------------------- */

static uint32_t links[CHAIN + 1];

/* Takes a call and makes the next one before it answers. */
static void
pass_on(void *argument)
{
    uintptr_t i = (uintptr_t)argument;
    struct exo_message m = exo_receive(links[i], EXO_NONE, EXO_FOREVER);
    struct exo_message next =
        exo_call(links[i + 1], m.word[0] + 1, 0, 0, 0, EXO_NONE, EXO_NONE, EXO_FOREVER);
    (void)exo_reply(next.word[0], 0, 0, 0, EXO_NONE);
}

/* The last link is the first caller's own endpoint in a circle. */
static void
make_chain(struct rt_thread threads[CHAIN], bool circle)
{
    for (uint32_t i = 0; i <= CHAIN; i++)
        links[i] = circle && i == CHAIN ? links[0] : new_endpoint();
    for (uintptr_t i = 0; i < CHAIN; i++) {
        uint32_t cpu = i % 3 == 2 ? other_cpu() : 0;
        check_equal(rt_vcpu_start(cpu, pass_on, (void *)i, &threads[i]), EXO_OK);
    }
}

static void
answer_last_link(void *unused)
{
    (void)unused;
    struct exo_message m = exo_receive(links[CHAIN], EXO_NONE, EXO_FOREVER);
    (void)exo_reply(m.word[0] + 1, 0, 0, 0, EXO_NONE);
}

static void
long_chain_of_calls_is_answered(void)
{
    struct rt_thread threads[CHAIN], last;
    make_chain(threads, false);
    check_equal(rt_vcpu_start(0, answer_last_link, NULL, &last), EXO_OK);
    struct exo_message m = exo_call(links[0], 0, 0, 0, 0, EXO_NONE, EXO_NONE, test_patience());
    check_equal(m.status, EXO_OK);
    check_equal(m.word[0], CHAIN + 1);
}

/* All wait for each other, for ever; they can be ended, which the harness does.
 */
static void
circle_of_calls_ends_at_the_deadline_of_one(void)
{
    struct rt_thread threads[CHAIN];
    make_chain(threads, true);
    struct exo_message m = exo_call(links[0], 0, 0, 0, 0, EXO_NONE, EXO_NONE, soon());
    check_equal(m.status, EXO_E_TIMEOUT);
    for (uint32_t i = 0; i < CHAIN; i += 2)
        rt_vcpu_end(&threads[i]);
}

/* --- What changes while a call waits -------------------------------------------------------- */

static struct {
    uint32_t endpoint, cap;
} offer;

static void
offer_cap(void *unused)
{
    (void)unused;
    (void)call_forever(offer.endpoint, offer.cap);
}

static void
capability_revoked_before_it_is_taken_does_not_arrive(void)
{
    struct rt_thread thread;
    struct exo_context context;
    uint32_t root = new_notification(), receive = rt_slot_take();
    offer.endpoint = new_endpoint();
    offer.cap = copy_of(root, EXO_RIGHTS_ALL);
    check_equal(rt_vcpu_start(other_cpu(), offer_cap, NULL, &thread), EXO_OK);
    stop_in_call(&thread, &context);
    check_equal(exo_vcpu_start(thread.slot), EXO_OK);
    check_equal(rt_revoke(root), EXO_OK);
    struct exo_message m = exo_receive(offer.endpoint, receive, test_patience());
    check_equal(m.status, EXO_OK);
    check_equal(m.cap, 0);
    struct exo_cap_info info;
    check_equal(exo_cap_info(receive, &info), EXO_E_SLOT);
    check_equal(answer(), EXO_OK);
    check(rt_vcpu_wait(&thread, test_patience()));
    rt_vcpu_end(&thread);
}

/* Its registers and its gate belong to whoever holds the vCPU, also in the
 * middle of a call. */
static void
caller_that_is_stopped_and_rewritten_hurts_nobody(void)
{
    struct rt_thread thread;
    struct exo_context context;
    offer.endpoint = new_endpoint();
    offer.cap = EXO_NONE;
    check_equal(rt_vcpu_start(other_cpu(), offer_cap, NULL, &thread), EXO_OK);
    stop_in_call(&thread, &context);
    for (int i = 0; i < 3; i++) {
        memset(context.x, 0xff, sizeof(context.x));
        check_equal(exo_vcpu_set(thread.slot, &context), EXO_OK);
        if (i == 1)
            check_equal(exo_receive(offer.endpoint, EXO_NONE, test_patience()).status, EXO_OK);
    }
    check_equal(answer(), EXO_OK);
    check_equal(answer(), EXO_E_STATE);
    check_equal(exo_vcpu_get(thread.slot, &context), EXO_OK);
    check_equal(context.x[0], EXO_OK);
    rt_vcpu_end(&thread);
}

static const struct test tests[] = {
    TEST(server_that_never_answers_does_not_outlast_the_deadline),
    TEST(answers_that_nobody_waits_for_are_refused),
    TEST(callers_on_all_cpus_hear_of_the_end_of_the_endpoint),
    TEST(caller_that_is_served_outlives_the_endpoint),
    TEST(long_chain_of_calls_is_answered),
    TEST(circle_of_calls_ends_at_the_deadline_of_one),
    TEST(capability_revoked_before_it_is_taken_does_not_arrive),
    TEST(caller_that_is_stopped_and_rewritten_hurts_nobody),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}

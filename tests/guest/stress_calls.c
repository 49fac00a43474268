// config: smp=4 cpu=max,cortex-a72 timeout=120
/* Protected calls and notifications between all pairs of CPUs: everything is counted. */
#include "stress/parallel.h"

#define SIDES_MAX EXO_CPUS_MAX /* vCPUs of each of two sides, one a CPU */

static uint32_t
sides(void)
{
    return rt_machine.cpus;
}

/* --- Calls: each client calls each server -------------------------------------------------------
 */

enum word { WORD_ADD, WORD_END };

static struct {
    uint32_t endpoint[SIDES_MAX];
    _Atomic uint32_t served[SIDES_MAX];
    _Atomic uint32_t ended; /* clients */
    uint32_t frames;        /* sent along: a capability of them */
} calls;

static unsigned
calls_each(void)
{
    return test_rounds(300, 1500);
}

/* Answers a + b, and drops what was sent, until told to end. */
static void
serve(uint32_t server)
{
    uint32_t slot = rt_slot_take(), arrived = 0;
    uint32_t endpoint = calls.endpoint[server];
    struct exo_message m = exo_receive(endpoint, slot, test_patience());
    while (m.status == EXO_OK && m.word[0] == WORD_ADD) {
        if (m.cap != 0) {
            arrived++;
            check_equal(rt_drop(slot), EXO_OK);
        }
        atomic_fetch_add(&calls.served[server], 1);
        do {
            m = exo_reply_receive(endpoint, m.word[1] + m.word[2], server, arrived, m.badge,
                                  EXO_NONE, slot, test_patience());
        } while (m.status == EXO_E_AGAIN);
    }
    check_equal(m.status, EXO_OK);
    check_equal(exo_reply(0, 0, 0, 0, EXO_NONE), EXO_OK);
}

static void
call_once(uint32_t client, uint32_t server, uint64_t i)
{
    struct exo_message m =
        exo_call(calls.endpoint[server], WORD_ADD, client, i, 0,
                 i % 4 == 0 ? calls.frames : EXO_NONE, EXO_NONE, test_patience());
    check_equal(m.status, EXO_OK);
    check_equal(m.word[0], client + i);
    check_equal(m.word[1], server);
}

/* The last client ends the servers. */
static void
call_all(uint32_t client)
{
    for (unsigned i = 0; i < calls_each(); i++)
        for (uint32_t server = 0; server < sides(); server++)
            call_once(client, server, i);
    if (atomic_fetch_add(&calls.ended, 1) + 1 < sides())
        return;
    for (uint32_t server = 0; server < sides(); server++) {
        struct exo_message m = exo_call(calls.endpoint[server], WORD_END, 0, 0, 0, EXO_NONE,
                                        EXO_NONE, test_patience());
        check_equal(m.status, EXO_OK);
    }
}

static void
serve_or_call(uint32_t number)
{
    if (number < sides())
        serve(number);
    else
        call_all(number - sides());
}

static void
calls_between_all_pairs_of_cpus_are_answered(void)
{
    calls.frames = new_frames(EXO_BOOT_CELL, 1);
    atomic_store(&calls.ended, 0);
    for (uint32_t i = 0; i < sides(); i++) {
        calls.endpoint[i] = new_endpoint();
        atomic_store(&calls.served[i], 0);
    }
    parallel_run(serve_or_call, 2 * sides());
    for (uint32_t i = 0; i < sides(); i++)
        check_equal(atomic_load(&calls.served[i]), calls_each() * sides());
}

/* --- Replies and deadlines: both sides agree on what became of each call -------------------------
 */

static struct {
    uint32_t endpoint;
    _Atomic uint32_t answered;  /* as the servers see it */
    _Atomic uint32_t got, late; /* as the clients see it */
    _Atomic uint32_t ended;
} hurry;

static void
answer_late(struct dice *dice)
{
    struct exo_message m = exo_receive(hurry.endpoint, EXO_NONE, rt_deadline_ns(RT_MS_NS));
    if (m.status != EXO_OK) {
        check(m.status == EXO_E_TIMEOUT || m.status == EXO_E_AGAIN);
        return;
    }
    for (uint32_t spins = dice_below(dice, 2000); spins > 0; spins--)
        (void)rt_ticks();
    int64_t err = exo_reply(0, 0, 0, 0, EXO_NONE);
    check(err == EXO_OK || err == EXO_E_STATE);
    atomic_fetch_add(&hurry.answered, err == EXO_OK);
}

static void
call_in_a_hurry(struct dice *dice)
{
    uint64_t deadline = rt_deadline_ns(dice_below(dice, 200000));
    struct exo_message m = exo_call(hurry.endpoint, 0, 0, 0, 0, EXO_NONE, EXO_NONE, deadline);
    check(m.status == EXO_OK || m.status == EXO_E_TIMEOUT);
    check(m.status == EXO_OK || rt_ticks() >= deadline);
    atomic_fetch_add(m.status == EXO_OK ? &hurry.got : &hurry.late, 1);
}

static void
answer_or_hurry(uint32_t number)
{
    struct dice dice = dice_of(number);
    if (number < sides()) {
        while (atomic_load(&hurry.ended) < sides())
            answer_late(&dice);
        return;
    }
    for (unsigned i = 0; i < test_rounds(300, 1500); i++)
        call_in_a_hurry(&dice);
    atomic_fetch_add(&hurry.ended, 1);
}

static void
a_reply_arrives_or_the_deadline_passed(void)
{
    hurry.endpoint = new_endpoint();
    atomic_store(&hurry.answered, 0);
    atomic_store(&hurry.got, 0);
    atomic_store(&hurry.late, 0);
    atomic_store(&hurry.ended, 0);
    parallel_run(answer_or_hurry, 2 * sides());
    check_equal(atomic_load(&hurry.got), atomic_load(&hurry.answered));
    check_equal(atomic_load(&hurry.got) + atomic_load(&hurry.late),
                test_rounds(300, 1500) * sides());
}

/* --- Notifications -------------------------------------------------------------------------------
 */

#define BELL 1ull

static struct {
    uint32_t ring[PARALLEL_MAX]; /* with a badge: rings for number n */
    _Atomic uint32_t met;
    _Atomic uint64_t rung;
} bells;

static void
hang_bell(uint32_t number)
{
    uint32_t bell = new_notification();
    check_equal(exo_notification_bind(bell, parallel_vcpu(number)), EXO_OK);
    bells.ring[number] = badged(bell, BELL);
}

static void
begin_bells(void)
{
    atomic_store(&bells.met, 0);
    atomic_store(&bells.rung, 0);
}

/* Numbers n and n + sides play together: over all, each CPU with each. */
static uint32_t
partner_of(uint32_t number, uint32_t shift)
{
    return number < sides() ? sides() + (number + shift) % sides()
                            : (number - sides() + sides() - shift) % sides();
}

static void
play(uint32_t number, uint32_t shift)
{
    uint32_t partner = partner_of(number, shift);
    for (unsigned i = 0; i < test_rounds(200, 1000); i++) {
        if (number < sides())
            check_equal(exo_notify(bells.ring[partner]), EXO_OK);
        check_equal(rt_wait_events(BELL, test_patience()), BELL);
        if (number >= sides())
            check_equal(exo_notify(bells.ring[partner]), EXO_OK);
        atomic_fetch_add(&bells.rung, 1);
    }
}

static void
play_with_all(uint32_t number)
{
    hang_bell(number);
    parallel_meet(&bells.met, 2 * sides());
    for (uint32_t shift = 0; shift < sides(); shift++) {
        play(number, shift);
        parallel_meet(&bells.met, (shift + 2) * 2 * sides());
    }
}

static void
no_wake_up_is_lost_between_any_two_cpus(void)
{
    begin_bells();
    parallel_run(play_with_all, 2 * sides());
    check_equal(atomic_load(&bells.rung), 2ull * sides() * sides() * test_rounds(200, 1000));
}

/* Number 0 takes what the others put, and is told of each: it may be told once of many. */
static void
put_or_take(uint32_t number)
{
    uint32_t putters = 2 * sides() - 1;
    uint64_t all = (uint64_t)putters * test_rounds(2000, 10000);
    if (number == 0)
        hang_bell(0);
    parallel_meet(&bells.met, putters + 1);
    if (number == 0) {
        while (atomic_load(&bells.rung) < all &&
               check_equal(rt_wait_events(BELL, test_patience()), BELL)) {
        }
        return;
    }
    for (unsigned i = 0; i < test_rounds(2000, 10000); i++) {
        atomic_fetch_add(&bells.rung, 1);
        check_equal(exo_notify(bells.ring[0]), EXO_OK);
    }
}

static void
one_hears_of_what_many_do(void)
{
    begin_bells();
    parallel_run(put_or_take, 2 * sides());
}

static const struct test tests[] = {
    TEST(calls_between_all_pairs_of_cpus_are_answered),
    TEST(a_reply_arrives_or_the_deadline_passed),
    TEST(no_wake_up_is_lost_between_any_two_cpus),
    TEST(one_hears_of_what_many_do),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}

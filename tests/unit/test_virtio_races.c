/*
 * What another CPU does between two locks of a call: wherever that is, tried one after the other.
 */
#include "core/frame.h"
#include "core/sched.h"
#include "devices/buffers.h"
#include "tap.h"

#include <pthread.h>
#include <sanitizer/asan_interface.h>
#include <semaphore.h>

static int turns; /* until the other CPU acts; below 0: it has */

/* --- A session that ends while a queue of it is opened ------------------------------------------
 */

static void
end_session_in_turn(void)
{
    if (turns-- != 0)
        return;
    fake_cpu = 1;
    for (int i = 0; i < 1000 && device_close_step(&devices[FAKE_RNG], NULL) == EXO_E_AGAIN; i++) {
    }
    fake_cpu = 0;
}

/* The line of its completions is not kept by a queue whose session is over. */
static void
a_queue_of_an_ended_session_keeps_no_line(void)
{
    bool ended = true;
    for (int turn = 0; ended; turn++) {
        begin_devices();
        CHECK_EQ(CALL_AGAIN(device_open, CELL, RNG, 1, 0, 0), EXO_OK);
        turns = turn;
        fake_unlocked = end_session_in_turn;
        int64_t err = CALL(queue_open, CELL, QUEUE, RNG, 0, RING, 0, 0);
        fake_unlocked = NULL;
        ended = turns < 0;
        CHECK(err == EXO_OK || err == EXO_E_STATE);
        CHECK(turn > 0 || err == EXO_E_STATE);
        if (ended) {
            CHECK(irq_entry(devices[FAKE_RNG].first_lpi + 1)->irq == NULL);
            CHECK_EQ(CALL_AGAIN(device_open, CELL, RNG, 1, 0, 0), EXO_OK);
            CHECK_EQ(CALL(queue_open, CELL, 50, RNG, 0, 51, 0, 0), EXO_OK);
        }
        end_devices();
    }
}

/* --- A session that ends while a queue that nobody has seen is discarded
 * --------------------------
 */

static sem_t attached, discard, discarded;
static struct queue *unseen;
static int64_t refused;

/* CPU 1, once its queue has a ring. */
static void
pause_when_attached(void)
{
    const struct session *session = devices[FAKE_RNG].session;
    if (unseen != NULL || session == NULL || session->rings[0].queue == NULL)
        return;
    unseen = session->rings[0].queue;
    sem_post(&attached);
    sem_wait(&discard);
}

/* The slot for the queue is full, which is found out when it is published. */
static void *
open_in_vain(void *unused)
{
    (void)unused;
    fake_cpu = 1;
    fake_unlocked = pause_when_attached;
    refused = CALL(queue_open, CELL, CELL, RNG, 0, 51, 0, 0);
    fake_unlocked = NULL;
    sem_post(&discarded);
    return NULL;
}

/* Its memory is nobody's from then on: looking at it ends the test. */
static void
let_it_be_discarded(void)
{
    sem_post(&discard);
    sem_wait(&discarded);
    ASAN_POISON_MEMORY_REGION(unseen, EXO_PAGE_BYTES);
}

static void
discard_in_turn(void)
{
    if (turns-- == 0)
        let_it_be_discarded();
}

/* The session's payer is killed: up to the step that looks for queues that are left. */
static void
kill_until_it_looks_for_queues(void)
{
    const struct session *session = devices[FAKE_RNG].session;
    for (int i = 0; i < 1000 && session->origin.phase != ORIGIN_SWEEP; i++)
        CHECK_EQ(CALL(cap_drop, 30), EXO_E_AGAIN);
    CHECK_EQ(session->origin.phase, ORIGIN_SWEEP);
    CHECK_EQ(devices[FAKE_RNG].state, DEVICE_OPEN);
}

static void
begin_two_cpus(void)
{
    begin_devices();
    CHECK_EQ(CALL(vcpu_create, EXO_SELF, 52, 1, 0x3000000, 0x400000, 0, 0), EXO_OK);
    CHECK_EQ(CALL(vcpu_start, 52), EXO_OK);
    fake_cpu = 1;
    (void)sched_choose(false);
    fake_cpu = 0;
    sem_init(&attached, 0, 0);
    sem_init(&discard, 0, 0);
    sem_init(&discarded, 0, 0);
    unseen = NULL;
    accounts = fake_cell_info(CELL);
}

static void
a_queue_that_nobody_has_seen_is_not_looked_at_after_its_end(void)
{
    pthread_t other;
    bool in_turn = true;
    for (int turn = 0; in_turn; turn++) {
        begin_two_cpus();
        make_cell(30, 100);
        CHECK_EQ(CALL_AGAIN(device_open, 30, RNG, 1, 0, 0), EXO_OK);
        kill_until_it_looks_for_queues();
        CHECK_EQ(pthread_create(&other, NULL, open_in_vain, NULL), 0);
        sem_wait(&attached);
        turns = turn;
        fake_unlocked = discard_in_turn;
        for (int i = 0; i < 20; i++)
            (void)CALL(cap_drop, 30);
        fake_unlocked = NULL;
        in_turn = turns < 0;
        if (!in_turn)
            let_it_be_discarded();
        pthread_join(other, NULL);
        ASAN_UNPOISON_MEMORY_REGION(unseen, EXO_PAGE_BYTES);
        CHECK_EQ(refused, EXO_E_OCCUPIED);
        int64_t err = CALL_AGAIN(cap_drop, 30);
        CHECK(err == EXO_OK || err == EXO_E_SLOT); /* it has been dropped before */
        CHECK_EQ(CALL_AGAIN(cell_reap, CELL), EXO_OK);
        CHECK_EQ(fake_cell_info(CELL).own[EXO_RES_FRAMES], accounts.own[EXO_RES_FRAMES]);
        CHECK(irq_entry(devices[FAKE_RNG].first_lpi + 1)->irq == NULL);
        fake_machine_end();
    }
}

/* --- What happens while a session is made -------------------------------------------------------
 */

static void
nothing_is_left(uint32_t device)
{
    CHECK_EQ(CALL_AGAIN(device_close, FAKE_DEVICE_SLOT + device), EXO_OK);
    CHECK_EQ(CALL_AGAIN(cell_reap, CELL), EXO_OK);
    CHECK(devices[device].session == NULL);
    CHECK_EQ(fake_cell_info(CELL).own[EXO_RES_FRAMES], accounts.own[EXO_RES_FRAMES]);
    CHECK_EQ(fake_cell_info(CELL).carved[EXO_RES_FRAMES], accounts.carved[EXO_RES_FRAMES]);
    fake_machine_end();
}

/* In each of the moments of device_open that `other` may come in between; what it leaves is all
 * taken back. */
static void
open_while(uint32_t device, void (*other)(void))
{
    bool in_turn = true;
    for (int turn = 0; in_turn; turn++) {
        begin_two_cpus();
        make_cell(30, 100);
        turns = turn;
        fake_unlocked = other;
        int64_t err = CALL(device_open, 30, FAKE_DEVICE_SLOT + device, 1, 0, 0);
        fake_unlocked = NULL;
        in_turn = turns < 0;
        CHECK(err == EXO_OK || in_turn);
        err = CALL_AGAIN(cap_drop, 30);
        CHECK(err == EXO_OK || err == EXO_E_SLOT); /* it has been dropped before */
        nothing_is_left(device);
    }
}

static void
kill_payer_in_turn(void)
{
    if (turns-- != 0)
        return;
    fake_cpu = 1;
    for (int i = 0; i < 100; i++)
        (void)CALL(cap_drop, 30);
    fake_cpu = 0;
}

static void
a_session_whose_payer_ends_meanwhile_ends_with_it(void)
{
    open_while(FAKE_RNG, kill_payer_in_turn);
}

static void
open_in_turn(void)
{
    if (turns-- != 0)
        return;
    fake_cpu = 1;
    (void)CALL(device_open, CELL, NET, 2, 0, 2);
    fake_cpu = 0;
}

static void
a_device_is_opened_by_one_at_a_time(void)
{
    open_while(FAKE_NET, open_in_turn);
}

/* The session that it was found in is over, and the next one has ports. */
static void
share_in_turn(void)
{
    if (turns-- != 0)
        return;
    fake_cpu = 1;
    (void)CALL_AGAIN(device_open, CELL, NET, 2, 0, 2);
    fake_cpu = 0;
}

static void
a_virtqueue_is_none_of_a_session_with_ports(void)
{
    bool shared = true;
    for (int turn = 0; shared; turn++) {
        begin_two_cpus();
        CHECK_EQ(CALL_AGAIN(device_open, CELL, NET, 2, 0, 0), EXO_OK);
        turns = turn;
        fake_unlocked = share_in_turn;
        int64_t err = CALL(queue_open, CELL, QUEUE, NET, 1, RING, 0, 0);
        fake_unlocked = NULL;
        shared = turns < 0;
        CHECK(err == EXO_OK || shared);
        if (err == EXO_OK && submit_batch(QUEUE, 0, 0, false) == EXO_OK)
            CHECK(!device_has_ports(&devices[FAKE_NET]));
        err = CALL_AGAIN(cap_drop, QUEUE);
        CHECK(err == EXO_OK || err == EXO_E_SLOT);
        nothing_is_left(FAKE_NET);
    }
}

static const struct tap_test tests[] = {
    TAP(a_queue_of_an_ended_session_keeps_no_line),
    TAP(a_queue_that_nobody_has_seen_is_not_looked_at_after_its_end),
    TAP(a_session_whose_payer_ends_meanwhile_ends_with_it),
    TAP(a_device_is_opened_by_one_at_a_time),
    TAP(a_virtqueue_is_none_of_a_session_with_ports),
};
TAP_MAIN(tests)

/* Futexes, mutexes, conditions. */
#include "threads.h"

static struct {
    struct mutex mutex;
    struct mutex_recursive recursive;
    uint32_t inside, most, sum; /* the mutex's */
} shared;

static void *
take_in_turn(void *argument)
{
    (void)argument;
    for (unsigned i = 0; i < 200; i++) {
        mutex_lock(&shared.mutex);
        shared.inside++;
        shared.most = shared.inside > shared.most ? shared.inside : shared.most;
        if (i % 16 == 0)
            thread_yield();
        shared.sum++;
        shared.inside--;
        mutex_unlock(&shared.mutex);
    }
    return NULL;
}

void
mutex_excludes(void)
{
    shared.sum = shared.most = 0;
    run_threads(take_in_turn, NULL);
    check_equal(shared.sum, THREADS * 200);
    check_equal(shared.most, 1);
    check(mutex_try(&shared.mutex));
    check(!mutex_try(&shared.mutex));
    mutex_unlock(&shared.mutex);
}

static void *
take_twice(void *argument)
{
    (void)argument;
    for (unsigned i = 0; i < 100; i++) {
        mutex_recursive_lock(&shared.recursive);
        mutex_recursive_lock(&shared.recursive);
        shared.sum++;
        mutex_recursive_unlock(&shared.recursive);
        thread_yield();
        check(mutex_recursive_try(&shared.recursive));
        shared.sum++;
        mutex_recursive_unlock(&shared.recursive);
        mutex_recursive_unlock(&shared.recursive);
    }
    return NULL;
}

void
recursive_mutex_is_taken_again(void)
{
    shared.sum = 0;
    run_threads(take_twice, NULL);
    check_equal(shared.sum, THREADS * 200);
}

void
mutex_lock_ends_at_its_deadline(void)
{
    struct mutex mutex = {0};
    mutex_lock(&mutex);
    uint64_t deadline = rt_deadline_ns(RT_MS_NS);
    check(!mutex_lock_until(&mutex, deadline));
    check(rt_ticks() >= deadline);
    mutex_unlock(&mutex);
    check(mutex_lock_until(&mutex, EXO_FOREVER));
}

/* A bounded buffer: four producers, four consumers. */
#define ITEMS 400u
#define ROOM  3u

static struct {
    struct mutex mutex;
    struct condition not_full, not_empty;
    uint32_t used, in, out, item[ROOM];
    _Atomic uint32_t number;
    uint64_t sum;
} buffer;

static void
put(uint32_t item)
{
    mutex_lock(&buffer.mutex);
    while (buffer.used == ROOM)
        (void)condition_wait(&buffer.not_full, &buffer.mutex, EXO_FOREVER);
    buffer.item[buffer.in++ % ROOM] = item;
    buffer.used++;
    mutex_unlock(&buffer.mutex);
    condition_signal(&buffer.not_empty);
}

static void
get(void)
{
    mutex_lock(&buffer.mutex);
    while (buffer.used == 0)
        (void)condition_wait(&buffer.not_empty, &buffer.mutex, EXO_FOREVER);
    buffer.sum += buffer.item[buffer.out++ % ROOM];
    buffer.used--;
    mutex_unlock(&buffer.mutex);
    condition_signal(&buffer.not_full);
}

static void *
produce_or_consume(void *argument)
{
    uint32_t number = atomic_fetch_add(&buffer.number, 1);
    (void)argument;
    for (uint32_t i = 1; i <= ITEMS; i++)
        if (number % 2 == 0)
            put(i);
        else
            get();
    return NULL;
}

void
condition_hands_over_every_item(void)
{
    buffer.sum = 0;
    atomic_store(&buffer.number, 0);
    run_threads(produce_or_consume, NULL);
    check_equal(buffer.sum, THREADS / 2 * ITEMS * (ITEMS + 1) / 2);
    check_equal(buffer.used, 0);
}

static struct {
    struct mutex mutex;
    struct condition condition;
    uint32_t waiting, round;
} meeting;

static void *
meet(void *argument)
{
    (void)argument;
    for (uint32_t round = 0; round < 20; round++) {
        mutex_lock(&meeting.mutex);
        if (++meeting.waiting == THREADS) {
            meeting.waiting = 0;
            meeting.round++;
            condition_broadcast(&meeting.condition);
        }
        while (meeting.round == round)
            (void)condition_wait(&meeting.condition, &meeting.mutex, EXO_FOREVER);
        mutex_unlock(&meeting.mutex);
    }
    return NULL;
}

void
condition_broadcast_wakes_all(void)
{
    meeting.round = meeting.waiting = 0;
    run_threads(meet, NULL);
    check_equal(meeting.round, 20);
}

void
futex_wait_refuses_another_value(void)
{
    _Atomic uint32_t word = 5;
    check_equal(futex_wait(&word, 4, EXO_FOREVER), EXO_E_STATE);
}

void
futex_wait_times_out(void)
{
    _Atomic uint32_t word = 5;
    uint64_t deadline = rt_deadline_ns(RT_MS_NS);
    check_equal(futex_wait(&word, 5, deadline), EXO_E_TIMEOUT);
    check(rt_ticks() >= deadline);
    check_equal(futex_wait(&word, 5, 0), EXO_E_TIMEOUT);
}

static struct {
    _Atomic uint32_t word, asleep, other;
} pond;

static void *
wait_for_word(void *argument)
{
    (void)argument;
    atomic_fetch_add(&pond.asleep, 1);
    return futex_wait(&pond.word, 0, test_patience()) == EXO_OK ? argument : NULL;
}

void
futex_wake_counts_whom_it_wakes(void)
{
    struct thread *threads[4];
    uint32_t woken = 0;
    atomic_store(&pond.word, 0);
    atomic_store(&pond.asleep, 0);
    check_equal(futex_wake(&pond.word, 4), 0);
    for (unsigned i = 0; i < 4; i++)
        threads[i] = start_thread(0, wait_for_word, &pond);
    while (atomic_load(&pond.asleep) < 4)
        thread_yield();
    check_equal(futex_wake(&pond.other, 4), 0);
    /* One at a time; with preemption one may have counted itself and not be asleep yet. */
    uint64_t deadline = test_patience();
    while (woken < 4 && rt_ticks() < deadline) {
        uint32_t now = futex_wake(&pond.word, 1);
        check(now <= 1);
        woken += now;
        thread_yield();
    }
    check_equal(woken, 4);
    for (unsigned i = 0; i < 4; i++)
        check(thread_join(threads[i]) == &pond);
}

/* Two threads on two vCPUs (where there are two) pass a word to and fro. */
static _Atomic uint32_t turn;

static void *
pass_turns(void *argument)
{
    uint32_t mine = argument != NULL;
    for (uint32_t i = 0; i < test_rounds(2000, 100000); i++) {
        while (atomic_load(&turn) != mine)
            if (futex_wait(&turn, 1 - mine, test_patience()) == EXO_E_TIMEOUT)
                return argument;
        atomic_store(&turn, 1 - mine);
        (void)futex_wake(&turn, 1);
    }
    return NULL;
}

void
no_wake_is_lost(void)
{
    atomic_store(&turn, 0);
    struct thread *one = start_thread(0, pass_turns, NULL);
    struct thread *other = start_thread(sched_vcpus() - 1, pass_turns, &turn);
    check(thread_join(one) == NULL);
    check(thread_join(other) == NULL);
}

static struct {
    _Atomic uint32_t word, over;
} race;

static void *
wait_shortly(void *argument)
{
    (void)argument;
    for (uint32_t i = 0; i < test_rounds(500, 20000); i++) {
        uint32_t seen = atomic_load(&race.word);
        int64_t status = futex_wait(&race.word, seen, rt_deadline_ns(i % 64 * 1000));
        check(status == EXO_OK || status == EXO_E_TIMEOUT || status == EXO_E_STATE);
    }
    atomic_fetch_add(&race.over, 1);
    return NULL;
}

void
timeouts_and_wakes_race(void)
{
    atomic_store(&race.over, 0);
    struct thread *threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++)
        threads[i] = start_thread(i % sched_vcpus(), wait_shortly, NULL);
    while (atomic_load(&race.over) < THREADS) {
        atomic_fetch_add(&race.word, 1);
        (void)futex_wake(&race.word, 2);
        thread_sleep_ns(20000);
    }
    for (unsigned i = 0; i < THREADS; i++)
        (void)thread_join(threads[i]);
}

/* Spin locks (core/lock.h) among threads, and the check of their order (debug/lockcheck.c). */
#include "core/lock.h"
#include "fake_arch.h"
#include "tap.h"

#include <pthread.h>
#include <sched.h>

#define THREADS 4
#define ROUNDS  20000

static struct spinlock lock = SPINLOCK(RANK_CELL);
static uint64_t counter; /* plain: the thread sanitizer sees an unlocked access */

static void *
count_up(void *cpu)
{
    fake_cpu = (uint32_t)(uintptr_t)cpu;
    for (int i = 0; i < ROUNDS; i++) {
        lock_acquire(&lock);
        counter++;
        lock_release(&lock);
    }
    return NULL;
}

static void
one_thread_at_a_time_holds_a_lock(void)
{
    pthread_t threads[THREADS];
    fake_machine(16, THREADS);
    counter = 0;
    for (uintptr_t i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, count_up, (void *)i), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CHECK_EQ(counter, THREADS * ROUNDS);
}

static void *
want_once(void *had)
{
    fake_cpu = 1;
    lock_acquire(&lock);
    *(bool *)had = true;
    lock_release(&lock);
    return NULL;
}

/* The holder takes the lock again at once, and yet the other one has had it. */
static void
who_has_waited_long_comes_first(void)
{
    pthread_t waiting;
    bool had = false;
    fake_machine(16, 2);
    fake_cpu = 0;
    lock_acquire(&lock);
    CHECK_EQ(pthread_create(&waiting, NULL, want_once, &had), 0);
    while ((atomic_load(&lock.word) & LOCK_STARVED) == 0)
        sched_yield();
    lock_release(&lock);
    lock_acquire(&lock);
    bool had_before = had;
    lock_release(&lock);
    pthread_join(waiting, NULL);
    CHECK(had_before);
    CHECK_EQ(atomic_load(&lock.word), 0);
}

static void
locks_are_taken_in_the_order_of_their_ranks(void)
{
    struct spinlock low, high;
    fake_machine(16, 1);
    lock_init(&low, RANK_CELL);
    lock_init(&high, RANK_ASID);
    lock_acquire(&low);
    lock_acquire(&high);
    lock_release(&low);
    CHECK(PANICS(lock_acquire(&low)));
    lock_release(&high);
    lock_acquire(&low);
    lock_release(&low);
    CHECK_EQ(this_cpu()->lock_ranks, 0);
}

static void
locks_of_one_rank_may_be_held_together(void)
{
    struct spinlock locks[3], low;
    fake_machine(16, 1);
    lock_init(&low, RANK_ORIGIN);
    for (int i = 0; i < 3; i++) {
        lock_init(&locks[i], RANK_SLOT);
        lock_acquire(&locks[i]);
    }
    lock_release(&locks[0]);
    lock_release(&locks[2]);
    CHECK(PANICS(lock_acquire(&low)));
    lock_release(&locks[1]);
    lock_acquire(&low);
    lock_release(&low);
}

static void
lock_that_is_not_held_cannot_be_released(void)
{
    struct spinlock free_lock;
    fake_machine(16, 1);
    lock_init(&free_lock, RANK_ENV);
    CHECK(PANICS(lock_release(&free_lock)));
}

static const struct tap_test tests[] = {
    TAP(one_thread_at_a_time_holds_a_lock),           TAP(who_has_waited_long_comes_first),
    TAP(locks_are_taken_in_the_order_of_their_ranks), TAP(locks_of_one_rank_may_be_held_together),
    TAP(lock_that_is_not_held_cannot_be_released),
};
TAP_MAIN(tests)

/*
 * Waiting for other threads, of this vCPU or of others. Deadlines are absolute ticks (rt/time.h);
 * EXO_FOREVER never comes. Zero is the initial state of every structure.
 */
#ifndef SCHED_SYNC_H
#define SCHED_SYNC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Waits while *word == expected, until woken. EXO_OK: woken (for whatever reason: look again);
 * EXO_E_STATE: *word was something else; EXO_E_TIMEOUT.
 */
int64_t futex_wait(_Atomic uint32_t *word, uint32_t expected, uint64_t deadline_ticks);

/* Wakes up to `count` threads that wait for that word, who has waited longest first; how many. */
uint32_t futex_wake(_Atomic uint32_t *word, uint32_t count);

/* 0: free, 1: held, 2: held and perhaps somebody waits. */
struct mutex {
    _Atomic uint32_t state;
};

void mutex_lock(struct mutex *mutex);
bool mutex_lock_until(struct mutex *mutex, uint64_t deadline_ticks);
bool mutex_try(struct mutex *mutex);
void mutex_unlock(struct mutex *mutex);

/* A mutex that its holder may take again; free when it was unlocked as often. */
struct mutex_recursive {
    struct mutex mutex;
    uint32_t depth; /* the holder's */
    void *_Atomic holder;
};

void mutex_recursive_lock(struct mutex_recursive *mutex);
bool mutex_recursive_try(struct mutex_recursive *mutex);
void mutex_recursive_unlock(struct mutex_recursive *mutex);

struct condition {
    _Atomic uint32_t sequence; /* of signals and broadcasts */
};

/* Unlocks, waits for a signal (or wakes without one), locks again. False: the deadline passed. */
bool condition_wait(struct condition *condition, struct mutex *mutex, uint64_t deadline_ticks);
void condition_signal(struct condition *condition);
void condition_broadcast(struct condition *condition);

#endif

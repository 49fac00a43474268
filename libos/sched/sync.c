/* Mutexes and conditions over futexes. The mutex is the third of Drepper, "Futexes are tricky". */
#include "private.h"

bool
mutex_try(struct mutex *mutex)
{
    uint32_t free = 0;
    return atomic_compare_exchange_strong_explicit(&mutex->state, &free, 1, memory_order_acquire,
                                                   memory_order_relaxed);
}

bool
mutex_lock_until(struct mutex *mutex, uint64_t deadline_ticks)
{
    if (mutex_try(mutex))
        return true;
    /* 2 also by who gets it this way: others may still wait. */
    while (atomic_exchange_explicit(&mutex->state, 2, memory_order_acquire) != 0)
        if (futex_wait(&mutex->state, 2, deadline_ticks) == EXO_E_TIMEOUT)
            return mutex_try(mutex);
    return true;
}

void
mutex_lock(struct mutex *mutex)
{
    (void)mutex_lock_until(mutex, EXO_FOREVER);
}

void
mutex_unlock(struct mutex *mutex)
{
    if (atomic_exchange_explicit(&mutex->state, 0, memory_order_release) == 2)
        (void)futex_wake(&mutex->state, 1);
}

/* Only the holder writes its own name there: whoever reads it holds the mutex. */
static bool
is_held_by(const struct mutex_recursive *mutex, const struct thread *self)
{
    return atomic_load_explicit(&mutex->holder, memory_order_relaxed) == self;
}

bool
mutex_recursive_try(struct mutex_recursive *mutex)
{
    struct thread *self = thread_self();
    if (!is_held_by(mutex, self)) {
        if (!mutex_try(&mutex->mutex))
            return false;
        atomic_store_explicit(&mutex->holder, self, memory_order_relaxed);
    }
    mutex->depth++;
    return true;
}

void
mutex_recursive_lock(struct mutex_recursive *mutex)
{
    struct thread *self = thread_self();
    if (!is_held_by(mutex, self)) {
        mutex_lock(&mutex->mutex);
        atomic_store_explicit(&mutex->holder, self, memory_order_relaxed);
    }
    mutex->depth++;
}

void
mutex_recursive_unlock(struct mutex_recursive *mutex)
{
    if (--mutex->depth > 0)
        return;
    atomic_store_explicit(&mutex->holder, NULL, memory_order_relaxed);
    mutex_unlock(&mutex->mutex);
}

bool
condition_wait(struct condition *condition, struct mutex *mutex, uint64_t deadline_ticks)
{
    uint32_t sequence = atomic_load_explicit(&condition->sequence, memory_order_relaxed);
    mutex_unlock(mutex);
    int64_t status = futex_wait(&condition->sequence, sequence, deadline_ticks);
    mutex_lock(mutex);
    return status != EXO_E_TIMEOUT;
}

void
condition_signal(struct condition *condition)
{
    atomic_fetch_add_explicit(&condition->sequence, 1, memory_order_relaxed);
    (void)futex_wake(&condition->sequence, 1);
}

void
condition_broadcast(struct condition *condition)
{
    atomic_fetch_add_explicit(&condition->sequence, 1, memory_order_relaxed);
    (void)futex_wake(&condition->sequence, UINT32_MAX);
}

/* The slow half of the spin locks; the fast one is inline (lock.h). */
#include "core/lock.h"

#include "arch/hint.h"

void
lock_init(struct spinlock *lock, enum lock_rank rank)
{
    atomic_store_explicit(&lock->held, 0, memory_order_relaxed);
    lock->rank = rank;
}

/* Spins on a plain load: the cache line stays shared until the holder writes it. */
void
lock_wait(const struct spinlock *lock)
{
    while (atomic_load_explicit(&lock->held, memory_order_relaxed) != 0)
        spin_hint();
}

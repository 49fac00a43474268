/* The slow half of the spin locks; the fast one is inline (lock.h). */
#include "core/lock.h"

#include "arch/hint.h"

void
lock_init(struct spinlock *lock, enum lock_rank rank)
{
    atomic_store_explicit(&lock->word, 0, memory_order_relaxed);
    lock->rank = rank;
}

/* Looks with a plain load: the cache line stays shared until the holder writes it. */
void
lock_wait(struct spinlock *lock)
{
    uint32_t starved = 0, looks = 0;
    for (;; spin_hint()) {
        uint32_t word = atomic_load_explicit(&lock->word, memory_order_relaxed);
        if ((word == 0 || word == starved) && lock_try(lock, word))
            return;
        if (word & LOCK_STARVED || ++looks % LOCK_PATIENCE != 0)
            continue; /* another's turn comes first */
        starved = LOCK_STARVED;
        atomic_fetch_or_explicit(&lock->word, starved, memory_order_relaxed);
    }
}

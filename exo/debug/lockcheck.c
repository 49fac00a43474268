/*
 * Checks the one lock order (lock.h) at run time: each CPU counts the locks that it holds of each
 * rank, three bits a rank in cpu->lock_ranks.
 */
#include "core/cpu.h"

#define RANK_BITS     3u
#define RANK_HELD_MAX 7u /* of one rank at a time */

_Static_assert(RANK_LAST *RANK_BITS <= 64, "the ranks fit into cpu->lock_ranks");

static uint32_t
rank_shift(const struct spinlock *lock)
{
    ensure(lock->rank >= RANK_CELL && lock->rank <= RANK_LAST);
    return (lock->rank - 1) * RANK_BITS;
}

/* Equal ranks are allowed: the comment at the lock says in which order. */
void
lock_check_acquire(const struct spinlock *lock)
{
    struct cpu *cpu = this_cpu();
    uint64_t higher = cpu->lock_ranks >> rank_shift(lock) >> RANK_BITS;
    if (higher != 0)
        panic("lock of rank %u taken; held, three bits a rank: %lx", lock->rank,
              (unsigned long)cpu->lock_ranks);
    ensure(((cpu->lock_ranks >> rank_shift(lock)) & RANK_HELD_MAX) < RANK_HELD_MAX);
    cpu->lock_ranks += 1ull << rank_shift(lock);
}

void
lock_check_release(const struct spinlock *lock)
{
    struct cpu *cpu = this_cpu();
    ensure(((cpu->lock_ranks >> rank_shift(lock)) & RANK_HELD_MAX) > 0);
    cpu->lock_ranks -= 1ull << rank_shift(lock);
}

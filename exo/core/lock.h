/*
 * Spin locks with a rank.
 *
 * The kernel runs with interrupts masked and never blocks, so that a lock is held for a bounded
 * time by construction. A CPU takes locks in the order of their ranks (equal ranks only where the
 * comment at the lock says in which order); debug builds check it at every acquire.
 */
#ifndef EXO_CORE_LOCK_H
#define EXO_CORE_LOCK_H

#include "core/base.h"

/* The one order. Leaves, which take nothing further, come last. */
enum lock_rank {
    RANK_CELL = 1,       /* a cell's lists and limits; ancestors first */
    RANK_ORIGIN = 2,     /* one derivation tree and its object's life */
    RANK_SLOT = 3,       /* one capability slot's contents; two at a time: by address */
    RANK_VSPACE = 4,     /* one address space's page tables */
    RANK_ENV = 5,        /* an environment's list of vCPUs */
    RANK_DEVICE = 6,     /* a device: its session, its registers */
    RANK_QUEUE = 7,      /* one virtqueue */
    RANK_IRQ = 8,        /* an interrupt line */
    RANK_ENDPOINT = 9,   /* an endpoint's queues, a notification's binding */
    RANK_RUN_QUEUE = 10, /* a CPU's vCPUs: their states, deadlines, slots; two: by CPU number */
    RANK_SLAB = 11,      /* a cell's small-object frames */
    RANK_FRAMES = 12,    /* the pool of free frames */
    RANK_ASID = 13,
    RANK_CONTROLLER = 14, /* the interrupt controller's shared registers and commands */
    RANK_LAST = RANK_CONTROLLER,
};

/*
 * A word that is 0 while the lock is free and nobody starves. `held` is its lowest byte, so that a
 * release is one store that leaves LOCK_STARVED as it is. Whoever takes the lock sees all that was
 * written before its last release.
 */
struct spinlock {
    union {
        _Atomic uint32_t word;
        _Atomic uint8_t held;
    };
    uint32_t rank;
};

#define LOCK_HELD    1u
#define LOCK_STARVED 0x100u /* only who has waited long may take it */

#define SPINLOCK(lock_rank) {.word = 0, .rank = (lock_rank)}

void lock_init(struct spinlock *lock, enum lock_rank rank);

/*
 * Waits for a lock that is held, and takes it. A CPU that has looked LOCK_PATIENCE times sets
 * LOCK_STARVED: from then on nobody else takes the lock before one of those that starve did, so
 * that a program which keeps a lock busy with calls cannot keep another CPU from it.
 */
KEEPS_REGISTERS __attribute__((cold, noinline)) void lock_wait(struct spinlock *lock);
#define LOCK_PATIENCE 1024u

/*
 * Debug builds keep the ranks that each CPU holds, and panic at an acquire of a rank below one of
 * them and at a release of what is not held (debug/lockcheck.c).
 */
#ifdef EXO_DEBUG
void lock_check_acquire(const struct spinlock *lock);
void lock_check_release(const struct spinlock *lock);
#else
#define lock_check_acquire(lock) (void)(lock)
#define lock_check_release(lock) (void)(lock)
#endif

/* Whether the word was this one, and the lock is now held by the caller. */
static inline bool
lock_try(struct spinlock *lock, uint32_t word)
{
    return atomic_compare_exchange_strong_explicit(&lock->word, &word, LOCK_HELD,
                                                   memory_order_acquire, memory_order_relaxed);
}

static inline void
lock_acquire(struct spinlock *lock)
{
    lock_check_acquire(lock);
    if (!lock_try(lock, 0))
        lock_wait(lock);
}

static inline void
lock_release(struct spinlock *lock)
{
    lock_check_release(lock);
    atomic_store_explicit(&lock->held, 0, memory_order_release);
}

static inline void
lock_release_held(struct spinlock *const *held)
{
    lock_release(*held);
}

/* Takes the lock until the end of the block, whichever way that is left. One a line. */
#define HOLD_NAME(line) held_until_##line
#define HOLD_AT(lock, line)                                                                      \
    struct spinlock *const HOLD_NAME(line) __attribute__((cleanup(lock_release_held), unused)) = \
        (lock);                                                                                  \
    lock_acquire(HOLD_NAME(line))
#define HOLD_LINE(lock, line) HOLD_AT(lock, line)
#define HOLD(lock)            HOLD_LINE(lock, __LINE__)

#endif

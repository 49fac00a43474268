/*
 * How each frame is used: mappings, cleanliness, kernel pointers. Who is writable or executable is
 * decided by one compare-and-swap on the frame's word, without a lock.
 */
#include "core/frame.h"

#include "arch/arch.h"
#include "arch/mmu.h"

#define WRITABLE_MASK   (FRAME_COUNT_MASK * FRAME_WRITABLE_ONE)
#define EXECUTABLE_MASK (FRAME_COUNT_MASK * FRAME_EXECUTABLE_ONE)

/* The bits of the count that mappings with `prot` belong to; 0 for those that are only read. */
static inline uint64_t
count_mask(uint32_t prot)
{
    if ((prot & EXO_PROT_WRITE) != 0)
        return WRITABLE_MASK;
    return (prot & EXO_PROT_EXEC) != 0 ? EXECUTABLE_MASK : 0;
}

/* 1 in the count of that mask. */
static inline uint64_t
count_one(uint64_t mask)
{
    return mask & -mask;
}

/* The executable count, already taken, keeps writers out meanwhile. */
static void
make_coherent(struct frame *frame)
{
    pfn_t pfn = frame_table.first + (uint64_t)(frame - frame_table.entries);
    arch_sync_icache(frame_to_kernel(pfn), PAGE_BYTES);
    atomic_fetch_or_explicit(&frame->use, FRAME_ICACHE, memory_order_release);
}

/*
 * Acquire pairs with the release of frame_unmap_run (who finds the other count at 0 also finds the
 * TLBs clean, which was waited for before it dropped) and with that of frame_clean.
 */
static inline err_t
use_frame(struct frame *frame, uint64_t mask)
{
    uint64_t word = atomic_load_explicit(&frame->use, memory_order_acquire), next;
    do {
        if ((word & FRAME_CLEAN) == 0)
            return EXO_E_STATE;
        if (mask == 0)
            return EXO_OK;
        if ((word & (WRITABLE_MASK | EXECUTABLE_MASK) & ~mask) != 0)
            return EXO_E_WX;
        if ((word & mask) == mask)
            return EXO_E_LIMIT;
        next = word + count_one(mask);
        next &= mask == WRITABLE_MASK ? ~FRAME_ICACHE : UINT64_MAX;
    } while (!atomic_compare_exchange_weak_explicit(&frame->use, &word, next, memory_order_acquire,
                                                    memory_order_acquire));
    if (mask == EXECUTABLE_MASK && (word & FRAME_ICACHE) == 0)
        make_coherent(frame);
    return EXO_OK;
}

err_t
frame_map_run(pfn_t base, uint64_t count, uint32_t prot, uint64_t *done)
{
    struct frame *frame = frame_run(base, count);
    uint64_t mask = count_mask(prot), i = 0;
    err_t err = EXO_OK;
    while (frame != NULL && i < count && (err = use_frame(&frame[i], mask)) == EXO_OK)
        i++;
    *done = frame != NULL ? i : count;
    return err;
}

void
frame_unmap_run(pfn_t base, uint64_t count, uint32_t prot)
{
    struct frame *frame = frame_run(base, count);
    uint64_t mask = count_mask(prot), one = count_one(mask);
    if (frame == NULL || mask == 0)
        return;
    for (uint64_t i = 0; i < count; i++)
        ensure((atomic_fetch_sub_explicit(&frame[i].use, one, memory_order_release) & mask) != 0);
}

/*
 * CLEANING keeps a second CPU from zeroing what the first one's program may already have written
 * to. Nothing else changes the word of a frame that is not CLEAN.
 */
err_t
frame_clean(pfn_t base, uint64_t count, uint32_t *budget)
{
    struct frame *frame = frame_run(base, count);
    for (uint64_t i = 0; frame != NULL && i < count; i++) {
        uint64_t word = atomic_load_explicit(&frame[i].use, memory_order_acquire);
        if ((word & FRAME_CLEAN) != 0)
            continue;
        if (*budget == 0 || (word & FRAME_CLEANING) != 0 ||
            !atomic_compare_exchange_strong_explicit(&frame[i].use, &word, word | FRAME_CLEANING,
                                                     memory_order_acquire, memory_order_relaxed))
            return EXO_E_AGAIN;
        memset(frame_to_kernel(base + i), 0, PAGE_BYTES);
        atomic_store_explicit(&frame[i].use, word | FRAME_CLEAN, memory_order_release);
        --*budget;
    }
    return EXO_OK;
}

void *
frame_to_kernel(pfn_t pfn)
{
    return linear_from_pa(pfn << PAGE_SHIFT);
}

pfn_t
frame_from_kernel(const void *pointer)
{
    return linear_to_pa(pointer) >> PAGE_SHIFT;
}

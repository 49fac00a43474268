/*
 * How each frame is used: mappings, cleanliness, kernel pointers. Who is writable or executable is
 * decided by one compare-and-swap on the frame's word, without a lock.
 */
#include "core/frame.h"

#include "arch/arch.h"
#include "arch/mmu.h"

#define WRITABLE_MASK   (FRAME_COUNT_MASK * FRAME_WRITABLE_ONE)
#define EXECUTABLE_MASK (FRAME_COUNT_MASK * FRAME_EXECUTABLE_ONE)
#define ONE(mask)       ((mask) & -(mask))

/* The executable count, already taken, keeps writers out meanwhile. */
static void
make_coherent(struct frame *frame)
{
    pfn_t pfn = frame_table.first + (uint64_t)(frame - frame_table.entries);
    arch_sync_icache(frame_to_kernel(pfn), PAGE_BYTES);
    atomic_fetch_or_explicit(&frame->use, FRAME_ICACHE, memory_order_release);
}

/* False when another CPU was faster: look again. */
static inline bool
try_change(struct frame *frame, uint64_t word, uint64_t next)
{
    bool done = atomic_compare_exchange_strong_explicit(&frame->use, &word, next,
                                                        memory_order_acquire, memory_order_relaxed);
    return __builtin_expect(done, 1);
}

/*
 * Inlined for each kind of use: `mask` is the count that it belongs to, 0 where it only reads.
 * Acquire pairs with the release of frame_unmap_run (who finds the other count at 0 also finds the
 * TLBs clean, which was waited for before it dropped) and with that of frame_clean.
 */
static inline err_t
use_run(struct frame *frame, uint64_t count, uint64_t mask, uint64_t excluded, uint64_t *done)
{
    uint64_t word, next;
    for (*done = 0; *done < count; ++*done, frame++) {
        do {
            word = atomic_load_explicit(&frame->use, memory_order_acquire);
            next = word + ONE(mask);
            if ((word & FRAME_CLEAN) == 0)
                return EXO_E_STATE;
            if ((word & excluded) != 0)
                return EXO_E_WX;
            if (mask != 0 && (next & mask) == 0)
                return EXO_E_LIMIT;
            if (mask == WRITABLE_MASK)
                next &= ~FRAME_ICACHE;
        } while (mask != 0 && !try_change(frame, word, next));
        if (mask == EXECUTABLE_MASK && (word & FRAME_ICACHE) == 0)
            make_coherent(frame);
    }
    return EXO_OK;
}

err_t
frame_map_run(pfn_t base, uint64_t count, uint32_t prot, uint64_t *done)
{
    struct frame *frame = frame_run(base, count);
    uint64_t i = count;
    err_t err = EXO_OK;
    if (frame != NULL && (prot & EXO_PROT_WRITE) != 0)
        err = use_run(frame, count, WRITABLE_MASK, EXECUTABLE_MASK, &i);
    else if (frame != NULL && (prot & EXO_PROT_EXEC) != 0)
        err = use_run(frame, count, EXECUTABLE_MASK, WRITABLE_MASK, &i);
    else if (frame != NULL)
        err = use_run(frame, count, 0, 0, &i);
    *done = i;
    return err;
}

void
frame_unmap_run(pfn_t base, uint64_t count, uint32_t prot)
{
    struct frame *frame = frame_run(base, count);
    uint64_t mask = (prot & EXO_PROT_WRITE) != 0 ? WRITABLE_MASK : EXECUTABLE_MASK;
    if (frame == NULL || (prot & (EXO_PROT_WRITE | EXO_PROT_EXEC)) == 0)
        return;
    for (const struct frame *end = frame + count; frame < end; frame++) {
        uint64_t old = atomic_fetch_sub_explicit(&frame->use, ONE(mask), memory_order_release);
        ensure((old & mask) != 0);
    }
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
            !try_change(&frame[i], word, word | FRAME_CLEANING))
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

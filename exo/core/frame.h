/*
 * The frame table and the pool of free frames.
 *
 * One 16-byte entry per frame of RAM says who owns it and how it is used. A frame is FREE (in the
 * pool, a buddy allocator whose links live in the entries), OWNED (memory of a program; `owner` is
 * its struct origin), KERNEL (page table, object, control page; `owner` is the struct cell that
 * pays, or for a page of a capability table the struct env), or RESERVED (never leaves the
 * kernel: its image, the frame table, per-CPU data).
 *
 * `use` is one atomic word, so that "writable or executable, never both" (architecture, section
 * 4) is one compare-and-swap: bits 0..15 writable mappings, 16..31 executable mappings, 48..63
 * flags.
 *
 * A word of 0 is a RESERVED frame, or one inside a free run behind its head: only the head of a
 * run says FREE and the run's order, so that boot and the pool never touch the frames inside
 * (frame_state looks for the head: runs are aligned to their size). 0 is also "dirty".
 */
#ifndef EXO_CORE_FRAME_H
#define EXO_CORE_FRAME_H

#include "core/lock.h"

enum frame_state { FRAME_RESERVED = 0, FRAME_FREE = 1, FRAME_KERNEL = 2, FRAME_OWNED = 3 };

#define FRAME_WRITABLE_ONE   (1ull << 0)
#define FRAME_EXECUTABLE_ONE (1ull << 16)
#define FRAME_COUNT_MASK     0xffffull
#define FRAME_STATE_SHIFT    48           /* 2 bits: enum frame_state */
#define FRAME_ORDER_SHIFT    50           /* 5 bits: order of a free run, at its first frame */
#define FRAME_CLEAN          (1ull << 55) /* holds nothing of an earlier owner; else zero it first */
#define FRAME_ICACHE         (1ull << 56) /* caches were made coherent since it was last writable */
#define FRAME_CLEANING       (1ull << 57) /* a CPU is zeroing it */

struct frame {
    _Atomic uint64_t use;
    union {
        void *owner; /* OWNED: struct origin; KERNEL: struct cell or struct env */
        struct {
            uint32_t next, prev; /* FREE, first of a run: neighbours in its list */
        };
    };
};

#define FRAME_ORDER_MAX 16 /* runs of up to 65,536 frames, 256 MiB */

struct frame_table {
    struct frame *entries;
    pfn_t first;
    uint64_t count;
};
extern struct frame_table frame_table; /* never changes after boot */

/*
 * At boot, once: the table covers [first, first + count) and lies at `table` (count entries,
 * zeroed: all RESERVED).
 */
void frame_table_init(struct frame *table, pfn_t first, uint64_t count);

/* At boot: gives a run of RESERVED frames to the pool. It costs nothing per frame. */
void frame_give(pfn_t base, uint64_t count);

/*
 * At boot: RESERVED frames become OWNED with what they hold (the boot image): they count as CLEAN.
 */
void frame_adopt(pfn_t base, uint64_t count, void *owner);

/* The entry of a frame; NULL when it is not RAM that the table covers. */
static inline struct frame *
frame_of(pfn_t pfn)
{
    uint64_t index = pfn - frame_table.first;
    return index < frame_table.count ? &frame_table.entries[index] : NULL;
}

/* The entries of a run of frames; NULL when none of it is RAM. All of it or nothing is (ensured).
 */
static inline struct frame *
frame_run(pfn_t base, uint64_t count)
{
    struct frame *frame = frame_of(base);
    ensure(frame == NULL || count <= frame_table.count - (base - frame_table.first));
    return frame;
}

/* Exact for every frame; a snapshot where another CPU allocates meanwhile. */
enum frame_state frame_state(const struct frame *frame);

/*
 * Takes a run from the pool. `how` is enum exo_alloc; `at` counts for EXO_ALLOC_AT only. *base and
 * *got say what was taken (got = count but for EXO_ALLOC_ANY). The frames become OWNED by `owner`,
 * not CLEAN. EXO_E_ARG (count), EXO_E_MEMORY when there is no such run.
 */
err_t frame_take(uint64_t count, enum exo_alloc how, pfn_t at, void *owner, pfn_t *base,
                 uint64_t *got);

/*
 * Gives a run back. Every frame is OWNED or KERNEL and has no mapping counts (ensured).
 */
void frame_put(pfn_t base, uint64_t count);

void frame_set_owner(pfn_t base, uint64_t count, void *owner);

/* Zeroed KERNEL frames in a row for `owner`, as a kernel pointer; NULL when there are not so many.
   Charges nobody. */
void *frame_take_kernel(void *owner, uint64_t count);

/*
 * A mapping with `prot` (enum exo_prot) of each frame of the run comes or goes; mappings that are
 * only readable are not counted, nor are frames outside of the table. The first executable one
 * makes the caches coherent. EXO_E_STATE (not CLEAN), EXO_E_WX and EXO_E_LIMIT (count overflow)
 * are about frame base + *done: those before it are counted. Goes: only after no TLB holds it.
 */
err_t frame_map_run(pfn_t base, uint64_t count, uint32_t prot, uint64_t *done);
void frame_unmap_run(pfn_t base, uint64_t count, uint32_t prot);

/*
 * Before frames become visible: zeroes at most *budget of the run that are not CLEAN and takes
 * them off the budget. EXO_E_AGAIN when the budget ran out first, or another CPU is zeroing one of
 * them: what was done stays done. Frames outside of the table are skipped.
 */
err_t frame_clean(pfn_t base, uint64_t count, uint32_t *budget);

uint64_t frame_free_count(void);

/* Kernel pointers through the linear map (arch/mmu.h has the offset; the host's tests a fake). */
void *frame_to_kernel(pfn_t pfn);
pfn_t frame_from_kernel(const void *pointer);

#endif

/*
 * How each frame is used: mappings, pins, cleanliness, and the kernel's own frames. Who is writable
 * or executable is decided by one compare-and-swap on the frame's word, without a lock.
 */
#include "core/frame.h"

#include "arch/arch.h"
#include "arch/mmu.h"

#define WRITABLE_MASK   (FRAME_COUNT_MASK * FRAME_WRITABLE_ONE)
#define EXECUTABLE_MASK (FRAME_COUNT_MASK * FRAME_EXECUTABLE_ONE)
#define PIN_MASK        (FRAME_COUNT_MASK * FRAME_PIN_ONE)

/* A change to the counts: what it adds, the counts that may not overflow, what must be 0. */
struct use {
    uint64_t add, counts, excluded, clear;
};

static const struct use use_write = {FRAME_WRITABLE_ONE, WRITABLE_MASK, EXECUTABLE_MASK,
                                     FRAME_ICACHE};
static const struct use use_execute = {FRAME_EXECUTABLE_ONE, EXECUTABLE_MASK, WRITABLE_MASK, 0};
static const struct use use_pin = {FRAME_PIN_ONE, PIN_MASK, 0, 0};
static const struct use use_pin_write = {FRAME_PIN_ONE + FRAME_WRITABLE_ONE,
                                         PIN_MASK | WRITABLE_MASK, EXECUTABLE_MASK, FRAME_ICACHE};

/* Why the change cannot be made. A count that overflows carries into a bit outside of `counts`. */
static inline err_t
use_refused(uint64_t word, struct use use)
{
    if ((word & use.excluded) != 0) {
        return EXO_E_WX;
    }
    if ((((word & use.counts) + use.add) & ~use.counts) != 0) {
        return EXO_E_LIMIT;
    }
    return EXO_OK;
}

/*
 * False when another CPU was faster: look again. Acquire pairs with the release of use_end: who
 * finds the other count at 0 also finds the TLBs clean, which was waited for before it dropped.
 */
static inline bool
use_begin(struct frame *frame, struct use use, uint64_t word)
{
    return atomic_compare_exchange_weak_explicit(&frame->use, &word, (word + use.add) & ~use.clear,
                                                 memory_order_acquire, memory_order_relaxed);
}

static inline void
use_end(struct frame *frame, struct use use)
{
    uint64_t old = atomic_fetch_sub_explicit(&frame->use, use.add, memory_order_release);
    ensure((((old & use.counts) - use.add) & ~use.counts) == 0); /* no borrow */
}

/* The executable count, already taken, keeps writers out meanwhile. */
static void
make_coherent(struct frame *frame)
{
    pfn_t pfn = frame_table.first + (uint64_t)(frame - frame_table.entries);
    arch_sync_icache(frame_to_kernel(pfn), PAGE_BYTES);
    atomic_fetch_or_explicit(&frame->use, FRAME_ICACHE, memory_order_release);
}

/* Inlined once for each kind of use. */
static inline err_t
count_run(struct frame *frame, uint64_t count, struct use use, uint64_t *done)
{
    err_t err = EXO_OK;
    uint64_t i = 0;
    while (i < count) {
        uint64_t word = atomic_load_explicit(&frame[i].use, memory_order_relaxed);
        err = (word & FRAME_CLEAN) != 0 ? use_refused(word, use) : EXO_E_STATE;
        if (err != EXO_OK) {
            break;
        }
        if (__builtin_expect(!use_begin(&frame[i], use, word), 0)) {
            continue;
        }
        if ((use.add & EXECUTABLE_MASK) != 0 && (word & FRAME_ICACHE) == 0) {
            make_coherent(&frame[i]);
        }
        i++;
    }
    *done = i;
    return err;
}

static err_t
read_run(const struct frame *frame, uint64_t count, uint64_t *done)
{
    uint64_t i = 0;
    while (i < count && (atomic_load_explicit(&frame[i].use, memory_order_acquire) & FRAME_CLEAN)) {
        i++;
    }
    *done = i;
    return i < count ? EXO_E_STATE : EXO_OK;
}

/* The first entry of a run that lies in the table, or NULL when all of it lies outside. */
static struct frame *
run_of(pfn_t base, uint64_t count)
{
    struct frame *frame = frame_of(base);
    ensure(frame == NULL || count <= frame_table.count - (base - frame_table.first));
    return frame;
}

err_t
frame_map_run(pfn_t base, uint64_t count, uint32_t prot, uint64_t *done)
{
    struct frame *frame = run_of(base, count);
    if (frame == NULL) {
        *done = count;
        return EXO_OK;
    }
    if ((prot & EXO_PROT_WRITE) != 0) {
        return count_run(frame, count, use_write, done);
    }
    if ((prot & EXO_PROT_EXEC) != 0) {
        return count_run(frame, count, use_execute, done);
    }
    return read_run(frame, count, done);
}

void
frame_unmap_run(pfn_t base, uint64_t count, uint32_t prot)
{
    struct frame *frame = run_of(base, count);
    if (frame == NULL) {
        return;
    }
    if ((prot & EXO_PROT_WRITE) != 0) {
        for (uint64_t i = 0; i < count; i++) {
            use_end(&frame[i], use_write);
        }
    } else if ((prot & EXO_PROT_EXEC) != 0) {
        for (uint64_t i = 0; i < count; i++) {
            use_end(&frame[i], use_execute);
        }
    }
}

err_t
frame_pin(pfn_t pfn, bool device_writes)
{
    struct use use = device_writes ? use_pin_write : use_pin;
    struct frame *frame = frame_of(pfn);
    uint64_t word;
    if (frame == NULL) {
        return EXO_E_RANGE;
    }
    do {
        word = atomic_load_explicit(&frame->use, memory_order_relaxed);
        err_t err = use_refused(word, use);
        if (err != EXO_OK) {
            return err;
        }
    } while (!use_begin(frame, use, word));
    return EXO_OK;
}

void
frame_unpin(pfn_t pfn, bool device_writes)
{
    struct frame *frame = frame_of(pfn);
    ensure(frame != NULL);
    use_end(frame, device_writes ? use_pin_write : use_pin);
}

/*
 * CLEANING keeps a second CPU from zeroing what the first one's program may already have written
 * to. False when another CPU is at it.
 */
static bool
clean_one(struct frame *frame, pfn_t pfn)
{
    uint64_t old = atomic_fetch_or_explicit(&frame->use, FRAME_CLEANING, memory_order_acquire);
    if ((old & FRAME_CLEANING) != 0) {
        return false;
    }
    if ((old & FRAME_CLEAN) == 0) {
        memset(frame_to_kernel(pfn), 0, PAGE_BYTES);
        atomic_fetch_or_explicit(&frame->use, FRAME_CLEAN, memory_order_release);
    }
    atomic_fetch_and_explicit(&frame->use, ~FRAME_CLEANING, memory_order_release);
    return true;
}

err_t
frame_clean(pfn_t base, uint64_t count, uint32_t *budget)
{
    struct frame *frame = run_of(base, count);
    for (uint64_t i = 0; frame != NULL && i < count; i++) {
        if ((atomic_load_explicit(&frame[i].use, memory_order_acquire) & FRAME_CLEAN) != 0) {
            continue;
        }
        if (*budget == 0 || !clean_one(&frame[i], base + i)) {
            return EXO_E_AGAIN;
        }
        *budget -= 1;
    }
    return EXO_OK;
}

void
frame_set_owner(pfn_t base, uint64_t count, void *owner)
{
    struct frame *frame = run_of(base, count);
    ensure(frame != NULL);
    for (uint64_t i = 0; i < count; i++) {
        frame[i].owner = owner;
    }
}

/* A program may see it later (a control page): zeroed, so CLEAN. */
void *
frame_take_kernel_run(void *owner, uint64_t count)
{
    pfn_t base;
    uint64_t got;
    if (count > 16 || frame_take(count, EXO_ALLOC_CONTIGUOUS, 0, NULL, &base, &got) != EXO_OK) {
        return NULL;
    }
    frame_set_owner(base, count, owner);
    for (uint64_t i = 0; i < count; i++) {
        atomic_fetch_or_explicit(&frame_of(base + i)->use, FRAME_CLEAN, memory_order_relaxed);
    }
    return memset(frame_to_kernel(base), 0, count * PAGE_BYTES);
}

void *
frame_take_kernel(void *owner)
{
    return frame_take_kernel_run(owner, 1);
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

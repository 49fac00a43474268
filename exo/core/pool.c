/*
 * The frame table and the pool of free frames: a buddy allocator whose lists run through the
 * entries of the table. A run of order n is 2^n frames, aligned to that in physical memory; its
 * first entry, the head, holds FREE, n and the links. The entries behind it are 0 (or CLEAN).
 *
 * The lock covers lists, heads and the links. Entries of frames outside of the pool belong to
 * whoever took them, so that marking a run happens without the lock.
 */
#include "core/frame.h"

#define NONE UINT32_MAX
#define FREE_WORD(order) \
    (((uint64_t)FRAME_FREE << FRAME_STATE_SHIFT) | ((uint64_t)(order) << FRAME_ORDER_SHIFT))
#define FRAME_USED_MASK ((1ull << FRAME_STATE_SHIFT) - 1) /* counts and pins */

struct frame_table frame_table;

static struct {
    struct spinlock lock; /* RANK_FRAMES */
    uint32_t orders;      /* bit n: the list of order n is not empty */
    uint32_t head[FRAME_ORDER_MAX + 1];
    _Atomic uint64_t free;
} pool;

static uint64_t
word_of(const struct frame *frame)
{
    return atomic_load_explicit(&frame->use, memory_order_relaxed);
}

static enum frame_state
state_in(uint64_t word)
{
    return (enum frame_state)((word >> FRAME_STATE_SHIFT) & 3);
}

/* Everything but CLEAN is replaced: the frame is ours, or the pool's and its lock is held. */
static void
mark(struct frame *frame, uint64_t word)
{
    uint64_t clean = word_of(frame) & FRAME_CLEAN;
    atomic_store_explicit(&frame->use, word | clean, memory_order_relaxed);
}

static uint64_t
state_word(enum frame_state state)
{
    return (uint64_t)state << FRAME_STATE_SHIFT;
}

/* The order of the run whose head this is; -1 when it is none. */
static int
head_order(const struct frame *frame)
{
    uint64_t word = word_of(frame);
    return state_in(word) == FRAME_FREE ? (int)((word >> FRAME_ORDER_SHIFT) & 31) : -1;
}

/* The smallest order of at least `count` frames; the largest of at most `count`. */
static uint32_t
order_up(uint64_t count)
{
    return count <= 1 ? 0 : 64 - (uint32_t)__builtin_clzll(count - 1);
}

static uint32_t
order_down(uint64_t count)
{
    return 63 - (uint32_t)__builtin_clzll(count);
}

static uint32_t
index_of(pfn_t pfn)
{
    return (uint32_t)(pfn - frame_table.first);
}

static void
list_push(pfn_t pfn, uint32_t order)
{
    uint32_t index = index_of(pfn);
    struct frame *frame = &frame_table.entries[index];
    mark(frame, FREE_WORD(order));
    frame->prev = NONE;
    frame->next = pool.head[order];
    if (frame->next != NONE) {
        frame_table.entries[frame->next].prev = index;
    }
    pool.head[order] = index;
    pool.orders |= 1u << order;
}

static void
list_remove(pfn_t pfn, uint32_t order)
{
    struct frame *frame = &frame_table.entries[index_of(pfn)];
    if (frame->next != NONE) {
        frame_table.entries[frame->next].prev = frame->prev;
    }
    if (frame->prev != NONE) {
        frame_table.entries[frame->prev].next = frame->next;
    } else {
        pool.head[order] = frame->next;
    }
    if (pool.head[order] == NONE) {
        pool.orders &= ~(1u << order);
    }
    mark(frame, 0);
}

/* Joins the run with its buddy as long as that is free and of the same order. */
static void
put_run(pfn_t pfn, uint32_t order)
{
    while (order < FRAME_ORDER_MAX) {
        const struct frame *buddy = frame_of(pfn ^ (1ull << order));
        if (buddy == NULL || head_order(buddy) != (int)order) {
            break;
        }
        list_remove(pfn ^ (1ull << order), order);
        pfn &= ~(1ull << order);
        order++;
    }
    list_push(pfn, order);
}

/* At most two aligned runs of each order make up a range. */
static void
put_range(pfn_t base, uint64_t count)
{
    while (count != 0) {
        uint32_t order = (uint32_t)min_u64(order_down(count), FRAME_ORDER_MAX);
        if (base != 0) {
            order = (uint32_t)min_u64(order, (uint64_t)__builtin_ctzll(base));
        }
        put_run(base, order);
        base += 1ull << order;
        count -= 1ull << order;
    }
}

/* The free run that holds the frame. */
static bool
find_run(pfn_t pfn, pfn_t *head, uint32_t *order)
{
    for (uint32_t n = 0; n <= FRAME_ORDER_MAX; n++) {
        *head = pfn & ~((1ull << n) - 1);
        const struct frame *frame = frame_of(*head);
        if (frame == NULL) {
            return false;
        }
        if (head_order(frame) >= (int)n) {
            *order = (uint32_t)head_order(frame);
            return true;
        }
    }
    return false;
}

/* Takes `count` frames off the front of a free run of at least that order. */
static bool
take_front(uint64_t count, uint32_t order, pfn_t *base)
{
    uint32_t fitting = pool.orders >> order;
    if (fitting == 0) {
        return false;
    }
    order += (uint32_t)__builtin_ctz(fitting);
    *base = frame_table.first + pool.head[order];
    list_remove(*base, order);
    put_range(*base + count, (1ull << order) - count);
    return true;
}

static bool
take_any(uint64_t *count, pfn_t *base)
{
    uint32_t order = order_up(*count);
    if (pool.orders == 0) {
        return false;
    }
    if (pool.orders >> order == 0) {
        order = order_down(pool.orders);
        *count = 1ull << order;
    }
    return take_front(*count, order, base);
}

static bool
range_is_free(pfn_t base, uint64_t count)
{
    pfn_t head;
    uint32_t order;
    for (pfn_t pfn = base; pfn < base + count; pfn = head + (1ull << order)) {
        if (!find_run(pfn, &head, &order)) {
            return false;
        }
    }
    return true;
}

/* The runs that overlap the range leave the pool; what sticks out of it at both ends goes back. */
static bool
take_at(pfn_t base, uint64_t count)
{
    if (base > UINT64_MAX - count || !range_is_free(base, count)) {
        return false;
    }
    pfn_t end = base + count, head = 0;
    uint32_t order = 0;
    for (pfn_t pfn = base; pfn < end; pfn = head + (1ull << order)) {
        (void)find_run(pfn, &head, &order);
        list_remove(head, order);
        if (head < base) {
            put_range(head, base - head);
        }
    }
    if (head + (1ull << order) > end) {
        put_range(end, head + (1ull << order) - end);
    }
    return true;
}

static bool
take(uint64_t *count, enum exo_alloc how, pfn_t at, pfn_t *base)
{
    switch (how) {
    case EXO_ALLOC_ANY: return take_any(count, base);
    case EXO_ALLOC_CONTIGUOUS: return take_front(*count, order_up(*count), base);
    case EXO_ALLOC_BLOCK: return take_front(*count, order_up(max_u64(*count, BLOCK_PAGES)), base);
    case EXO_ALLOC_AT: *base = at; return take_at(at, *count);
    }
    return false;
}

void
frame_table_init(struct frame *table, pfn_t first, uint64_t count)
{
    ensure(count < NONE);
    frame_table = (struct frame_table){.entries = table, .first = first, .count = count};
    lock_init(&pool.lock, RANK_FRAMES);
    pool.orders = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(pool.head); i++) {
        pool.head[i] = NONE;
    }
    atomic_store_explicit(&pool.free, 0, memory_order_relaxed);
}

static struct frame *
run_in_table(pfn_t base, uint64_t count)
{
    struct frame *frame = frame_of(base);
    ensure(frame != NULL && count <= frame_table.count - (base - frame_table.first));
    return frame;
}

static void
put(pfn_t base, uint64_t count)
{
    lock_acquire(&pool.lock);
    put_range(base, count);
    atomic_fetch_add_explicit(&pool.free, count, memory_order_relaxed);
    lock_release(&pool.lock);
}

void
frame_give(pfn_t base, uint64_t count, bool dirty)
{
    struct frame *frame = run_in_table(base, count);
    for (uint64_t i = 0; !dirty && i < count; i++) {
        atomic_store_explicit(&frame[i].use, FRAME_CLEAN, memory_order_relaxed);
    }
    put(base, count);
}

err_t
frame_take(uint64_t count, enum exo_alloc how, pfn_t at, void *owner, pfn_t *base, uint64_t *got)
{
    if (count == 0 || count > EXO_ALLOC_MAX) {
        return EXO_E_ARG;
    }
    lock_acquire(&pool.lock);
    bool taken = take(&count, how, at, base);
    if (taken) {
        atomic_fetch_sub_explicit(&pool.free, count, memory_order_relaxed);
    }
    lock_release(&pool.lock);
    if (!taken) {
        return EXO_E_MEMORY;
    }
    struct frame *frame = frame_of(*base);
    for (uint64_t i = 0; i < count; i++) {
        mark(&frame[i], state_word(owner != NULL ? FRAME_OWNED : FRAME_KERNEL));
        frame[i].owner = owner;
    }
    *got = count;
    return EXO_OK;
}

void
frame_put(pfn_t base, uint64_t count)
{
    struct frame *frame = run_in_table(base, count);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t word = word_of(&frame[i]);
        ensure(state_in(word) == FRAME_OWNED || state_in(word) == FRAME_KERNEL);
        ensure((word & FRAME_USED_MASK) == 0);
        atomic_store_explicit(&frame[i].use, 0, memory_order_relaxed);
    }
    put(base, count);
}

void
frame_adopt(pfn_t base, uint64_t count, void *owner)
{
    struct frame *frame = run_in_table(base, count);
    for (uint64_t i = 0; i < count; i++) {
        ensure(frame_state(&frame[i]) == FRAME_RESERVED);
        mark(&frame[i], state_word(FRAME_OWNED) | FRAME_CLEAN);
        frame[i].owner = owner;
    }
}

enum frame_state
frame_state(const struct frame *frame)
{
    uint64_t word = word_of(frame);
    pfn_t head;
    uint32_t order;
    if (state_in(word) != FRAME_RESERVED) {
        return state_in(word);
    }
    pfn_t pfn = frame_table.first + (uint64_t)(frame - frame_table.entries);
    return find_run(pfn, &head, &order) ? FRAME_FREE : FRAME_RESERVED;
}

uint64_t
frame_free_count(void)
{
    return atomic_load_explicit(&pool.free, memory_order_relaxed);
}

uint64_t
frame_total_count(void)
{
    return frame_table.count;
}

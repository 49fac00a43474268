/*
 * The frame table and the pool of free frames: a buddy allocator whose lists run through the
 * entries of the table. A run of order n is 2^n frames, aligned to that in physical memory; its
 * first entry, the head, holds FREE, n and the links. The entries behind it are 0.
 *
 * The lock covers lists, heads and the links. Entries of frames outside of the pool belong to
 * whoever took them, so that marking a run happens without the lock.
 */
#include "core/frame.h"

#define NONE              UINT32_MAX
#define STATE_WORD(state) ((uint64_t)(state) << FRAME_STATE_SHIFT)
#define FREE_WORD(order)  (STATE_WORD(FRAME_FREE) | ((uint64_t)(order) << FRAME_ORDER_SHIFT))
#define USED_MASK         ((1ull << FRAME_STATE_SHIFT) - 1) /* counts */
#define BLOCK_ORDER       9

_Static_assert(1u << BLOCK_ORDER == BLOCK_PAGES, "order of a block");

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

/* The frame is ours, or the pool's and its lock is held. */
static void
mark(struct frame *frame, uint64_t word)
{
    atomic_store_explicit(&frame->use, word, memory_order_relaxed);
}

static enum frame_state
state_in(uint64_t word)
{
    return (enum frame_state)((word >> FRAME_STATE_SHIFT) & 3);
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

static void
list_remove(pfn_t pfn, uint32_t order)
{
    struct frame *frame = frame_of(pfn);
    if (frame->next != NONE)
        frame_table.entries[frame->next].prev = frame->prev;
    if (frame->prev != NONE)
        frame_table.entries[frame->prev].next = frame->next;
    else
        pool.head[order] = frame->next;
    if (pool.head[order] == NONE)
        pool.orders &= ~(1u << order);
    mark(frame, 0);
}

static void
list_push(pfn_t pfn, uint32_t order)
{
    uint32_t index = (uint32_t)(pfn - frame_table.first), next = pool.head[order];
    struct frame *frame = &frame_table.entries[index];
    mark(frame, FREE_WORD(order));
    frame->prev = NONE;
    frame->next = next;
    if (next != NONE)
        frame_table.entries[next].prev = index;
    pool.head[order] = index;
    pool.orders |= 1u << order;
}

/* Joins the run with its buddy as long as that is free and of the same order. */
static void
put_run(pfn_t pfn, uint32_t order)
{
    for (; order < FRAME_ORDER_MAX; order++) {
        const struct frame *buddy = frame_of(pfn ^ (1ull << order));
        if (buddy == NULL || word_of(buddy) != FREE_WORD(order))
            break;
        list_remove(pfn ^ (1ull << order), order);
        pfn &= ~(1ull << order);
    }
    list_push(pfn, order);
}

/* At most two aligned runs of each order make up a range. */
static void
put_range(pfn_t base, uint64_t count)
{
    while (count != 0) {
        uint32_t aligned = (uint32_t)__builtin_ctzll(base | (1ull << FRAME_ORDER_MAX));
        uint32_t order = (uint32_t)min_u64(order_down(count), aligned);
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
        if (frame == NULL)
            return false;
        *order = (uint32_t)(word_of(frame) >> FRAME_ORDER_SHIFT) & 31;
        if (state_in(word_of(frame)) == FRAME_FREE && *order >= n)
            return true;
    }
    return false;
}

/*
 * The runs that overlap the range leave the pool; what sticks out of it at both ends goes back, or
 * all of it, where a frame is not free.
 */
static bool
take_at(pfn_t base, uint64_t count)
{
    pfn_t first = base, next = base, head; /* [first, next) has left */
    uint32_t order;
    while (next - base < count && find_run(next, &head, &order)) {
        list_remove(head, order);
        first = next == base ? head : first;
        next = head + (1ull << order);
    }
    if (next - base < count) {
        put_range(first, next - first);
        return false;
    }
    put_range(first, base - first);
    put_range(base + count, next - (base + count));
    return true;
}

/* *count changes for EXO_ALLOC_ANY. */
static bool
take(uint64_t *count, enum exo_alloc how, pfn_t at, pfn_t *base)
{
    uint32_t order = order_up(*count);
    *base = at;
    if (how == EXO_ALLOC_AT)
        return take_at(at, *count);
    if (how == EXO_ALLOC_BLOCK && order < BLOCK_ORDER)
        order = BLOCK_ORDER;
    if (how == EXO_ALLOC_ANY && pool.orders != 0 && pool.orders >> order == 0) {
        order = order_down(pool.orders);
        *count = 1ull << order;
    }
    if (pool.orders >> order == 0)
        return false;
    order += (uint32_t)__builtin_ctz(pool.orders >> order);
    *base = frame_table.first + pool.head[order];
    list_remove(*base, order);
    put_range(*base + *count, (1ull << order) - *count);
    return true;
}

void
frame_table_init(struct frame *table, pfn_t first, uint64_t count)
{
    ensure(count < NONE);
    frame_table = (struct frame_table){.entries = table, .first = first, .count = count};
    lock_init(&pool.lock, RANK_FRAMES);
    memset(pool.head, 0xff, sizeof(pool.head)); /* NONE */
    pool.orders = 0;
    pool.free = 0;
}

void
frame_give(pfn_t base, uint64_t count)
{
    ensure(frame_run(base, count) != NULL);
    HOLD(&pool.lock);
    put_range(base, count);
    pool.free += count;
}

static void
own_run(pfn_t base, uint64_t count, uint64_t word, void *owner)
{
    struct frame *frame = frame_of(base);
    for (uint64_t i = 0; i < count; i++) {
        mark(&frame[i], word);
        frame[i].owner = owner;
    }
}

err_t
frame_take(uint64_t count, enum exo_alloc how, pfn_t at, void *owner, pfn_t *base, uint64_t *got)
{
    if (count == 0 || count > EXO_ALLOC_MAX)
        return EXO_E_ARG;
    lock_acquire(&pool.lock);
    bool taken = take(&count, how, at, base);
    pool.free -= taken ? count : 0;
    lock_release(&pool.lock);
    if (!taken)
        return EXO_E_MEMORY;
    own_run(*base, count, STATE_WORD(FRAME_OWNED), owner);
    *got = count;
    return EXO_OK;
}

/* A program may see it later (a control page): zeroed, so CLEAN. */
void *
frame_take_kernel(void *owner, uint64_t count)
{
    pfn_t base;
    if (frame_take(count, EXO_ALLOC_CONTIGUOUS, 0, owner, &base, &count) != EXO_OK)
        return NULL;
    own_run(base, count, STATE_WORD(FRAME_KERNEL) | FRAME_CLEAN, owner);
    return memset(frame_to_kernel(base), 0, count * PAGE_BYTES);
}

void
frame_put(pfn_t base, uint64_t count)
{
    struct frame *frame = frame_run(base, count);
    for (uint64_t i = 0; frame != NULL && i < count; i++) {
        uint64_t word = word_of(&frame[i]);
        ensure(state_in(word) >= FRAME_KERNEL && (word & USED_MASK) == 0);
        mark(&frame[i], 0);
    }
    frame_give(base, count);
}

void
frame_adopt(pfn_t base, uint64_t count, void *owner)
{
    struct frame *frame = frame_run(base, count);
    for (uint64_t i = 0; i < count; i++)
        ensure(frame_state(&frame[i]) == FRAME_RESERVED);
    own_run(base, count, STATE_WORD(FRAME_OWNED) | FRAME_CLEAN, owner);
}

void
frame_set_owner(pfn_t base, uint64_t count, void *owner)
{
    struct frame *frame = frame_run(base, count);
    for (uint64_t i = 0; i < count; i++)
        frame[i].owner = owner;
}

enum frame_state
frame_state(const struct frame *frame)
{
    pfn_t pfn = frame_table.first + (uint64_t)(frame - frame_table.entries), head;
    uint32_t order;
    enum frame_state state = state_in(word_of(frame));
    return state == FRAME_RESERVED && find_run(pfn, &head, &order) ? FRAME_FREE : state;
}

uint64_t
frame_free_count(void)
{
    return pool.free;
}

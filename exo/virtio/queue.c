/* Queues: what programs may tell a device of memory, and what they hear of it. */
#include "virtio/port.h"

#include "arch/arch.h"
#include "arch/hint.h"
#include "core/cap_read.h"
#include "core/frame.h"
#include "core/reap.h"
#include "virtio/transport.h"

_Static_assert(sizeof(struct queue) <= EXO_PAGE_BYTES, "queue_around");
_Static_assert(sizeof(struct queue) > 256, "a frame of its own");
_Static_assert(offsetof(struct queue, irq) == offsetof(struct irq_line, irq), "sys/irq.c");
_Static_assert(sizeof(struct virtq_driver) <= EXO_PAGE_BYTES, "one frame");
/* A chain has less than 2^32 bytes: virtio 1.2 §2.7.4. */
_Static_assert(1ull * EXO_SUBMIT_MAX * EXO_ALLOC_MAX * EXO_PAGE_BYTES < 1ull << 32, "place_chain");

/* A shadow entry but for its order. */
#define SHADOW(state, region, next, writable) \
    ((uint64_t)(state) << 48 | (uint64_t)(region) << 40 | (uint64_t)(next) << 32 | (writable))
#define SHADOW_STATE SHADOW(0xff, 0, 0, 0)
#define SHADOW_ORDER (0xffull << 56)

/* Fields that lie together take one load or store, not one each. */
static inline uint64_t
load_word(const void *at)
{
    uint64_t word;
    __builtin_memcpy(&word, __builtin_assume_aligned(at, 8), sizeof(word));
    return word;
}

static inline void
store_words(void *at, const uint64_t *words, size_t bytes)
{
    __builtin_memcpy(__builtin_assume_aligned(at, 8), words, bytes);
}

/* --- Completions ---------------------------------------------------------------------------------
 */

/* The device broke the rules: no word more to it until it was reset. */
static err_t
refuse(struct queue *queue)
{
    queue->refused = EXO_E_RESET;
    return EXO_E_RESET;
}

static inline uint16_t
distance(uint16_t to, uint16_t from)
{
    return (uint16_t)(to - from);
}

/* The ids of a chain come into another state. The last one is its own successor. */
static inline void
set_chain(struct queue *queue, uint32_t id, uint8_t state, bool completed)
{
    for (;;) {
        struct shadow *shadow = &queue->shadow[id];
        queue->in_flight[shadow->region] -= completed;
        shadow->state = state;
        if (shadow->next == id)
            return;
        id = shadow->next;
    }
}

/* Reads used elements up to `until`, each once; their ids become FREE or DONE. False: one cannot be
   true. */
static inline __attribute__((always_inline)) bool
complete(struct queue *queue, uint16_t until, const uint8_t state)
{
    const struct exo_used *used = queue->page->used;
    uint32_t mask = queue->mask, ids = queue->ids, first = queue->first_head;
    uint16_t seen = queue->seen;
    for (; seen != until; seen++) {
        uint32_t head = LOAD(used[seen & mask].id) - first, length = LOAD(used[seen & mask].length);
        if (head >= ids)
            break;
        struct shadow *shadow = &queue->shadow[head];
        uint64_t was = load_word(shadow);
        if ((was & SHADOW_STATE) != SHADOW(ID_HEAD, 0, 0, 0) || length > (uint32_t)was)
            break;
        if (state == ID_DONE)
            queue->shadow[seen & mask].order = (uint8_t)head;
        shadow->state = state;
        queue->in_flight[was >> 40 & 0xff]--;
        if ((was >> 32 & 0xff) != head)
            set_chain(queue, was >> 32 & 0xff, state, true);
    }
    queue->heads -= distance(seen, queue->seen);
    queue->seen = seen;
    return seen == until;
}

err_t
queue_harvest(struct queue *queue)
{
    uint16_t used = used_index(queue->page);
    bool good = distance(used, queue->seen) <= queue->heads && complete(queue, used, ID_DONE);
    return good ? EXO_OK : refuse(queue);
}

/* The owner has seen what completed before `consumed`: those ids are free. */
static inline err_t
consume(struct queue *queue, uint16_t consumed)
{
    uint16_t used = used_index(queue->page), more = distance(consumed, queue->consumed);
    if (distance(used, queue->seen) > queue->heads)
        return refuse(queue);
    if (more > distance(used, queue->consumed))
        return EXO_E_RANGE;
    for (; more > 0 && queue->consumed != queue->seen; more--) {
        uint32_t head = queue->shadow[queue->consumed++ & queue->mask].order;
        set_chain(queue, head, ID_FREE, false);
    }
    if (more > 0 && !complete(queue, consumed, ID_FREE))
        return refuse(queue);
    queue->consumed = consumed;
    return EXO_OK;
}

/* --- Chains --------------------------------------------------------------------------------------
 */

/*
 * Checks a chain and writes it to where the device does not look yet. *at moves over what was
 * written; `behind` is the descriptor that follows the data, or EXO_QUEUE_ENTRIES_MAX.
 */
static err_t
place_chain(struct queue *queue, const struct exo_descriptor **at, const struct exo_descriptor *end,
            uint16_t behind, uint64_t bytes[2])
{
    for (const struct exo_descriptor *d = *at;; d++) {
        unsigned flags = d->flags, more = flags & EXO_DESCRIPTOR_NEXT, write = flags >> 1 & 1;
        if (d->id >= queue->ids || d->region >= REGIONS)
            return EXO_E_RANGE;
        struct shadow *shadow = &queue->shadow[d->id];
        const struct window *window = &queue->windows[d->region];
        uint64_t last = (uint64_t)d->offset + d->length;
        if (shadow->state != ID_FREE)
            return EXO_E_OCCUPIED;
        if (last > window->limit[write])
            return last <= window->limit[!write] ? EXO_E_RIGHT : EXO_E_RANGE;
        if (flags > 3 || d->length == 0 || (more && d + 1 == end) || write < (bytes[1] != 0))
            return EXO_E_ARG;
        uint16_t next = more ? d[1].id : d->id;
        shadow->next = (uint8_t)next;
        shadow->region = (uint8_t)d->region;
        shadow->state = ID_BODY;
        queue->in_flight[d->region]++;
        bytes[write] += d->length;
        if (!more && behind < EXO_QUEUE_ENTRIES_MAX) {
            flags |= EXO_DESCRIPTOR_NEXT;
            next = behind;
        }
        queue->descriptors[d->id] =
            (struct virtq_descriptor){window->base + d->offset, d->length, (uint16_t)flags, next};
        *at = d + 1;
        if (!more)
            return EXO_OK;
    }
}

/*
 * The common case in few instructions: chains of one buffer, for a queue, or to read or write an
 * extent. Ends before the first that is anything else, or not good: place_chain says what it is.
 * What is the same of descriptors in a row (all but id, place and sector) is looked at once.
 */
static inline __attribute__((always_inline)) const struct exo_descriptor *
place_singles(struct queue *queue, const struct cap *cap, const struct exo_descriptor *d,
              const struct exo_descriptor *end, uint16_t *available, const bool block)
{
    struct virtq_descriptor *table = queue->descriptors;
    struct virtq_driver *driver = queue->driver;
    struct exo_ring *page = queue->page;
    uint32_t ids = queue->ids, mask = queue->mask, least = queue->least, at = *available, row = ~at;
    while (d < end && row != at) {
        uint32_t region = d->region, flags = d->flags, operation = d->operation;
        if (region >= REGIONS || (flags & ~2u) != 0 ||
            (block && (operation > EXO_BLOCK_WRITE || flags == 2 * operation)))
            break;
        uint64_t base = queue->windows[region].base,
                 limit = queue->windows[region].limit[flags >> 1];
        uint64_t same = load_word(&d->id) >> 16, shadow = SHADOW(ID_HEAD, region, 0, block);
        for (row = at; d < end; d++, at++) {
            uint64_t what = load_word(&d->id), where = load_word(&d->offset);
            uint64_t id = (uint16_t)what, offset = (uint32_t)where, length = where >> 32;
            if (what >> 16 != same || id >= ids || length < least || offset + length > limit)
                break;
            uint64_t was = load_word(&queue->shadow[id]), next = 0;
            if ((was & SHADOW_STATE) != SHADOW(ID_FREE, 0, 0, 0))
                break;
            if (block) {
                if (!block_may(cap, operation, d->sector, length))
                    break;
                block_header(driver, page, (uint32_t)id, operation, cap->base + d->sector);
                next = 2 * ids + id;
            }
            was = (was & SHADOW_ORDER) | (shadow + SHADOW(0, 0, id, flags != 0 ? length : 0));
            store_words(&queue->shadow[id], &was, sizeof(was));
            uint64_t words[2] = {base + offset,
                                 length | (uint64_t)(flags | block) << 32 | next << 48};
            store_words(&table[id], words, sizeof(words));
            driver->ring[at & mask] = (uint16_t)(block ? ids + id : id);
        }
        queue->in_flight[region] = (uint16_t)(queue->in_flight[region] + at - row);
    }
    *available = (uint16_t)at;
    return d;
}

/* All of them; *available moves over the heads that were written to the available ring. */
static inline err_t
place(struct queue *queue, const struct cap *cap, const struct exo_descriptor **at,
      const struct exo_descriptor *end, uint16_t *available)
{
    bool block = queue->origin.type == EXO_TYPE_EXTENT, port = queue->origin.type == EXO_TYPE_PORT;
    while (*at < end) {
        if (block)
            *at = place_singles(queue, cap, *at, end, available, true);
        else if (!port)
            *at = place_singles(queue, cap, *at, end, available, false);
        const struct exo_descriptor *first = *at;
        if (first == end)
            break;
        uint64_t bytes[2] = {0, 0};
        if (block && first->operation > EXO_BLOCK_WRITE) {
            TRY(block_command(queue, cap, first));
            ++*at;
        } else {
            uint16_t behind = (uint16_t)(2 * queue->ids + first->id);
            TRY(place_chain(queue, at, end, block ? behind : EXO_QUEUE_ENTRIES_MAX, bytes));
            if (bytes[0] - 1 < queue->least - 1u || bytes[1] - 1 < queue->least - 1u)
                return EXO_E_ARG; /* but none at all is good */
            if (block)
                TRY(block_request(queue, cap, first, bytes));
            if (port)
                TRY(port_check(queue, first, (uint64_t)(*at - first), bytes));
        }
        struct shadow *shadow = &queue->shadow[first->id];
        shadow->state = ID_HEAD;
        shadow->writable = (uint32_t)bytes[1] + block;
        queue->driver->ring[(*available)++ & queue->mask] =
            (uint16_t)(queue->first_head + first->id);
    }
    return EXO_OK;
}

/* Nothing of a batch that was not good stays. */
static __attribute__((cold, noinline)) err_t
take_back(struct queue *queue, const struct exo_descriptor *d, const struct exo_descriptor *end,
          err_t err)
{
    for (; d < end; d++) {
        queue->in_flight[queue->shadow[d->id].region]--;
        queue->shadow[d->id].state = ID_FREE;
    }
    return err;
}

/*
 * The chains are there before the index is, and the index before the device's wish is read: either
 * the device sees it, or we see that it wants to be told (virtio 1.2 §2.7.10, §2.7.13).
 */
static inline void
publish(struct queue *queue, uint16_t available)
{
    uint16_t added = distance(available, queue->available);
    queue->heads += added;
    queue->submitted += added;
    queue->available = available;
    __atomic_store_n(&queue->driver->index, available, __ATOMIC_RELEASE);
    dma_barrier();
    uint16_t event = (uint16_t)LOAD(queue->page->used[queue->mask + 1].id);
    if (distance(available, event) - 1u < added && queue->origin.type != EXO_TYPE_PORT)
        transport_doorbell(queue->device, queue->index);
}

/* Wants an interrupt for what completes behind `consumed`. True: look again first. */
static inline bool
arm(struct queue *queue, uint16_t consumed)
{
    if (irq_ack(&queue->irq) == EXO_E_AGAIN)
        return true;
    STORE(queue->driver->ring[queue->mask + 1], consumed);
    dma_barrier();
    return used_index(queue->page) != consumed;
}

err_t
queue_submit(const struct cap *cap, const struct exo_descriptor *descriptors, uint32_t count,
             uint16_t consumed, bool wanted, struct submitted *submitted)
{
    struct queue *queue = cap->object;
    const struct exo_descriptor *at = descriptors, *end = descriptors + count;
    HOLD(&queue->lock);
    uint16_t available = queue->available;
    TRY(queue->refused);
    TRY(consume(queue, consumed));
    err_t err = place(queue, cap, &at, end, &available);
    if (err != EXO_OK)
        return take_back(queue, descriptors, at, err);
    if (count > 0)
        publish(queue, available);
    submitted->more = wanted && arm(queue, consumed);
    submitted->used = used_index(queue->page);
    return EXO_OK;
}

/* --- Their lives
 * ----------------------------------------------------------------------------------
 */

/* Sectors [*first, *first + *count) of the disk; 0 and 0: as many as have numbers. */
static err_t
check_sectors(struct device *device, uint64_t *first, uint64_t *count)
{
    uint64_t capacity; /* virtio 1.2 §5.2.4 */
    HOLD(&device->lock);
    if (device->config_bytes < sizeof(capacity) ||
        !transport_config(device, 0, &capacity, sizeof(capacity)))
        return device->gone ? EXO_E_GONE : EXO_E_STATE;
    capacity = min_u64(capacity, UINT32_MAX);
    if (*count == 0 && *first == 0)
        *count = capacity;
    return *count > 0 && range_fits(*first, *count, capacity) ? EXO_OK : EXO_E_RANGE;
}

static err_t
make_queue(struct device *device, struct cell *cell, enum exo_type type, uint32_t index,
           uint64_t mac, struct queue **made, struct ring **ring)
{
    void *object;
    TRY(cell_new_object(cell, type, sizeof(struct queue), &object));
    struct queue *queue = *made = object;
    lock_init(&queue->lock, RANK_QUEUE);
    queue->device = device;
    queue->mac = mac;
    irq_init(&queue->irq, type == EXO_TYPE_PORT ? IRQ_NONE : device->first_lpi + 1 + index, false);
    err_t err = device_attach(queue, index, ring);
    if (err != EXO_OK)
        origin_discard(object);
    return err;
}

/* The slot was empty before the queue was published: it is full only if the program filled it. */
static err_t
give_ring(struct queue *queue, struct ring *ring, struct cap_slot *dst)
{
    struct cap cap;
    err_t err = cap_read(&ring->root, EXO_TYPE_FRAMES, EXO_READ, &cap);
    if (err == EXO_OK)
        err = cap_derive(&cap, dst, cap.rights, cap.badge);
    if (err != EXO_OK)
        origin_doom(&queue->origin);
    return err;
}

err_t
queue_open(struct device *device, struct cell *cell, uint32_t index, uint64_t first, uint64_t count,
           struct cap_slot *dst, struct cap_slot *ring_dst)
{
    struct queue *queue;
    struct ring *ring;
    struct cap cap;
    bool block = device->type == DEVICE_BLOCK, port = device_has_ports(device);
    if (port ? !port_takes_mac(first) || count != 0 : !block && (first | count) != 0)
        return EXO_E_ARG;
    if (dst == ring_dst || cap_read(ring_dst, EXO_TYPE_NONE, 0, &cap) != EXO_E_SLOT)
        return EXO_E_OCCUPIED;
    if (block)
        TRY(check_sectors(device, &first, &count));
    enum exo_type type = block ? EXO_TYPE_EXTENT : port ? EXO_TYPE_PORT : EXO_TYPE_QUEUE;
    TRY(make_queue(device, cell, type, index, port ? first : 0, &queue, &ring));
    queue->origin.base = port ? 0 : first;
    queue->origin.count = (uint32_t)count;
    TRY(cell_publish(&queue->origin, dst));
    return give_ring(queue, ring, ring_dst);
}

void
queue_end_use(struct queue *queue, err_t why)
{
    queue->refused = why;
    queue->heads = 0;
    memset(queue->in_flight, 0, sizeof(queue->in_flight));
    queue->page->state = why == EXO_E_GONE ? EXO_RING_GONE : EXO_RING_RESET;
    irq_notify(&queue->irq);
    irq_silence(&queue->irq, true);
}

void
queue_describe(struct queue *queue, const struct cap *cap, struct exo_queue_info *info)
{
    HOLD(&queue->lock);
    *info = (struct exo_queue_info){
        .size = sizeof(*info),
        .version = EXO_ABI_VERSION,
        .type = cap->type,
        .state = queue->refused == EXO_OK        ? EXO_RING_OPEN
                 : queue->refused == EXO_E_RESET ? EXO_RING_RESET
                                                 : EXO_RING_GONE,
        .entries = queue->mask + 1u,
        .ids = queue->ids,
        .in_flight = queue->heads,
        .submitted = queue->submitted,
        .completed = queue->submitted - queue->heads,
        .interrupts = queue->irq.count,
        .masked = queue->irq.masks,
        .first = queue->mac,
        .dropped = queue->dropped,
    };
    if (cap->type == EXO_TYPE_EXTENT) {
        info->first = cap->base;
        info->count = cap->count;
    }
    for (uint32_t i = 0; i < REGIONS; i++)
        info->regions += queue->regions[i].state == REGION_OPEN;
}

/* --- Their end
 * ------------------------------------------------------------------------------------
 */

/*
 * Nobody submits any more. What is in flight is waited for, unless nobody else has the device:
 * then, and past the deadline, that is reset.
 */
static err_t
drain_step(struct queue *queue)
{
    bool late;
    queue->closing = true;
    port_settle(queue);
    {
        HOLD(&queue->lock);
        if (queue->refused == EXO_OK)
            (void)queue_harvest(queue);
        if (queue->heads == 0)
            return EXO_OK;
        if (queue->deadline == 0)
            queue->deadline = arch_ticks() + arch_ticks_hz() * QUEUE_DEADLINE_SECONDS;
        late = queue->refused != EXO_OK || arch_ticks() >= queue->deadline;
    }
    device_reset_for(queue, !late);
    return EXO_E_AGAIN;
}

/* Whoever sees the ring page sees it no longer, and the ring may be another's. */
static err_t
leave_step(struct queue *queue)
{
    lock_acquire(&queue->lock);
    struct ring *ring = queue->ring;
    lock_release(&queue->lock);
    err_t err = ring == NULL ? EXO_OK : cap_revoke_step(&ring->root);
    if (err != EXO_OK && err != EXO_E_SLOT)
        return EXO_E_AGAIN;
    device_detach(queue);
    return EXO_OK;
}

err_t
queue_finish_step(struct queue *queue)
{
    TRY(drain_step(queue));
    for (uint32_t i = 0; i < REGIONS; i++)
        TRY(cap_close_step(&queue->regions[i].slot));
    TRY(irq_detach_step(&queue->irq));
    return leave_step(queue);
}

void
queue_unmake(struct queue *queue)
{
    (void)irq_detach_step(&queue->irq);
    device_detach(queue);
}

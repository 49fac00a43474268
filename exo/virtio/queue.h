/*
 * Virtqueues in the hands of programs: queues, extents of block devices, and ports of a NIC.
 *
 * A split virtqueue (virtio 1.2 §2.7). Its descriptor table and available ring are the kernel's
 * alone and only ever written. What is in flight is known from the shadow, an entry per id; the
 * device tells by used elements, each read once and checked against it.
 *
 *   ring                 producer        consumer
 *   descriptors, driver  queue_submit    the device
 *   page->used           the device      the owner, who reads it; queue_submit up to `consumed`
 *
 * tests/models/queue.pml is the model of submitting, completing and the closing of regions.
 */
#ifndef EXO_VIRTIO_QUEUE_H
#define EXO_VIRTIO_QUEUE_H

#include "virtio/device.h"

#define REGIONS   EXO_QUEUE_REGIONS_MAX
#define NO_REGION REGIONS /* of descriptors without one: counted like any */

/* Of a frame to send: virtio's header (virtio 1.2 §5.1.6) and Ethernet's; of what a frame is
 * received into: the first. QEMU aborts below that, in either direction. */
#define NET_READ_MIN  26
#define NET_WRITE_MIN 12

#define QUEUE_DEADLINE_SECONDS 1 /* how long who waits for requests waits before it resets */

struct virtq_descriptor { /* virtio 1.2 §2.7.5 */
    uint64_t address;
    uint32_t length;
    uint16_t flags; /* bits as in enum exo_descriptor_flag */
    uint16_t next;
};

/* virtio 1.2 §5.2.6; what discard_sectors of a request point to. */
struct block_header {
    uint32_t operation, reserved;
    uint64_t sector;
};
struct block_segment {
    uint64_t sector;
    uint32_t count, flags;
};

#define BLOCK_IDS_MAX (EXO_QUEUE_ENTRIES_MAX / 4)

struct virtq_driver { /* virtio 1.2 §2.7.6 */
    uint16_t flags;
    uint16_t index;
    uint16_t ring[EXO_QUEUE_ENTRIES_MAX + 1]; /* behind the last entry: used_event */
    struct block_header headers[BLOCK_IDS_MAX];
    struct block_segment segments[BLOCK_IDS_MAX];
};

/* Where a region lies: bytes that the device may read [0], write [1]; 0 while it is closed. */
struct window {
    pa_t base;
    uint32_t limit[2];
};

enum region_state { REGION_FREE, REGION_RESERVED, REGION_OPEN, REGION_CLOSING };

struct region {
    struct cap_slot slot; /* of the frames' tree: what keeps them from being freed */
    uint8_t state;        /* enum region_state; REGION_FREE while `slot` is full: about to be */
    uint64_t deadline;    /* ticks; closing */
};

enum id_state { ID_FREE, ID_HEAD, ID_BODY, ID_DONE };

/* Of an id; queue.c reads and writes it as one word. */
struct shadow {
    _Alignas(8) uint32_t writable; /* bytes that the device may write to the chain; heads */
    uint8_t next;                  /* of the chain; the last has its own number */
    uint8_t region;
    uint8_t state; /* enum id_state; DONE: completed, and its owner has not said `consumed` */
    uint8_t order; /* the head that the used element [this entry's number] completed */
};

/* What the device or an owner may read or write meanwhile. */
#define LOAD(field)         __atomic_load_n(&(field), __ATOMIC_RELAXED)
#define STORE(field, value) __atomic_store_n(&(field), value, __ATOMIC_RELAXED)

/* How far the device is: what it wrote before is seen afterwards (virtio 1.2 §2.7.8). */
static inline uint16_t
used_index(const struct exo_ring *page)
{
    return __atomic_load_n(&page->used_index, __ATOMIC_ACQUIRE);
}

/*
 * One frame. `session` and `ring` change with the locks of the device and of the queue, so that
 * either is enough to read them; NULL when the session's memory goes.
 */
struct queue {
    struct origin origin;
    struct irq irq;       /* completions; both as in struct irq_line */
    struct spinlock lock; /* RANK_QUEUE: all that follows but the slots of regions */
    err_t refused; /* what calls get: EXO_OK, or EXO_E_RESET or EXO_E_GONE and nothing is told to
                      the device any more */
    struct device *device;
    struct session *session;
    struct ring *ring;
    struct exo_ring *page; /* copies of the ring's */
    struct virtq_descriptor *descriptors;
    struct virtq_driver *driver;
    uint16_t mask, ids;
    uint16_t least;      /* bytes that a chain must have for the device to read, or write, if any */
    uint16_t first_head; /* what used elements' ids are counted from: extents have `ids` */
    uint16_t index;      /* of the virtqueue */
    uint16_t available;  /* next index of the available ring */
    uint16_t seen;       /* used elements read */
    uint16_t consumed;   /* used elements whose ids are free again; never beyond `seen` */
    uint16_t heads;      /* chains in flight */
    uint64_t submitted;
    uint64_t mac;                    /* ports; byte 0 lowest */
    uint64_t dropped;                /* frames that found no buffer of a port */
    _Atomic bool closing;            /* it ends: what it waits for is nobody's use of the device */
    uint64_t deadline;               /* ticks, once it ends */
    uint16_t in_flight[REGIONS + 1]; /* descriptors, by region */
    struct window windows[REGIONS];
    struct region regions[REGIONS];
    struct shadow shadow[EXO_QUEUE_ENTRIES_MAX];
};

/* A region's slot, or anything else in a queue, to the queue: it has a frame of its own. */
static inline struct queue *
queue_around(void *member)
{
    return (void *)((uintptr_t)member & ~(uintptr_t)(PAGE_BYTES - 1));
}

/*
 * An object of its device's type for `cell`, with the ring page in `ring_dst` and its root in
 * `dst`. Extents: `count` sectors from `first` on, 0 and 0: all. Ports: `first` is the MAC. As
 * device_attach, and EXO_E_ARG (first and count of others, MAC), EXO_E_RANGE (sectors),
 * EXO_E_OCCUPIED (MAC, slots), EXO_E_LIMIT, EXO_E_MEMORY.
 */
err_t queue_open(struct device *device, struct cell *cell, uint32_t index, uint64_t first,
                 uint64_t count, struct cap_slot *dst, struct cap_slot *ring_dst);

struct submitted {
    uint16_t used; /* the device's index */
    bool more; /* armed: there is something beyond `consumed` already, or polling is asked for */
};

/*
 * Takes note that the owner has seen the completions before `consumed`, then gives the chains to
 * the device: all or none. EXO_E_RANGE (`consumed` or an id, buffer or sector), EXO_E_OCCUPIED (an
 * id in use), EXO_E_RIGHT, EXO_E_ARG, EXO_E_RESET, EXO_E_GONE. `descriptors` is a copy of the
 * caller's.
 */
err_t queue_submit(const struct cap *cap, const struct exo_descriptor *descriptors, uint32_t count,
                   uint16_t consumed, bool arm, struct submitted *submitted);

/* Reads all that the device has completed; queue lock held. EXO_E_RESET: it lied, reset it. */
err_t queue_harvest(struct queue *queue);

/* Lock held: the session is over. */
void queue_end_use(struct queue *queue, err_t why);

void queue_describe(struct queue *queue, const struct cap *cap, struct exo_queue_info *info);

/* The end of a queue, a step; and of one that nobody has seen. */
err_t queue_finish_step(struct queue *queue);
void queue_unmake(struct queue *queue);

/* --- region.c ------------------------------------------------------------------------------- */

/*
 * Registers pages [first, first + pages) of a frames capability for the device to read or write
 * (`access`: EXO_READ, EXO_WRITE). EXO_E_AGAIN while they are zeroed, EXO_E_RANGE, EXO_E_ARG
 * (device registers), EXO_E_WX, EXO_E_LIMIT (REGIONS), EXO_E_BUSY, EXO_E_RESET, EXO_E_GONE.
 */
err_t region_open(struct queue *queue, const struct cap *frames, uint32_t first, uint32_t pages,
                  uint32_t access, uint32_t *number);

/* EXO_E_SLOT (none of that number), EXO_E_BUSY (in flight), EXO_E_AGAIN. */
err_t region_release_step(struct queue *queue, uint64_t number);

/*
 * Of the frames' sweep, their origin's lock held: nothing new, then until nothing is in flight
 * EXO_E_AGAIN; past the deadline the device is reset. The slot is to be emptied after EXO_OK.
 */
err_t region_close_step(struct cap_slot *slot);

/* --- block.c: what makes a chain a request; queue lock held ---------------------------------- */

/* The descriptors around the data, which are always the same, and who may use which id. */
void block_prepare(struct queue *queue);

/*
 * The header of a read or write whose data was placed: `bytes` that the device reads [0], writes
 * [1]. EXO_E_RIGHT, EXO_E_RANGE (sectors), EXO_E_ARG (data in the wrong direction, half sectors).
 */
err_t block_request(struct queue *queue, const struct cap *cap, const struct exo_descriptor *first,
                    const uint64_t bytes[2]);

/* Whether the capability allows to read or write `bytes` from that sector on: whole ones, inside.
 */
static inline bool
block_may(const struct cap *cap, uint32_t operation, uint64_t sector, uint64_t bytes)
{
    return (cap->rights >> operation & 1) != 0 && bytes % EXO_SECTOR_BYTES == 0 &&
           range_fits(sector, bytes / EXO_SECTOR_BYTES, cap->count);
}

/* The id is free, or its data is placed: nothing of an earlier request is in flight. */
static inline void
block_header(struct virtq_driver *driver, struct exo_ring *page, uint32_t id, uint32_t operation,
             uint64_t sector)
{
    driver->headers[id] = (struct block_header){.operation = operation, .sector = sector};
    page->status[id] = 0xff;
}

_Static_assert(1 << EXO_BLOCK_READ == EXO_READ && 1 << EXO_BLOCK_WRITE == EXO_WRITE, "block_may");

/* A request without data, placed: the same, and EXO_E_OCCUPIED (its id). */
err_t block_command(struct queue *queue, const struct cap *cap,
                    const struct exo_descriptor *command);

#endif

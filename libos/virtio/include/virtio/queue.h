/*
 * One virtqueue, seen by its owner: the checked ring of docs/design/virtio.md.
 *
 * Chains of buffers are added to a batch, and the batch goes to the kernel with one system call
 * (vq_flush); completions are read from the ring page without any. Not for two vCPUs at a time: who
 * shares a queue puts a lock around it.
 */
#ifndef VIRTIO_QUEUE_H
#define VIRTIO_QUEUE_H

#include <rt/frames.h>
#include <rt/string.h>

struct vq_id {
    uint64_t cookie; /* of the chain that begins here */
    uint32_t next;   /* of the chain; its own number at the end; | VQ_FLYING */
};

#define VQ_FLYING 0x10000u /* a chain that begins here is with the device */

struct vq {
    uint32_t slot;      /* queue, extent or port capability */
    uint32_t ring_slot; /* its ring page, mapped at `ring` */
    const struct exo_ring *ring;
    int64_t error;     /* what the kernel refused the queue with; EXO_OK while it works */
    uint16_t ids;      /* 0 to ids - 1 may be in flight */
    uint16_t mask;     /* of places in the ring */
    uint16_t consumed; /* used elements that vq_poll has returned, ever (modulo 2^16) */
    uint16_t batched;
    uint16_t taken, put;                 /* ids out of `free` and into it, ever (modulo 2^16) */
    uint8_t free[EXO_QUEUE_ENTRIES_MAX]; /* whose are free, the longest so first: at [taken, put) */
    struct vq_id id[EXO_QUEUE_ENTRIES_MAX];
    struct exo_descriptor batch[EXO_SUBMIT_MAX];
};

/* Where a queue comes from: the arguments of queue_open. */
struct vq_source {
    uint32_t cell, device, index;
    uint64_t first_or_mac; /* extent: first sector; port: MAC address, byte 0 lowest */
    uint64_t count;        /* extent: sectors */
};

/*
 * Opens a queue of a device whose session is open, and maps its ring page. Errors of queue_open and
 * map; then nothing is left behind.
 */
int64_t vq_open(struct vq *vq, const struct vq_source *source);

/*
 * Begins a session of the device with that many queues, paid by `cell`, after the end of the one
 * before; of `features` those that the device has are used. Errors of device_open.
 */
int64_t vq_open_device(uint32_t cell, uint32_t device, uint32_t queues, uint64_t features);

/* Drops the queue: what is in flight may still be written to until rt_reap has ended it. */
void vq_close(struct vq *vq);

/* A part of the frames capability becomes a region: its number, or an error of queue_region. */
int64_t vq_region(struct vq *vq, uint32_t frames, uint32_t first, uint32_t pages, uint32_t access);

/* One buffer of a chain; `write`: the device writes it. Those come last (virtio 1.2 §2.7.4.2). */
struct vq_part {
    uint16_t region;
    bool write;
    uint32_t offset, length;
};

#define VQ_PARTS_MAX 16u

/*
 * Adds a chain to the batch; what is behind it goes to the kernel first when the batch is full.
 * False: too few ids are free, or the queue is broken (vq->error). `cookie` comes back from
 * vq_poll.
 */
static inline bool vq_add(struct vq *vq, const struct vq_part *parts, uint32_t count,
                          uint64_t cookie);

/* The same for an extent: with the operation, and the sector counted from the extent's start. */
static inline bool vq_add_block(struct vq *vq, enum exo_block_operation operation, uint64_t sector,
                                const struct vq_part *parts, uint32_t count, uint64_t cookie);

/*
 * One buffer under an id that its owner knows: the number of what lies there, below `ids`, which is
 * not in flight. In a queue where that is done it is done always, and vq_next takes the place of
 * vq_poll.
 */
static inline bool vq_add_as(struct vq *vq, uint32_t id, const struct vq_part *part);

/*
 * Gives the batch to the device. With `arm` its interrupt is asked for, too, when there is nothing
 * to poll: EXO_E_AGAIN says that there is. Other errors stay in vq->error.
 */
static inline int64_t vq_flush(struct vq *vq, bool arm);

struct vq_done {
    uint64_t cookie;
    uint32_t length; /* bytes that the device says it wrote */
    uint8_t status;  /* extents: VIRTIO_BLK_S_*, virtio 1.2 §5.2.6 */
};

/*
 * The next completion; false when there is none, or the queue was reset (vq->error). An element
 * whose id, modulo `ids`, begins no chain in flight breaks the queue: EXO_E_RESET. The length is
 * the device's word.
 */
static inline bool vq_poll(struct vq *vq, struct vq_done *done);

/* The same of what vq_add_as added: its id. */
static inline bool vq_next(struct vq *vq, uint32_t *id, uint32_t *length);

/*
 * Until there is something to poll, with the batch flushed: whether there is; false at the deadline
 * or when the queue is broken. The queue's interrupt is bound to `event` bits of this vCPU, which
 * are not in its event mask (rt_wait_events).
 */
bool vq_wait(struct vq *vq, uint64_t event, uint64_t deadline_ticks);

/*
 * Makes the completions of the queue (or the events of a device, or an opened interrupt line) set
 * `event` bits in the control page of the vCPU in slot `vcpu`.
 */
int64_t vq_bind(uint32_t object, uint32_t vcpu, uint64_t event);

#include <virtio/fast.h>

#endif

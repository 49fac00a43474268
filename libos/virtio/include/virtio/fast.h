/*
 * Batches and completions: what is done for each buffer, inline, since a function that calls nobody
 * signs no return address. <virtio/queue.h> includes this, and has the contract.
 */
#ifndef VIRTIO_FAST_H
#define VIRTIO_FAST_H

static inline int64_t
vq_flush(struct vq *vq, bool arm)
{
    if (vq->error != EXO_OK || (vq->batched == 0 && !arm))
        return vq->error;
    struct exo_submitted sent =
        exo_queue_submit(vq->slot, vq->batch, vq->batched, vq->consumed, arm);
    vq->batched = 0;
    vq->error = sent.status;
    return sent.status == EXO_OK && sent.more ? EXO_E_AGAIN : sent.status;
}

/* Room in the batch and among the ids for a chain of so many. */
static inline bool
vq_make_room(struct vq *vq, uint32_t count)
{
    if (vq->error != EXO_OK || count == 0 || count > VQ_PARTS_MAX || count > vq->free_count)
        return false;
    return vq->batched + count <= EXO_SUBMIT_MAX || vq_flush(vq, false) == EXO_OK;
}

static inline bool
vq_add_block(struct vq *vq, enum exo_block_operation operation, uint64_t sector,
             const struct vq_part *parts, uint32_t count, uint64_t cookie)
{
    if (!vq_make_room(vq, count))
        return false;
    uint16_t id = vq->free[--vq->free_count];
    vq->id[id].cookie = cookie;
    vq->id[id].flying = true;
    for (uint32_t i = 0;; i++) {
        bool more = i + 1 < count;
        uint16_t next = more ? vq->free[--vq->free_count] : id;
        vq->batch[vq->batched++] = (struct exo_descriptor){
            .id = id,
            .region = parts[i].region,
            .flags = (uint16_t)((more ? EXO_DESCRIPTOR_NEXT : 0) |
                                (parts[i].write ? EXO_DESCRIPTOR_WRITE : 0)),
            .operation = (uint16_t)operation,
            .offset = parts[i].offset,
            .length = parts[i].length,
            .sector = sector,
        };
        vq->id[id].next = next;
        if (!more)
            return true;
        id = next;
    }
}

static inline bool
vq_add(struct vq *vq, const struct vq_part *parts, uint32_t count, uint64_t cookie)
{
    return vq_add_block(vq, EXO_BLOCK_READ, 0, parts, count, cookie);
}

/* The ids of a chain that is over; the kernel learns of it by `consumed`, before their next use. */
static inline void
vq_put_ids(struct vq *vq, uint16_t id)
{
    for (;;) {
        uint16_t next = vq->id[id].next;
        vq->free[vq->free_count++] = id;
        if (next == id)
            return;
        id = next;
    }
}

static inline bool
vq_poll(struct vq *vq, struct vq_done *done)
{
    const struct exo_ring *ring = vq->ring;
    if (vq->error != EXO_OK)
        return false;
    /* Acquire: the element, and what the device wrote, are read after the index (§2.7.8). */
    if (__atomic_load_n(&ring->used_index, __ATOMIC_ACQUIRE) == vq->consumed) {
        uint32_t state = __atomic_load_n(&ring->state, __ATOMIC_ACQUIRE);
        if (state != EXO_RING_OPEN)
            vq->error = state == EXO_RING_GONE ? EXO_E_GONE : EXO_E_RESET;
        return false;
    }
    uint16_t at = (uint16_t)(vq->consumed & (ring->entries - 1));
    uint16_t id = (uint16_t)(ring->used[at].id & (vq->ids - 1u));
    if (!vq->id[id].flying) {
        vq->error = EXO_E_RESET;
        return false;
    }
    vq->id[id].flying = false;
    *done = (struct vq_done){vq->id[id].cookie, ring->used[at].length, exo_ring_status(ring)[id]};
    vq->consumed++;
    vq_put_ids(vq, id);
    return true;
}

#endif

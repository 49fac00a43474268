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

_Static_assert(EXO_QUEUE_ENTRIES_MAX == UINT8_MAX + 1, "an id, and a place in `free`, are a byte");

/* Ids that are free. */
static inline uint32_t
vq_free_ids(const struct vq *vq)
{
    return (uint16_t)(vq->put - vq->taken);
}

/*
 * First in, first out: buffers that go round in their order keep their ids, so that their
 * descriptors stay as they are, also in the caches of the device.
 */
static inline uint32_t
vq_take_id(struct vq *vq)
{
    return vq->free[(uint8_t)vq->taken++];
}

static inline void
vq_put_id(struct vq *vq, uint32_t id)
{
    vq->free[(uint8_t)vq->put++] = (uint8_t)id;
}

/* Room in the batch for a chain of so many. */
static inline bool
vq_make_room(struct vq *vq, uint32_t count)
{
    if (vq->error != EXO_OK || count - 1 >= VQ_PARTS_MAX)
        return false;
    return vq->batched + count <= EXO_SUBMIT_MAX || vq_flush(vq, false) == EXO_OK;
}

/* The next of the batch. Its first four fields take one store. */
static inline void
vq_put_descriptor(struct vq *vq, uint32_t id, uint32_t flags, const struct vq_part *part,
                  uint64_t operation, uint64_t sector)
{
    struct exo_descriptor *to = &vq->batch[vq->batched++];
    const uint64_t word =
        id | (uint64_t)part->region << 16 | (uint64_t)flags << 32 | operation << 48;
    memcpy(to, &word, sizeof(word));
    to->offset = part->offset;
    to->length = part->length;
    to->sector = sector;
}

_Static_assert(offsetof(struct exo_descriptor, offset) == sizeof(uint64_t), "vq_put_descriptor");

static inline bool
vq_add_block(struct vq *vq, enum exo_block_operation operation, uint64_t sector,
             const struct vq_part *parts, uint32_t count, uint64_t cookie)
{
    if (count > vq_free_ids(vq) || !vq_make_room(vq, count))
        return false;
    uint32_t id = vq_take_id(vq), flying = VQ_FLYING;
    vq->id[id].cookie = cookie;
    for (uint32_t i = 0;; i++) {
        bool more = i + 1 < count;
        uint32_t next = more ? vq_take_id(vq) : id;
        uint32_t flags = parts[i].write ? EXO_DESCRIPTOR_WRITE : 0;
        vq_put_descriptor(vq, id, more ? flags | EXO_DESCRIPTOR_NEXT : flags, &parts[i], operation,
                          sector);
        vq->id[id].next = next | flying;
        if (!more)
            return true;
        id = next;
        flying = 0;
    }
}

static inline bool
vq_add_as(struct vq *vq, uint32_t id, const struct vq_part *part)
{
    if (id >= vq->ids || !vq_make_room(vq, 1))
        return false;
    vq_put_descriptor(vq, id, part->write ? EXO_DESCRIPTOR_WRITE : 0, part, 0, 0);
    vq->id[id].next = id | VQ_FLYING;
    return true;
}

static inline bool
vq_add(struct vq *vq, const struct vq_part *parts, uint32_t count, uint64_t cookie)
{
    return vq_add_block(vq, EXO_BLOCK_READ, 0, parts, count, cookie);
}

/* The ids of a chain that is over; the kernel learns of it by `consumed`, before their next use. */
static inline void
vq_put_ids(struct vq *vq, uint32_t id)
{
    for (uint32_t next = vq->id[id].next; next != id; next = vq->id[id].next) {
        vq_put_id(vq, id);
        id = next;
    }
    vq_put_id(vq, id);
}

/* Nothing is there: also because the queue was reset. */
static inline bool
vq_find_nothing(struct vq *vq)
{
    uint32_t state = __atomic_load_n(&vq->ring->state, __ATOMIC_ACQUIRE);
    if (state != EXO_RING_OPEN)
        vq->error = state == EXO_RING_GONE ? EXO_E_GONE : EXO_E_RESET;
    return false;
}

static inline bool
vq_next(struct vq *vq, uint32_t *id, uint32_t *length)
{
    const struct exo_ring *ring = vq->ring;
    uint16_t consumed = vq->consumed;
    if (vq->error != EXO_OK)
        return false;
    /* Acquire: the element, and what the device wrote, are read after the index (§2.7.8). */
    if (__atomic_load_n(&ring->used_index, __ATOMIC_ACQUIRE) == consumed)
        return vq_find_nothing(vq);
    const struct exo_used *used = &ring->used[consumed & vq->mask];
    uint32_t head = used->id & (vq->ids - 1u), next = vq->id[head].next;
    if (!(next & VQ_FLYING)) {
        vq->error = EXO_E_RESET;
        return false;
    }
    vq->id[head].next = next - VQ_FLYING;
    vq->consumed = (uint16_t)(consumed + 1);
    *id = head;
    *length = used->length;
    return true;
}

static inline bool
vq_poll(struct vq *vq, struct vq_done *done)
{
    uint32_t id, length;
    if (!vq_next(vq, &id, &length))
        return false;
    *done = (struct vq_done){vq->id[id].cookie, length, exo_ring_status(vq->ring)[id]};
    vq_put_ids(vq, id);
    return true;
}

#endif

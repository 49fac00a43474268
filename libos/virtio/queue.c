/* The owner's side of the checked ring: free ids, a batch, and the used ring. */
#include <rt/sync.h>
#include <rt/time.h>
#include <virtio/queue.h>

int64_t
vq_open_device(uint32_t cell, uint32_t device, uint32_t queues, uint64_t features)
{
    return exo_again(exo_device_open(cell, device, queues, features, 0).status);
}

static void
free_ids_init(struct vq *vq)
{
    for (uint16_t i = 0; i < vq->ids; i++)
        vq->free[i] = (uint16_t)(vq->ids - 1 - i);
    vq->free_count = vq->ids;
}

static int64_t
open_at(struct vq *vq, const struct vq_source *from)
{
    int64_t err = exo_again(exo_queue_open(from->cell, vq->slot, from->device, from->index,
                                           vq->ring_slot, from->first_or_mac, from->count));
    if (err != EXO_OK)
        return err;
    vq->ring = rt_map_at_any(vq->ring_slot, 0, 1, EXO_PROT_READ, &err);
    return err;
}

int64_t
vq_open(struct vq *vq, const struct vq_source *source)
{
    *vq = (struct vq){.slot = rt_slot_take(), .ring_slot = rt_slot_take()};
    vq->error = open_at(vq, source);
    if (vq->error != EXO_OK) {
        int64_t err = vq->error;
        vq_close(vq);
        return err;
    }
    vq->ids = vq->ring->ids;
    vq->consumed = vq->ring->start;
    free_ids_init(vq);
    return EXO_OK;
}

void
vq_close(struct vq *vq)
{
    (void)rt_drop(vq->slot);
    (void)rt_drop(vq->ring_slot);
    rt_slot_put(vq->ring_slot);
    rt_slot_put(vq->slot);
    vq->error = EXO_E_SLOT;
}

int64_t
vq_region(struct vq *vq, uint32_t frames, uint32_t first, uint32_t pages, uint32_t access)
{
    struct exo_value region;
    do
        region = exo_queue_region(vq->slot, frames, first, pages, access);
    while (region.status == EXO_E_AGAIN);
    return region.status == EXO_OK ? (int64_t)region.value : region.status;
}

/* Room in the batch and among the ids for a chain of so many. */
static bool
make_room(struct vq *vq, uint32_t count)
{
    if (vq->error != EXO_OK || count == 0 || count > VQ_PARTS_MAX || count > vq->free_count)
        return false;
    return vq->batched + count <= EXO_SUBMIT_MAX || vq_flush(vq, false) == EXO_OK;
}

bool
vq_add(struct vq *vq, const struct vq_part *parts, uint32_t count, uint64_t cookie)
{
    return vq_add_block(vq, EXO_BLOCK_READ, 0, parts, count, cookie);
}

bool
vq_add_block(struct vq *vq, enum exo_block_operation operation, uint64_t sector,
             const struct vq_part *parts, uint32_t count, uint64_t cookie)
{
    if (!make_room(vq, count))
        return false;
    uint16_t id = vq->free[--vq->free_count];
    vq->cookie[id] = cookie;
    vq->flying[id] = true;
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
        vq->next[id] = next;
        if (!more)
            return true;
        id = next;
    }
}

int64_t
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

/* The ids of a chain that is over; the kernel learns of it by `consumed`, before their next use. */
static void
put_ids(struct vq *vq, uint16_t id)
{
    for (;;) {
        uint16_t next = vq->next[id];
        vq->free[vq->free_count++] = id;
        if (next == id)
            return;
        id = next;
    }
}

bool
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
    if (!vq->flying[id]) {
        vq->error = EXO_E_RESET;
        return false;
    }
    vq->flying[id] = false;
    *done = (struct vq_done){vq->cookie[id], ring->used[at].length, exo_ring_status(ring)[id]};
    vq->consumed++;
    put_ids(vq, id);
    return true;
}

static bool
has_some(const struct vq *vq)
{
    return __atomic_load_n(&vq->ring->used_index, __ATOMIC_ACQUIRE) != vq->consumed;
}

bool
vq_wait(struct vq *vq, uint64_t event, uint64_t deadline_ticks)
{
    for (;;) {
        int64_t err = vq_flush(vq, true);
        if (has_some(vq))
            return true;
        if ((err != EXO_OK && err != EXO_E_AGAIN) || rt_ticks() >= deadline_ticks)
            return false;
        if (err == EXO_OK)
            (void)rt_wait_events(event, deadline_ticks);
    }
}

int64_t
vq_bind(uint32_t object, uint32_t vcpu, uint64_t event)
{
    uint32_t notification = rt_slot_take(), badged = rt_slot_take();
    int64_t err = exo_notification_create(EXO_BOOT_CELL, notification);
    if (err == EXO_OK)
        err = exo_notification_bind(notification, vcpu);
    if (err == EXO_OK)
        err = exo_cap_copy(notification, EXO_SELF, badged, EXO_WRITE | EXO_COPY, event, 0);
    if (err == EXO_OK)
        err = exo_irq_bind(object, badged);
    if (err != EXO_OK) {
        (void)rt_drop(notification); /* and with it its copy */
        rt_slot_put(badged);
        rt_slot_put(notification);
    }
    return err;
}

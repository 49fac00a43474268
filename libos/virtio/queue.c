/* The owner's side of the checked ring: what is seldom done. virtio/fast.h is the rest. */
#include <rt/sync.h>
#include <rt/time.h>
#include <virtio/queue.h>

int64_t
vq_open_device(uint32_t cell, uint32_t device, uint32_t queues, uint64_t features)
{
    return exo_again(exo_device_open(cell, device, queues, features, 0).status);
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
    vq->mask = (uint16_t)(vq->ring->entries - 1);
    vq->consumed = vq->ring->start;
    for (uint16_t i = 0; i < vq->ids; i++)
        vq_put_id(vq, i);
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

static bool
has_some(const struct vq *vq)
{
    return __atomic_load_n(&vq->ring->used_index, __ATOMIC_ACQUIRE) != vq->consumed;
}

bool
vq_wait(struct vq *vq, uint64_t event, uint64_t deadline_ticks)
{
    for (;;) {
        int64_t err = vq_flush(vq, !has_some(vq));
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
        err = exo_again(exo_irq_bind(object, badged)); /* too many in this slot */
    if (err != EXO_OK) {
        (void)rt_drop(notification); /* and with it its copy */
        rt_slot_put(badged);
        rt_slot_put(notification);
    }
    return err;
}

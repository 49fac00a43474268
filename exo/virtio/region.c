/*
 * Regions: frames that a device may read or write. Each is a node of the frames' derivation tree,
 * so that whatever takes frames from their holder comes to region_close_step first.
 */
#include "arch/arch.h"
#include "core/frame.h"
#include "virtio/port.h"

#define ZERO_BUDGET 64u /* frames zeroed in a call, at most */

/* A device's writes count as a mapping. */
static uint32_t
prot_of(uint32_t access)
{
    return access & EXO_WRITE ? EXO_PROT_READ | EXO_PROT_WRITE : EXO_PROT_READ;
}

static err_t
reserve(struct queue *queue, struct region **region)
{
    HOLD(&queue->lock);
    TRY(queue->refused);
    for (*region = queue->regions; *region < queue->regions + REGIONS; ++*region) {
        uint8_t full = __atomic_load_n(&(*region)->slot.type, __ATOMIC_RELAXED);
        if ((*region)->state == REGION_FREE && full == EXO_TYPE_NONE) {
            (*region)->state = REGION_RESERVED;
            return EXO_OK;
        }
    }
    return EXO_E_LIMIT;
}

/* Nothing is swept from the tree meanwhile: that waits until this CPU has left the kernel. */
static err_t
pin(struct region *region, const struct cap *frames, pfn_t base, uint32_t pages, uint32_t access)
{
    uint64_t done;
    err_t err = frame_map_run(base, pages, prot_of(access), &done);
    if (err == EXO_OK)
        err = cap_derive(frames, &region->slot, (uint16_t)access, base | (uint64_t)pages << 32);
    if (err != EXO_OK)
        frame_unmap_run(base, done, prot_of(access));
    else
        atomic_fetch_add(&frames->origin->pins, 1);
    return err;
}

err_t
region_open(struct queue *queue, const struct cap *frames, uint32_t first, uint32_t pages,
            uint32_t access, uint32_t *number)
{
    struct region *region;
    pfn_t base = (pfn_t)frames->base + first;
    uint32_t budget = ZERO_BUDGET, bytes = pages << PAGE_SHIFT;
    TRY(frame_clean(base, pages, &budget));
    TRY(reserve(queue, &region));
    err_t err = pin(region, frames, base, pages, access);
    HOLD(&queue->lock);
    region->state = err == EXO_OK ? REGION_OPEN : REGION_FREE;
    if (err != EXO_OK)
        return err;
    *number = (uint32_t)(region - queue->regions);
    queue->windows[*number] = (struct window){
        base << PAGE_SHIFT, {access & EXO_READ ? bytes : 0, access & EXO_WRITE ? bytes : 0}};
    return EXO_OK;
}

/* Queue lock held: how many of the region's descriptors the device may still have. */
static uint32_t
count_in_flight(struct queue *queue, const struct region *region)
{
    uint64_t number = (uint64_t)(region - queue->regions);
    if (queue->in_flight[number] != 0 && queue->refused == EXO_OK)
        (void)queue_harvest(queue);
    return queue->in_flight[number];
}

err_t
region_release_step(struct queue *queue, uint64_t number)
{
    if (number >= REGIONS)
        return EXO_E_SLOT;
    struct region *region = &queue->regions[number];
    port_settle(queue);
    {
        HOLD(&queue->lock);
        if (region->state < REGION_OPEN)
            return EXO_E_SLOT;
        if (count_in_flight(queue, region) != 0)
            return EXO_E_BUSY;
    }
    err_t err = cap_drop_step(&region->slot);
    return err == EXO_E_SLOT ? EXO_OK : err;
}

err_t
region_close_step(struct cap_slot *slot)
{
    struct region *region = CONTAINER_OF(slot, struct region, slot);
    struct queue *queue = queue_around(region);
    bool late, done;
    port_settle(queue);
    {
        HOLD(&queue->lock);
        if (region->state == REGION_OPEN)
            region->deadline = arch_ticks() + arch_ticks_hz() * QUEUE_DEADLINE_SECONDS;
        memset(&queue->windows[region - queue->regions], 0, sizeof(struct window));
        done = count_in_flight(queue, region) == 0;
        region->state = done ? REGION_FREE : REGION_CLOSING;
        late = queue->refused != EXO_OK || arch_ticks() >= region->deadline;
    }
    if (!done) {
        if (late)
            device_reset_for(queue, false);
        return EXO_E_AGAIN;
    }
    frame_unmap_run(slot->base, slot->count, prot_of(slot->rights));
    atomic_fetch_sub(&slot->origin->pins, 1);
    return EXO_OK;
}

/* Queues in tests. */
#include "vring.h"

bool
open_device(uint32_t cell, uint32_t device, uint32_t queues)
{
    return check_equal(exo_again(exo_device_open(cell, device, queues, UINT64_MAX, 0).status),
                       EXO_OK);
}

bool
open_vring(struct vring *vring, uint32_t cell, uint32_t device, uint32_t index, uint64_t first,
           uint64_t count, uint32_t pages)
{
    int64_t status;
    *vring = (struct vring){.slot = rt_slot_take(), .ring_slot = rt_slot_take()};
    if (!check_equal(
            exo_queue_open(cell, vring->slot, device, index, vring->ring_slot, first, count),
            EXO_OK))
        return false;
    vring->ring = rt_map_at_any(vring->ring_slot, 0, 1, EXO_PROT_READ, &status);
    status = rt_memory_take(pages, EXO_PROT_READ | EXO_PROT_WRITE, &vring->memory);
    if (!check(vring->ring != NULL) || !check_equal(status, EXO_OK))
        return false;
    vring->consumed = vring->ring->start;
    struct exo_value region;
    do {
        region = exo_queue_region(vring->slot, vring->memory.slot, 0, pages, EXO_READ | EXO_WRITE);
    } while (region.status == EXO_E_AGAIN);
    return check_equal(region.status, EXO_OK) && check_equal(region.value, 0);
}

static uint16_t
used_index(const struct vring *vring)
{
    return __atomic_load_n(&vring->ring->used_index, __ATOMIC_ACQUIRE);
}

struct exo_submitted
vring_submit(struct vring *vring, const struct exo_descriptor *descriptors, uint32_t count)
{
    vring->consumed = used_index(vring);
    return exo_queue_submit(vring->slot, descriptors, count, vring->consumed, false);
}

bool
vring_wait(const struct vring *vring, uint16_t count)
{
    uint64_t patience = test_patience();
    while ((uint16_t)(used_index(vring) - vring->consumed) < count && rt_ticks() < patience)
        (void)exo_yield();
    return check_equal((uint16_t)(used_index(vring) - vring->consumed), count);
}

struct exo_used
vring_used(const struct vring *vring, uint16_t number)
{
    return vring->ring->used[(vring->consumed + number) & (vring->ring->entries - 1u)];
}

struct exo_queue_info
vring_info(uint32_t slot)
{
    struct exo_queue_info info = {0};
    check_equal(exo_queue_info(slot, &info), EXO_OK);
    return info;
}

bool
vring_works(struct vring *vring)
{
    struct exo_descriptor batch[EXO_SUBMIT_MAX];
    uint16_t ids = vring->ring->ids;
    for (uint16_t i = 0; i < ids; i++)
        batch[i] = vring_buffer(i, EXO_DESCRIPTOR_WRITE, i * 64u, 64);
    return check_equal(vring_submit(vring, batch, ids).status, EXO_OK) && vring_wait(vring, ids);
}

struct exo_descriptor
vring_buffer(uint16_t id, uint16_t flags, uint32_t offset, uint32_t length)
{
    return (struct exo_descriptor){.id = id, .flags = flags, .offset = offset, .length = length};
}

struct exo_descriptor
block_request(enum exo_block_operation operation, uint16_t id, uint64_t sector, uint32_t offset,
              uint32_t bytes)
{
    return (struct exo_descriptor){
        .id = id,
        .flags = operation == EXO_BLOCK_READ ? EXO_DESCRIPTOR_WRITE : 0,
        .operation = (uint16_t)operation,
        .offset = offset,
        .length = bytes,
        .sector = sector,
    };
}

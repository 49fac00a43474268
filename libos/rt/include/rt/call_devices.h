/* Stubs of the calls on devices' sessions and on queues. Include rt/call.h. */
#ifndef RT_CALL_DEVICES_H
#define RT_CALL_DEVICES_H

#include <rt/call.h>
#include <stdbool.h>

struct exo_value {
    int64_t status;
    uint64_t value;
};

/* A step; the value: the features accepted. */
RT_INLINE struct exo_value
exo_device_open(uint32_t cell, uint32_t device, uint32_t queues, uint64_t features, uint32_t ports)
{
    struct exo_results r =
        exo_raw_call(EXO_CALL_device_open, cell, device, queues, features, ports, 0, 0, 0);
    return (struct exo_value){r.status, r.x1};
}

/* A step. */
RT_INLINE int64_t
exo_device_close(uint32_t device)
{
    return exo_svc1(EXO_CALL_device_close, device);
}

RT_INLINE int64_t
exo_queue_open(uint32_t cell, uint32_t dst, uint32_t device, uint32_t index, uint32_t ring_dst,
               uint64_t first_or_mac, uint64_t count)
{
    return exo_svc7(EXO_CALL_queue_open, cell, dst, device, index, ring_dst, first_or_mac, count);
}

/* A step; the value: the region. `access`: EXO_READ, EXO_WRITE, as the device does. */
RT_INLINE struct exo_value
exo_queue_region(uint32_t queue, uint32_t frames, uint32_t first, uint32_t pages, uint32_t access)
{
    struct exo_results r =
        exo_raw_call(EXO_CALL_queue_region, queue, frames, first, pages, access, 0, 0, 0);
    return (struct exo_value){r.status, r.x1};
}

/* A step. */
RT_INLINE int64_t
exo_queue_release(uint32_t queue, uint32_t region)
{
    return exo_svc2(EXO_CALL_queue_release, queue, region);
}

struct exo_submitted {
    int64_t status;
    uint16_t used; /* the device's index */
    bool more;     /* armed: look at the ring first, no interrupt may come for what is there */
};

RT_INLINE struct exo_submitted
exo_queue_submit(uint32_t queue, const struct exo_descriptor *descriptors, uint32_t count,
                 uint16_t consumed, bool arm)
{
    struct exo_results r = exo_raw_call(EXO_CALL_queue_submit, queue, exo_address(descriptors),
                                        count, consumed, arm, 0, 0, 0);
    return (struct exo_submitted){r.status, (uint16_t)r.x1, r.x2 != 0};
}

RT_INLINE int64_t
exo_queue_info(uint32_t queue, struct exo_queue_info *info)
{
    return exo_svc2(EXO_CALL_queue_info, queue, exo_address(info));
}

/* The status bytes of an extent's requests, by id. */
RT_INLINE const uint8_t *
exo_ring_status(const struct exo_ring *ring)
{
    return ring->status;
}

#endif

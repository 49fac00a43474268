/*
 * A queue or extent as a test uses it: opened, its ring page mapped, with memory that is one region
 * for both directions. Completions are polled, or waited for when it is bound.
 */
#ifndef TEST_VRING_H
#define TEST_VRING_H

#include "fixture.h"

struct vring {
    uint32_t slot, ring_slot;
    const struct exo_ring *ring;
    struct rt_memory memory; /* region 0 */
    uint16_t consumed;
};

/* The device's session, of so many virtqueues; for `cell`, with all features that are offered. */
bool open_device(uint32_t cell, uint32_t device, uint32_t queues);

/* A queue of it, or an extent of so many sectors (0, 0: all), with pages of memory. */
bool open_vring(struct vring *vring, uint32_t cell, uint32_t device, uint32_t index, uint64_t first,
                uint64_t count, uint32_t pages);

/* Submits with all completions so far consumed. */
struct exo_submitted vring_submit(struct vring *vring, const struct exo_descriptor *descriptors,
                                  uint32_t count);

/* Until `count` chains have completed since the last submit; false: patience ended. */
bool vring_wait(const struct vring *vring, uint16_t count);

/* The used element that is `number` behind the last consumed. */
struct exo_used vring_used(const struct vring *vring, uint16_t number);

struct exo_queue_info vring_info(uint32_t slot);

/* Of region 0. */
struct exo_descriptor vring_buffer(uint16_t id, uint16_t flags, uint32_t offset, uint32_t length);

/* Whether a device of at most EXO_SUBMIT_MAX ids fills a buffer of each, all at once. */
bool vring_works(struct vring *vring);

/* A read or write of `bytes` at byte `offset` of the memory, with `id`; a flush or discard. */
struct exo_descriptor block_request(enum exo_block_operation operation, uint16_t id,
                                    uint64_t sector, uint32_t offset, uint32_t bytes);

#endif

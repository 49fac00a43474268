/*
 * A block device's extent: many requests in flight, into buffers of registered regions, without a
 * copy. Sectors have 512 bytes and are counted from the start of the extent.
 */
#ifndef BLK_BLK_H
#define BLK_BLK_H

#include <virtio/queue.h>

#define BLK_SECTOR_BYTES 512u
#define BLK_RETRIES      3 /* of a request that the device failed */

struct blk {
    struct vq vq;
    uint64_t event;           /* bits of this vCPU that completions set */
    uint64_t retried, failed; /* requests: for metrics */
};

/* A request; its memory is the caller's and stays until it is done. */
struct blk_request {
    enum exo_block_operation operation;
    uint32_t part_count; /* 0 for flush; discard has one part, of which only `length` counts */
    uint64_t sector;
    struct vq_part part[VQ_PARTS_MAX];
    int64_t result; /* EXO_OK, EXO_E_RANGE, EXO_E_RIGHT (unsupported), EXO_E_STATE (I/O error) */
    int retries;
    void (*done)(struct blk_request *request, void *context);
    void *context;
};

/* The extent that `source` says; its completions set `event`. */
int64_t blk_open(struct blk *blk, const struct vq_source *source, uint64_t event);
void blk_close(struct blk *blk);

/* Queues it; it is with the device after blk_flush, blk_poll or blk_wait. False: the queue is full
 * (poll first) or broken. */
bool blk_submit(struct blk *blk, struct blk_request *request);

/* What completed is retried or finished (`done`): how many were finished. Flushes the batch. */
uint32_t blk_poll(struct blk *blk);

/* The same after at least one completed; 0 at the deadline, or when the queue is broken. */
uint32_t blk_wait(struct blk *blk, uint64_t deadline_ticks);

/*
 * One transfer of `length` bytes (a multiple of 512) at `offset` of the region, waited for.
 * EXO_E_TIMEOUT at the deadline: then the request may still be under way, and the queue is
 * unusable.
 */
int64_t blk_transfer(struct blk *blk, enum exo_block_operation operation, uint64_t sector,
                     uint16_t region, uint32_t offset, uint32_t length, uint64_t deadline_ticks);

#endif

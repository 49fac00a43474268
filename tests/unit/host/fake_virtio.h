/*
 * A double of virtio devices: the transport's functions (virtio/transport.h) on registers in
 * memory, and a device behind them that does what a test says, wrong things included. Its DMA is
 * watched: it may only go to memory that somebody still answers for.
 */
#ifndef HOST_FAKE_VIRTIO_H
#define HOST_FAKE_VIRTIO_H

#include "virtio/queue.h"

#define FAKE_QUEUES  4
#define FAKE_SECTORS 1000u
#define FAKE_ENTRIES 256u

struct fake_ring {
    uint32_t entries; /* 0: not enabled */
    const struct virtq_descriptor *descriptors;
    const struct virtq_driver *driver;
    struct exo_ring *page;
    uint16_t taken, used; /* indices of the device's own */
    _Atomic uint32_t doorbells;
};

/* One request as the device finds it. */
struct fake_request {
    uint32_t head, readable, writable; /* the last two in bytes */
    uint32_t parts;
    struct virtq_descriptor part[80];
    struct block_header header; /* of the first part, if it holds one */
};

struct fake_device {
    uint64_t features; /* offered */
    uint32_t entries;  /* of each queue */
    uint8_t status;
    bool mastering;
    bool stuck;   /* it goes on as before, whatever is written to its status */
    bool removed; /* reads give all ones */
    bool refuses; /* does not keep FEATURES_OK */
    struct fake_ring rings[FAKE_QUEUES];
    void (*on_doorbell)(uint32_t queue);
    uint32_t resets;
    uint32_t bad_dma;  /* accesses to memory that is free, or to none */
    uint32_t late_dma; /* accesses with bus mastering off, or after the reset */
};

enum { FAKE_RNG, FAKE_BLOCK, FAKE_NET, FAKE_DEVICES };
extern struct fake_device fake_devices[FAKE_DEVICES];

/* After fake_boot: capabilities of the devices in slots 20 to 22 of init's table. */
#define FAKE_DEVICE_SLOT 20u
void fake_virtio_begin(void);

/* It hears of a reset, which it does by itself when it is not stuck. */
void fake_reset(struct fake_device *device);

/* The next request that is available; false when there is none. */
bool fake_take(struct fake_device *device, uint32_t queue, struct fake_request *request);

/* Writes `byte` to all that the request lets it write; the used element says `length`. */
void fake_complete(struct fake_device *device, uint32_t queue, const struct fake_request *request,
                   unsigned char byte);
void fake_push_used(struct fake_device *device, uint32_t queue, uint32_t id, uint32_t length);

/* Takes and completes all that is available; how many. */
unsigned fake_run(struct fake_device *device, uint32_t queue, unsigned char byte);

#endif

/*
 * How the kernel reaches a virtio device: pci.c, or a double in the host's tests. The device's lock
 * is held for all but transport_doorbell. After a removal reads give all ones, and writes nothing.
 */
#ifndef EXO_VIRTIO_TRANSPORT_H
#define EXO_VIRTIO_TRANSPORT_H

#include "virtio/device.h"

/* All that it offers. */
uint64_t transport_features(struct device *device);

/* Writes the features and FEATURES_OK beside the status; whether the device takes them. */
bool transport_accept(struct device *device, uint64_t features);

/* The device status; STATUS_GONE when it does not answer any more. */
uint8_t transport_status(struct device *device);
void transport_set_status(struct device *device, uint8_t status);

/* The size offered of a virtqueue, 0: there is none. */
uint32_t transport_queue_entries(struct device *device, uint32_t queue);

/* With vector 1 + queue; whether the device takes it. */
bool transport_queue_enable(struct device *device, uint32_t queue, uint32_t entries,
                            pa_t descriptors, pa_t available, pa_t used);

/* Tells the device of what was available before the caller's dma_barrier(). A queue's lock. */
void transport_doorbell(struct device *device, uint32_t queue);

/* Device-specific configuration, of one generation (virtio 1.2 §2.5.3); false: never quiet. */
bool transport_config(struct device *device, uint32_t offset, void *to, uint32_t bytes);

/* Whether it may do DMA. */
void transport_set_mastering(struct device *device, bool on);

#endif

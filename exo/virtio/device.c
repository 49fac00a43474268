/* Devices: which features they may be used with, and their removal. */
#include "virtio/device.h"

#define BIT(n)   (1ull << (n))
#define REQUIRED (BIT(FEATURE_EVENT_INDEX) | BIT(FEATURE_VERSION_1))

/*
 * No packed ring, no indirect descriptors, no ring reset, no control queue: the rings are as the
 * kernel checks them. Other types may do with memory what no descriptor says (a balloon).
 */
static const struct {
    uint32_t type;
    uint64_t features;
} allowed[] = {
    /* checksums, MTU, MAC, segmentation of IPv4 and IPv6 both ways, merged buffers, status */
    {DEVICE_NET, BIT(0) | BIT(1) | BIT(3) | BIT(5) | BIT(7) | BIT(8) | BIT(11) | BIT(12) | BIT(15) |
                     BIT(16) | REQUIRED},
    /* segments, read-only, block size, flush, topology, several queues, discard */
    {DEVICE_BLOCK, BIT(2) | BIT(5) | BIT(6) | BIT(9) | BIT(10) | BIT(12) | BIT(13) | REQUIRED},
    {DEVICE_RNG, REQUIRED},
};

uint64_t
device_features(uint32_t type)
{
    for (size_t i = 0; i < ARRAY_LENGTH(allowed); i++)
        if (allowed[i].type == type)
            return allowed[i].features;
    return 0;
}

void
device_removed(struct device *device)
{
    HOLD(&device->lock);
    device->gone = true;
    irq_notify(&device->config_irq);
}

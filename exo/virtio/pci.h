/* Virtio over PCI (virtio 1.2 §4.1): what of a device only pci.c knows. device.h includes this. */
#ifndef EXO_VIRTIO_PCI_H
#define EXO_VIRTIO_PCI_H

#include "core/irq.h"

struct virtio_common;

/* Where its registers are mapped, and the sizes that its queues had at boot. */
struct transport {
    volatile struct virtio_common *common;
    volatile uint8_t *config;
    volatile char *notify;
    uint32_t notify_multiplier, notify_bytes;
    volatile uint16_t *doorbell[DEVICE_VECTORS - 1];
    uint16_t entries[DEVICE_VECTORS - 1];
};

/*
 * Boot: whether a PCI function, whose decoding is off, is a device that can be handed out: then it
 * is the next of `devices`, reset, its bus mastering off. Says on the console what it is, or why it
 * is left out.
 */
void device_found(uint32_t requester);

#endif

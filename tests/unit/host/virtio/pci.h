/* Stands in for exo/virtio/pci.h: the device's registers are those of fake_virtio.c. */
#ifndef HOST_VIRTIO_PCI_H
#define HOST_VIRTIO_PCI_H

struct transport {
    struct fake_device *fake;
};

#endif

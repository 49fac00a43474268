/* Stands in for exo/virtio/pci.h (whose guard it has): the registers are those of fake_virtio.c. */
#ifndef EXO_VIRTIO_PCI_H
#define EXO_VIRTIO_PCI_H

struct transport {
    struct fake_device *fake;
};

#endif

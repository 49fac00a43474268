/*
 * A virtio NIC at ring level (virtio 1.2 §5.1): buffers that the device fills and empties itself,
 * no copy. One of its own (private), or a port of a shared one, where the kernel owns the virtio
 * header and the source address.
 *
 * All buffers have NIC_BUFFER_BYTES and lie in one run of frames, registered with both queues, so
 * that a received frame can be changed in place and sent. A buffer is with the device to receive,
 * with the program, or with the device to send.
 */
#ifndef NET_NIC_H
#define NET_NIC_H

#include <virtio/queue.h>

#define NIC_BUFFER_BYTES 2048u
#define NIC_HEADER_BYTES 12u /* struct virtio_net_hdr, §5.1.6: zeros here; unused by ports */
#define NIC_FRAME_MAX    1514u
#define NIC_FEATURE_MAC  (1ull << 5)

struct nic {
    struct vq rx, tx;
    struct rt_memory memory;
    uint16_t rx_region, tx_region;
    uint32_t skip; /* bytes of a buffer that stay with the program: the header, for ports */
    uint64_t event;
    uint8_t mac[6];
    uint64_t received, sent;
};

struct nic_source {
    uint32_t cell, device;
    bool port; /* of a device that was opened with ports: */
    uint32_t port_number;
    uint8_t mac[6];   /* of the port; a private NIC has its own */
    uint32_t buffers; /* all of them are given to the device to receive at first */
    uint64_t event;   /* bits of this vCPU that both queues set */
};

/* Opens the device's session (private), both queues, and fills the receive ring. */
int64_t nic_open(struct nic *nic, const struct nic_source *source);
void nic_close(struct nic *nic);

struct nic_frame {
    uint32_t buffer; /* number */
    uint32_t bytes;  /* from the Ethernet header on, without checksum */
};

/* The Ethernet header in a buffer; NIC_FRAME_MAX bytes have room. */
static inline uint8_t *
nic_bytes(const struct nic *nic, uint32_t buffer)
{
    return (uint8_t *)nic->memory.at + buffer * NIC_BUFFER_BYTES + NIC_HEADER_BYTES;
}

/* The next received frame: its buffer is the program's until nic_send or nic_receive_into. */
bool nic_receive(struct nic *nic, struct nic_frame *frame);

/* Gives a buffer to the device to receive. False: the ring is full or broken. */
bool nic_receive_into(struct nic *nic, uint32_t buffer);

/* Sends the frame that is in the buffer; the buffer comes back from nic_sent. */
bool nic_send(struct nic *nic, const struct nic_frame *frame);

/* A buffer that was sent; false when there is none. */
bool nic_sent(struct nic *nic, uint32_t *buffer);

/* Gives both batches to the device; with `arm`, EXO_E_AGAIN when there is something to poll. */
int64_t nic_flush(struct nic *nic, bool arm);

/* Until there is something to receive, or sent: whether there is. */
bool nic_wait(struct nic *nic, uint64_t deadline_ticks);

#endif

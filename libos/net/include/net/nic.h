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

#include <net/wire.h>
#include <rt/string.h>
#include <virtio/queue.h>

/*
 * A frame of 1514 bytes lies in one buffer, with its header. Larger ones come only from a device
 * that merges buffers: smaller buffers would put what every frame's owner reads in one piece into
 * several.
 */
#define NIC_BUFFER_BYTES 2048u
#define NIC_HEADER_BYTES 12u /* struct wire_header; unused by ports */
#define NIC_FRAME_MAX    1514u

/* Features, virtio 1.2 §5.1.3. */
#define NIC_CHECKSUM (1ull << 0) /* of what is sent may be left to the device */
#define NIC_GUEST_CHECKSUM \
    (1ull << 1) /* of what is received may be good because the device says so */
#define NIC_MAC        (1ull << 5)
#define NIC_GUEST_TSO4 (1ull << 7) /* several TCP segments may come as a large one */
#define NIC_GUEST_TSO6 (1ull << 8)
#define NIC_MERGED     (1ull << 15) /* a frame may lie in several buffers */
#define NIC_STATUS     (1ull << 16) /* whether there is a link */

/* All that libos/net's stack knows to use. */
#define NIC_OFFLOADS \
    (NIC_CHECKSUM | NIC_GUEST_CHECKSUM | NIC_GUEST_TSO4 | NIC_GUEST_TSO6 | NIC_MERGED | NIC_STATUS)

struct nic {
    struct vq rx, tx;
    struct rt_memory memory;
    uint16_t rx_region, tx_region;
    uint32_t device; /* its capability */
    uint32_t refill; /* buffers that the device gets back at once, with one call */
    uint32_t skip;   /* bytes of a buffer that stay with the program: the header, for ports */
    uint64_t event;
    uint64_t features; /* that are in use */
    uint8_t mac[6];
};

struct nic_source {
    uint32_t cell, device;
    bool port; /* of a device that was opened with ports: */
    uint32_t port_number;
    uint8_t mac[6];      /* of the port; a private NIC has its own */
    uint32_t buffers;    /* all of them are given to the device to receive at first */
    uint64_t event;      /* bits of this vCPU that both queues set */
    uint64_t features;   /* private: wanted beside the MAC; what is not offered is done without */
    uint64_t link_event; /* with NIC_STATUS: bits that a change of the link sets; 0: none */
};

/*
 * Opens the device's session (private), both queues, and fills the receive ring. Errors of
 * device_open, queue_open, irq_bind, and of memory calls; then nothing is left behind.
 */
int64_t nic_open(struct nic *nic, const struct nic_source *source);
void nic_close(struct nic *nic);

/* Whether there is a link. Without NIC_STATUS it is always there. Acknowledges link_event. */
bool nic_has_link(const struct nic *nic);

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

/*
 * The next received frame: its buffer is the program's until nic_send or nic_receive_into. Not with
 * NIC_MERGED, of which nic_take knows.
 */
static inline bool nic_receive(struct nic *nic, struct nic_frame *frame);

/*
 * The next received frame, in as many buffers as it lies in: each is the program's until
 * nic_receive_into. False: there is none, or the device lied about how many those are, and the
 * queue is broken (rx.error).
 */
bool nic_take(struct nic *nic, struct wire_frame *frame);

/* Gives a buffer to the device to receive. False: the ring is full or broken. */
static inline bool nic_receive_into(struct nic *nic, uint32_t buffer);

/* Sends the frame that is in the buffer; the buffer comes back from nic_sent. */
static inline bool nic_send(struct nic *nic, const struct nic_frame *frame);

/* A buffer that was sent; false when there is none. */
static inline bool nic_sent(struct nic *nic, uint32_t *buffer);

/*
 * Gives both batches to the device; with `arm`, EXO_E_AGAIN when there is something to poll.
 * Without it, fewer than a sixteenth of the buffers to receive into wait for further ones: where an
 * answer to each frame that was sent comes back that halves the calls.
 */
int64_t nic_flush(struct nic *nic, bool arm);

/* Until there is something to receive, or sent: whether there is. */
bool nic_wait(struct nic *nic, uint64_t deadline_ticks);

#include <net/fast.h>

#endif

/* Ports of a shared NIC: port.c. The device's lock is held unless something else is said. */
#ifndef EXO_VIRTIO_PORT_H
#define EXO_VIRTIO_PORT_H

#include "virtio/queue.h"

#define NIC_RINGS 2u /* of its session, the device's own; behind them the ports' */

#define NIC_BUFFERS      64u
#define NIC_BUFFER_BYTES 2048u
#define NIC_FRAMES \
    (NIC_BUFFERS * NIC_BUFFER_BYTES / PAGE_BYTES + 1) /* the last for a frame on its way */
#define NIC_HEADER_BYTES 12u /* struct virtio_net_hdr, virtio 1.2 §5.1.6: zeros */
#define ETHERNET_BYTES   14u

enum direction { RECEIVE, SEND }; /* of a port's queue: its index modulo 2 */

/* In front of what a port sends. */
struct sent {
    uint8_t header[NIC_HEADER_BYTES];
    uint8_t ethernet[ETHERNET_BYTES];
};

/* One frame. */
struct nic {
    uint8_t *frames[NIC_FRAMES];
    uint64_t posted; /* a bit for each buffer that the device has */
    uint16_t share;  /* ids of a port's sending queue, a power of two */
    struct sent sent[EXO_QUEUE_ENTRIES_MAX / 2];
};

/* Buffers and headers, of the session's cell: EXO_E_LIMIT, EXO_E_MEMORY. No lock held; and back. */
err_t nic_make(struct session *session);
void nic_unmake(struct session *session);

/* The device is ready: it gets its buffers, and interrupts are ours. */
err_t nic_start(struct session *session);

/* One Ethernet address of one machine. */
bool port_takes_mac(uint64_t mac);

/* Port index / 2 has this MAC, and nobody else: EXO_E_ARG, EXO_E_OCCUPIED. */
err_t port_admit(const struct session *session, const struct queue *queue, uint32_t index);

/* As queue_submit, no lock held; and what came and was sent meanwhile goes to its ports. */
err_t port_submit(const struct cap *cap, const struct exo_descriptor *descriptors, uint32_t count,
                  uint16_t consumed, bool arm, struct submitted *submitted);

/* Whether a chain is a buffer for one frame, or a frame; queue lock held. EXO_E_ARG, EXO_E_RANGE.
 */
err_t port_check(const struct queue *queue, const struct exo_descriptor *first, uint64_t count,
                 const uint64_t bytes[2]);

/*
 * For who waits until nothing of a queue is in flight, if it is a port: it gets its receive buffers
 * back, unused (length 0), and what was sent is noticed. Locks of rank below RANK_DEVICE held.
 */
void port_settle(struct queue *queue);

#endif

/*
 * A NIC or a port of one at ring level, for tests: frames in and out, one at a time. Frames have
 * the type for experiments and a number behind the Ethernet header.
 */
#ifndef TEST_WIRE_H
#define TEST_WIRE_H

#include "fixture.h"

#define WIRE_BUFFERS      16u /* to receive into; as many to send from */
#define WIRE_BUFFER_BYTES 2048u
#define WIRE_SKIP         12u /* the Ethernet header in a buffer; in front virtio's, of a private NIC */
#define WIRE_BYTES        60u /* of a frame that is sent */
#define WIRE_EVENT        0x100ull
#define WIRE_BROADCAST    0xffffffffffffull

enum { WIRE_RX, WIRE_RX_RING, WIRE_TX, WIRE_TX_RING, WIRE_SLOTS };

struct wire {
    uint32_t slot[WIRE_SLOTS];
    const struct exo_ring *rx, *tx;
    uint8_t *memory;
    uint32_t skip;
    uint16_t received, sent; /* completions seen, chains submitted */
};

/* 52:54:00:00:00:<last>, byte 0 lowest; and those in a frame. */
uint64_t wire_mac(uint8_t last);
uint64_t wire_to(const uint8_t *frame);
uint64_t wire_from(const uint8_t *frame);
uint32_t wire_number(const uint8_t *frame);

/* Slots with both queues of a port, or of a NIC whose session they begin. */
void wire_open_port(struct wire *wire, uint32_t device, uint32_t port, uint64_t mac);
void wire_open_nic(struct wire *wire, uint32_t device);

/* Memory, regions, and interrupts to this vCPU, with all buffers submitted: whether all went well.
 */
bool wire_start(struct wire *wire);

/* One frame; EXO_E_OCCUPIED when as many as there are ids are on their way. */
int64_t wire_send(struct wire *wire, uint64_t to, uint64_t from, uint32_t number);

/* Until everything that was sent is done. False: it took too long. */
bool wire_settle(struct wire *wire);

/* The next frame, until the call after; NULL: it took too long. */
const uint8_t *wire_receive(struct wire *wire, uint32_t *bytes);

/* Whether one is there already. */
bool wire_has_some(const struct wire *wire);

#endif

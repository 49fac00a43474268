/*
 * The simulated NIC, shared by ports, and frames for both of its sides. Port p has its slots, and
 * four pages that both of its queues know as region 0.
 */
#ifndef TESTS_DEVICES_NIC_H
#define TESTS_DEVICES_NIC_H

#include "machine.h"

enum { RX, TX }; /* the direction of a queue, and the NIC's virtqueue */

/* Slots of port p: its queues, their ring pages behind them, and its frames. */
#define QUEUE(p, d) (24u + 4 * (p) + 2 * (d))
#define FRAMES(p)   (48u + (p))
#define CHILD       60u /* a cell, where a test has one */
#define PAGES       4u
#define HEADER      26u /* what the kernel puts in front, the Ethernet header with it */

#define BROADCAST 0xffffffffffffull
#define ELSEWHERE 0x990000005452ull

static struct device *const device = &devices[FAKE_NET];

/* 52:54:00:00:00:01 and so on, byte 0 lowest. */
uint64_t mac_of(uint32_t port);
unsigned char *memory_of(uint32_t port);
const struct exo_ring *ring_of(uint32_t port, unsigned direction);

/* The NIC for so many ports, the first of them open. */
void open_nic(uint32_t ports, uint32_t opened);
/* Both directions, and a region of four pages in both. */
void open_port(uint64_t cell, uint32_t port);
int64_t open_queue(uint64_t cell, uint32_t port, unsigned direction, uint64_t mac);

/* Buffers of 2048 bytes from id `first` on; id i at 2048 * (i % 8). */
void post(uint32_t port, unsigned first, unsigned count);
/* One chain of one buffer, at 8192 of the port's memory. */
int64_t send_frame(uint32_t port, uint16_t id, uint64_t to, unsigned bytes, unsigned char fill);
void write_frame(unsigned char *at, uint64_t to, uint64_t from, unsigned bytes, unsigned char fill);

/* The NIC has completed something of that virtqueue: what follows is as when it interrupts. */
void interrupt(unsigned direction);
/* A frame arrives at the NIC; false: it has no buffer. */
bool arrive(uint64_t to, unsigned bytes, unsigned char fill);
/* What the NIC sends next, put together; its bytes, 0: nothing. */
unsigned depart(struct fake_request *request, unsigned char *frame);
/* Everything that waits is sent; how many. */
unsigned drain_nic(void);

/* The queue's interrupts are those bits of the notification in slot 56; `slot` is for its copy. */
void bind_events(uint64_t queue, uint64_t bits, uint64_t slot);

#endif

/*
 * Ports of a shared NIC under system calls, with a simulated NIC (fake_virtio.h): what reaches
 * whom, what leaves and how, how ports end, and a NIC that lies.
 */
#include "arch/mmu.h"
#include "core/frame.h"
#include "core/genesis.h"
#include "fake_kernel.h"
#include "fake_virtio.h"
#include "tap.h"

#include <string.h>

#define CELL  EXO_BOOT_CELL
#define NET   (FAKE_DEVICE_SLOT + FAKE_NET)
#define READ  EXO_READ
#define WRITE EXO_WRITE
#define W     EXO_DESCRIPTOR_WRITE
#define N     EXO_DESCRIPTOR_NEXT

enum { RX, TX };

/* Slots of port p: its queues, their ring pages behind them, and its frames. */
#define QUEUE(p, d) (24u + 4 * (p) + 2 * (d))
#define FRAMES(p)   (48u + (p))
#define CHILD       60u
#define PAGES       4u
#define HEADER      26u /* what the kernel puts in front, the Ethernet header with it */

static struct fake_device *const net = &fake_devices[FAKE_NET];
static struct device *const device = &devices[FAKE_NET];
static struct exo_cell_info before;

static void
begin(void)
{
    fake_boot(8192, 2);
    fake_virtio_begin();
    before = fake_cell_info(CELL);
}

static void
end(void)
{
    net->stuck = false;
    CHECK_EQ(CALL_AGAIN(device_close, NET), EXO_OK);
    for (uint64_t slot = 24; slot < 64; slot++) {
        int64_t err = CALL_AGAIN(cap_drop, slot);
        CHECK(err == EXO_OK || err == EXO_E_SLOT);
    }
    CHECK_EQ(CALL_AGAIN(cell_reap, CELL), EXO_OK);
    struct exo_cell_info after = fake_cell_info(CELL);
    for (int i = 0; i < EXO_RES_COUNT; i++) {
        CHECK_EQ(after.own[i], before.own[i]);
        CHECK_EQ(after.carved[i], before.carved[i]);
    }
    CHECK_EQ(after.dying_objects, 0);
    CHECK_EQ(net->bad_dma, 0);
    CHECK_EQ(net->late_dma, 0);
    CHECK(*irq_entry(device->first_lpi + 1) == NULL);
    CHECK(*irq_entry(device->first_lpi + 2) == NULL);
    fake_machine_end();
}

/* --- What tests do ------------------------------------------------------------------------------
 */

/* 52:54:00:00:00:01 and so on, byte 0 lowest. */
static uint64_t
mac_of(uint32_t port)
{
    return 0x5452 | (uint64_t)(port + 1) << 40;
}

#define BROADCAST 0xffffffffffffull
#define ELSEWHERE 0x990000005452ull

static int64_t
submit(uint64_t queue, const struct exo_descriptor *d, unsigned count, uint64_t consumed, bool arm)
{
    if (count > 0)
        memcpy(fake_user, d, count * sizeof(*d));
    return CALL(queue_submit, queue, FAKE_USER, count, consumed, arm);
}

static struct exo_queue_info
info_of(uint64_t queue)
{
    struct exo_queue_info info;
    CHECK_EQ(CALL(queue_info, queue, FAKE_USER), EXO_OK);
    memcpy(&info, fake_user, sizeof(info));
    return info;
}

static struct queue *
queue_at(uint64_t slot)
{
    struct cap cap;
    CHECK_EQ(cap_lookup(fake_init->env, slot, EXO_TYPE_PORT, 0, &cap), EXO_OK);
    return cap.object;
}

static unsigned char *
memory_of(uint32_t port)
{
    struct cap cap;
    CHECK_EQ(cap_lookup(fake_init->env, FRAMES(port), EXO_TYPE_FRAMES, 0, &cap), EXO_OK);
    return frame_to_kernel(cap.base);
}

static const struct exo_ring *
ring_of(uint32_t port, unsigned direction)
{
    return queue_at(QUEUE(port, direction))->page;
}

static int64_t
open_queue(uint64_t cell, uint32_t port, unsigned direction, uint64_t mac)
{
    uint64_t slot = QUEUE(port, direction);
    return CALL(queue_open, cell, slot, NET, 2 * port + direction, slot + 1, mac, 0);
}

/* Both directions, and a region of four pages in both. */
static void
open_port(uint64_t cell, uint32_t port)
{
    CHECK_EQ(CALL(frames_alloc, cell, FRAMES(port), PAGES, EXO_ALLOC_CONTIGUOUS, 0), EXO_OK);
    for (unsigned d = RX; d <= TX; d++) {
        CHECK_EQ(open_queue(cell, port, d, mac_of(port)), EXO_OK);
        CHECK_EQ(CALL_AGAIN(queue_region, QUEUE(port, d), FRAMES(port), 0, PAGES,
                            d == RX ? WRITE : READ),
                 EXO_OK);
    }
}

static void
open_nic(uint32_t ports, uint32_t opened)
{
    CHECK_EQ(CALL_AGAIN(device_open, CELL, NET, 2, UINT64_MAX, ports), EXO_OK);
    for (uint32_t port = 0; port < opened; port++)
        open_port(CELL, port);
}

/* Buffers of 2048 bytes from id `first` on; id i at 2048 * (i % 8). */
static void
post(uint32_t port, unsigned first, unsigned count)
{
    struct exo_descriptor d[EXO_SUBMIT_MAX];
    for (unsigned i = 0; i < count; i++)
        d[i] = (struct exo_descriptor){.id = (uint16_t)(first + i),
                                       .flags = W,
                                       .offset = (first + i) % 8 * 2048,
                                       .length = 2048};
    CHECK_EQ(submit(QUEUE(port, RX), d, count, ring_of(port, RX)->start, false), EXO_OK);
}

static void
write_frame(unsigned char *at, uint64_t to, uint64_t from, unsigned bytes, unsigned char fill)
{
    memset(at, fill, bytes);
    memcpy(at, &to, 6);
    memcpy(at + 6, &from, 6);
    memcpy(at + 12, "\x88\xb5", 2); /* for experiments */
}

/* One chain of one buffer, at 8192 of the port's memory. */
static int64_t
send_frame(uint32_t port, uint16_t id, uint64_t to, unsigned bytes, unsigned char fill)
{
    struct exo_descriptor d = {.id = id, .offset = 8192, .length = bytes};
    write_frame(memory_of(port) + 8192, to, 0x123456789abc, bytes, fill);
    return submit(QUEUE(port, TX), &d, 1, ring_of(port, TX)->used_index, false);
}

/* The NIC has completed something of that virtqueue: what follows is as when it interrupts. */
static void
interrupt(unsigned direction)
{
    irq_fired(device->first_lpi + 1 + direction);
}

/* A frame arrives at the NIC; false: it has no buffer. */
static bool
arrive(uint64_t to, unsigned bytes, unsigned char fill)
{
    struct fake_request request;
    if (!fake_take(net, RX, &request))
        return false;
    CHECK_EQ(request.parts, 1);
    unsigned char *at = linear_from_pa(request.part[0].address);
    memset(at, 0, 12);
    write_frame(at + 12, to, ELSEWHERE, bytes, fill);
    fake_push_used(net, RX, request.head, 12 + bytes);
    return true;
}

/* What the NIC sends next, put together; its bytes, 0: nothing. */
static unsigned
depart(struct fake_request *request, unsigned char *frame)
{
    unsigned bytes = 0;
    if (!fake_take(net, TX, request))
        return 0;
    CHECK_EQ(request->writable, 0);
    CHECK_EQ(request->part[0].length, HEADER);
    for (uint32_t i = 0; i < request->parts; i++) {
        memcpy(frame + bytes, linear_from_pa(request->part[i].address), request->part[i].length);
        bytes += request->part[i].length;
    }
    for (unsigned i = 0; i < 12; i++)
        CHECK_EQ(frame[i], 0); /* no offload is asked for */
    return bytes;
}

/* Everything that waits is sent; how many. */
static unsigned
drain_nic(void)
{
    struct fake_request request;
    unsigned count = 0;
    for (; fake_take(net, TX, &request); count++)
        fake_push_used(net, TX, request.head, 0);
    interrupt(TX);
    return count;
}

/* --- Opening ------------------------------------------------------------------------------------
 */

static void
a_nic_is_shared_without_offloads(void)
{
    begin();
    open_nic(2, 0);
    CHECK_EQ(fake_result(1), 1ull << 5 | 1ull << 16 | 1ull << 29 | 1ull << 32);
    CHECK_EQ(net->rings[RX].doorbells, 1);
    CHECK_EQ(net->rings[RX].driver->index, 64); /* buffers */
    CHECK_EQ(CALL_AGAIN(device_open, CELL, NET, 2, 0, EXO_PORTS_MAX + 1), EXO_E_RANGE);
    CHECK_EQ(CALL_AGAIN(device_open, CELL, NET, 2, 0, 1ull << 32), EXO_E_ARG);
    CHECK_EQ(CALL_AGAIN(device_open, CELL, NET, 1, 0, 1), EXO_E_RANGE);
    CHECK_EQ(CALL_AGAIN(device_open, CELL, FAKE_DEVICE_SLOT + FAKE_RNG, 1, 0, 1), EXO_E_ARG);
    CHECK_EQ(CALL_AGAIN(device_open, CELL, FAKE_DEVICE_SLOT + FAKE_BLOCK, 2, 0, 1), EXO_E_ARG);
    net->entries = 8; /* too few for a descriptor of each port */
    CHECK_EQ(CALL_AGAIN(device_open, CELL, NET, 2, 0, EXO_PORTS_MAX), EXO_E_STATE);
    net->entries = FAKE_ENTRIES;
    CHECK_EQ(CALL_AGAIN(device_open, CELL, NET, 2, 0, EXO_PORTS_MAX), EXO_OK);
    for (uint32_t port = 0; port < EXO_PORTS_MAX; port++)
        open_port(CELL, port);
    CHECK_EQ(CALL(queue_open, CELL, 61, NET, 2 * EXO_PORTS_MAX, 62, mac_of(9), 0), EXO_E_RANGE);
    end();
}

static void
a_shared_nic_is_paid_for_by_who_opens_it(void)
{
    begin();
    struct exo_limits limits = {
        .size = sizeof(limits), .version = EXO_ABI_VERSION, .limit = {1 + 3 * 6 + 33, 512, 4, 8}};
    memcpy(fake_user, &limits, sizeof(limits));
    CHECK_EQ(CALL(cell_create, CELL, CHILD, FAKE_USER), EXO_OK);
    CHECK_EQ(CALL_AGAIN(device_open, CHILD, NET, 2, 0, 2), EXO_E_LIMIT); /* one too few */
    CHECK_EQ(CALL_AGAIN(cell_reap, CHILD), EXO_OK);
    CHECK_EQ(fake_cell_info(CHILD).own[EXO_RES_FRAMES], 0);
    limits.limit[EXO_RES_FRAMES]++;
    memcpy(fake_user, &limits, sizeof(limits));
    CHECK_EQ(CALL(cell_limits, CHILD, FAKE_USER), EXO_OK);
    CHECK_EQ(CALL_AGAIN(device_open, CHILD, NET, 2, 0, 2), EXO_OK);
    open_port(CELL, 0);
    post(0, 0, 8);
    CHECK_EQ(send_frame(0, 0, ELSEWHERE, 60, 1), EXO_OK);
    CHECK_EQ(CALL_AGAIN(cap_drop, CHILD), EXO_OK);
    CHECK_EQ(CALL_AGAIN(cell_reap, CELL), EXO_OK);
    CHECK_EQ(net->status, 0);
    CHECK_EQ(send_frame(0, 1, ELSEWHERE, 60, 1), EXO_E_RESET);
    end();
}

static void
a_mac_is_one_machines_and_one_ports(void)
{
    static const uint64_t bad[] = {0, BROADCAST, 0x000001, 0x5e0001, 1ull << 48, UINT64_MAX - 1};
    begin();
    open_nic(3, 0);
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK_EQ(open_queue(CELL, 0, RX, bad[i]), EXO_E_ARG);
    CHECK_EQ(CALL(queue_open, CELL, 61, NET, 0, 62, mac_of(0), 1), EXO_E_ARG);
    CHECK_EQ(open_queue(CELL, 0, RX, mac_of(0)), EXO_OK);
    CHECK_EQ(open_queue(CELL, 1, RX, mac_of(0)), EXO_E_OCCUPIED);
    CHECK_EQ(open_queue(CELL, 1, TX, mac_of(0)), EXO_E_OCCUPIED);
    CHECK_EQ(open_queue(CELL, 0, TX, mac_of(1)), EXO_E_ARG); /* a port has one */
    CHECK_EQ(open_queue(CELL, 0, TX, mac_of(0)), EXO_OK);
    CHECK_EQ(CALL(queue_open, CELL, 61, NET, 0, 62, mac_of(0), 0), EXO_E_OCCUPIED);
    CHECK_EQ(info_of(QUEUE(0, TX)).first, mac_of(0));
    CHECK_EQ(info_of(QUEUE(0, TX)).type, EXO_TYPE_PORT);
    for (unsigned d = RX; d <= TX; d++)
        CHECK_EQ(CALL_AGAIN(cap_drop, QUEUE(0, d)), EXO_OK);
    CHECK_EQ(open_queue(CELL, 1, RX, mac_of(0)), EXO_OK);
    end();
}

/* --- Receiving ----------------------------------------------------------------------------------
 */

static void
frames_reach_the_port_of_their_mac(void)
{
    begin();
    open_nic(2, 2);
    post(0, 0, 4);
    post(1, 0, 4);
    CHECK_EQ(ring_of(0, RX)->ids, 256);
    CHECK(arrive(mac_of(0), 60, 0xa0));
    CHECK(arrive(mac_of(1), 1514, 0xb1));
    CHECK(arrive(mac_of(0), 99, 0xa2));
    CHECK(arrive(ELSEWHERE, 60, 0xee));
    interrupt(RX);
    CHECK_EQ(ring_of(0, RX)->used_index, 2);
    CHECK_EQ(ring_of(0, RX)->used[0].id, 0);
    CHECK_EQ(ring_of(0, RX)->used[0].length, 60);
    CHECK_EQ(ring_of(0, RX)->used[1].length, 99);
    CHECK_EQ(ring_of(1, RX)->used_index, 1);
    CHECK_EQ(ring_of(1, RX)->used[0].length, 1514);
    unsigned char expected[1514];
    write_frame(expected, mac_of(0), ELSEWHERE, 60, 0xa0);
    CHECK(memcmp(memory_of(0), expected, 60) == 0);
    CHECK_EQ(memory_of(0)[60], 0); /* and not a byte more */
    CHECK_EQ(memory_of(0)[2048 + 98], 0xa2);
    write_frame(expected, mac_of(1), ELSEWHERE, 1514, 0xb1);
    CHECK(memcmp(memory_of(1), expected, 1514) == 0);
    CHECK_EQ(memory_of(1)[1514], 0);
    CHECK_EQ(net->rings[RX].driver->index, 64 + 4); /* the NIC has its buffers back */
    CHECK_EQ(submit(QUEUE(0, RX), NULL, 0, 2, false), EXO_OK);
    CHECK_EQ(submit(QUEUE(0, RX), NULL, 0, 3, false), EXO_E_RANGE);
    end();
}

static void
groups_are_for_all(void)
{
    begin();
    open_nic(3, 3);
    for (uint32_t port = 0; port < 3; port++)
        post(port, 0, 3);
    CHECK(arrive(BROADCAST, 60, 1));
    CHECK(arrive(0x5e0001, 70, 2)); /* 01:00:5e: a multicast */
    interrupt(RX);
    for (uint32_t port = 0; port < 3; port++) {
        CHECK_EQ(ring_of(port, RX)->used_index, 2);
        CHECK_EQ(ring_of(port, RX)->used[1].length, 70);
        CHECK_EQ(memory_of(port)[20], 1);
        CHECK_EQ(memory_of(port)[2048 + 20], 2);
    }
    end();
}

static void
frames_without_a_buffer_are_dropped_and_counted(void)
{
    struct exo_descriptor small = {.id = 9, .flags = W, .offset = 0, .length = 99};
    begin();
    open_nic(2, 2);
    post(1, 0, 8);
    for (int i = 0; i < 3; i++)
        CHECK(arrive(BROADCAST, 100, 1));
    interrupt(RX);
    CHECK_EQ(info_of(QUEUE(0, RX)).dropped, 3);
    CHECK_EQ(info_of(QUEUE(1, RX)).dropped, 0);
    CHECK_EQ(ring_of(1, RX)->used_index, 3); /* another's want of buffers costs nobody else */
    CHECK_EQ(submit(QUEUE(0, RX), &small, 1, 0, false), EXO_OK);
    CHECK(arrive(mac_of(0), 100, 2));
    CHECK(arrive(mac_of(0), 99, 3));
    interrupt(RX);
    CHECK_EQ(info_of(QUEUE(0, RX)).dropped, 4); /* no part of a frame is given */
    CHECK_EQ(ring_of(0, RX)->used_index, 1);
    CHECK_EQ(memory_of(0)[98], 3);
    CHECK_EQ(memory_of(0)[99], 0);
    CHECK(arrive(mac_of(0), 13, 9)); /* no Ethernet header */
    interrupt(RX);
    CHECK_EQ(info_of(QUEUE(0, RX)).dropped, 4);
    end();
}

static void
ports_take_one_buffer_a_frame(void)
{
    struct exo_descriptor chain[] = {{.id = 0, .flags = W | N, .length = 1000},
                                     {.id = 1, .flags = W, .offset = 2048, .length = 1000}};
    struct exo_descriptor readable = {.id = 0, .region = 1, .length = 100};
    begin();
    open_nic(1, 1);
    CHECK_EQ(submit(QUEUE(0, RX), chain, 2, 0, false), EXO_E_ARG);
    CHECK_EQ(CALL_AGAIN(queue_region, QUEUE(0, RX), FRAMES(0), 0, PAGES, READ), EXO_OK);
    CHECK_EQ(submit(QUEUE(0, RX), &readable, 1, 0, false), EXO_E_ARG);
    chain[0].flags = W;
    CHECK_EQ(submit(QUEUE(0, RX), chain, 2, 0, false), EXO_OK);
    CHECK_EQ(info_of(QUEUE(0, RX)).in_flight, 2);
    end();
}

/* --- Sending ------------------------------------------------------------------------------------
 */

static void
a_forged_source_does_not_leave(void)
{
    unsigned char frame[2048], expected[1514];
    struct fake_request request;
    begin();
    open_nic(2, 2);
    CHECK_EQ(send_frame(0, 3, ELSEWHERE, 1514, 0x77), EXO_OK);
    memset(memory_of(0) + 8192, 0xbd, 14); /* too late */
    CHECK_EQ(depart(&request, frame), 12 + 1514);
    write_frame(expected, ELSEWHERE, mac_of(0), 1514, 0x77);
    CHECK(memcmp(frame + 12, expected, 1514) == 0);
    CHECK_EQ(request.parts, 2);
    CHECK(linear_from_pa(request.part[1].address) == memory_of(0) + 8192 + 14); /* not copied */
    CHECK_EQ(ring_of(0, TX)->used_index, 0);
    fake_push_used(net, TX, request.head, 0);
    interrupt(TX);
    CHECK_EQ(ring_of(0, TX)->used_index, 1);
    CHECK_EQ(ring_of(0, TX)->used[0].id, 3);
    CHECK_EQ(info_of(QUEUE(0, TX)).completed, 1);
    CHECK_EQ(send_frame(1, 3, ELSEWHERE, 60, 0x78), EXO_OK);
    CHECK_EQ(depart(&request, frame), 12 + 60);
    uint64_t from = 0;
    memcpy(&from, frame + 12 + 6, 6);
    CHECK_EQ(from, mac_of(1));
    end();
}

static void
frames_may_be_in_parts(void)
{
    unsigned char frame[2048];
    struct fake_request request;
    struct exo_descriptor d[] = {{.id = 5, .flags = N, .offset = 8192, .length = 20},
                                 {.id = 2, .flags = N, .offset = 100, .length = 30},
                                 {.id = 7, .offset = 4000, .length = 200}};
    begin();
    open_nic(2, 2);
    for (unsigned i = 0; i < PAGES * EXO_PAGE_BYTES; i++)
        memory_of(1)[i] = (unsigned char)(i * 7 + i / 256);
    write_frame(memory_of(1) + 8192, ELSEWHERE, ELSEWHERE, 14, 0);
    for (unsigned first = 14; first <= 20; first += 6) {
        d[0].length = first;
        CHECK_EQ(submit(QUEUE(1, TX), d, 3, ring_of(1, TX)->used_index, false), EXO_OK);
        CHECK_EQ(depart(&request, frame), 12 + first + 230);
        CHECK_EQ(request.parts, first == 14 ? 3 : 4);
        CHECK(memcmp(frame + 26, memory_of(1) + 8206, first - 14) == 0);
        CHECK(memcmp(frame + 12 + first, memory_of(1) + 100, 30) == 0);
        CHECK(memcmp(frame + 42 + first, memory_of(1) + 4000, 200) == 0);
        fake_push_used(net, TX, request.head, 0);
        interrupt(TX);
        CHECK_EQ(ring_of(1, TX)->used[first == 20].id, 5);
    }
    d[2].length = 14;
    d[2].offset = 8192;
    CHECK_EQ(submit(QUEUE(1, TX), &d[2], 1, 2, false), EXO_OK); /* a header and nothing else */
    CHECK_EQ(depart(&request, frame), HEADER);
    CHECK_EQ(request.parts, 1);
    end();
}

static void
what_is_no_frame_is_refused(void)
{
    struct exo_descriptor d[] = {{.id = 0, .flags = N, .length = 13}, {.id = 1, .length = 100}};
    struct exo_descriptor writable = {.id = 0, .region = 1, .flags = W, .length = 100};
    begin();
    open_nic(1, 1);
    CHECK_EQ(send_frame(0, 0, ELSEWHERE, 13, 1), EXO_E_ARG);
    CHECK_EQ(submit(QUEUE(0, TX), d, 2, 0, false), EXO_E_ARG); /* the header is in one piece */
    d[0].length = 14;
    d[1].length = 1501;
    CHECK_EQ(submit(QUEUE(0, TX), d, 2, 0, false), EXO_E_RANGE);
    CHECK_EQ(send_frame(0, 0, ELSEWHERE, 1515, 1), EXO_E_RANGE);
    CHECK_EQ(CALL_AGAIN(queue_region, QUEUE(0, TX), FRAMES(0), 0, PAGES, READ | WRITE), EXO_OK);
    CHECK_EQ(submit(QUEUE(0, TX), &writable, 1, 0, false), EXO_E_ARG);
    CHECK_EQ(send_frame(0, 128, ELSEWHERE, 60, 1), EXO_E_RANGE); /* the share of one port */
    CHECK_EQ(info_of(QUEUE(0, TX)).in_flight, 0);
    CHECK_EQ(drain_nic(), 0);
    d[1].length = 1500;
    CHECK_EQ(submit(QUEUE(0, TX), d, 2, 0, false), EXO_OK);
    CHECK_EQ(drain_nic(), 1);
    end();
}

static void
frames_between_ports_stay_inside(void)
{
    unsigned char frame[2048], expected[300];
    struct fake_request request;
    begin();
    open_nic(3, 3);
    for (uint32_t port = 0; port < 3; port++)
        post(port, 0, 4);
    CHECK_EQ(send_frame(0, 0, mac_of(1), 300, 0x44), EXO_OK);
    CHECK_EQ(ring_of(0, TX)->used_index, 1); /* done at once */
    CHECK_EQ(depart(&request, frame), 0);
    CHECK_EQ(ring_of(1, RX)->used_index, 1);
    CHECK_EQ(ring_of(1, RX)->used[0].length, 300);
    write_frame(expected, mac_of(1), mac_of(0), 300, 0x44);
    CHECK(memcmp(memory_of(1), expected, 300) == 0);
    CHECK_EQ(ring_of(2, RX)->used_index, 0);
    CHECK_EQ(send_frame(1, 0, BROADCAST, 60, 0x45), EXO_OK); /* to the others, and out */
    CHECK_EQ(depart(&request, frame), 12 + 60);
    CHECK_EQ(ring_of(1, RX)->used_index, 1);
    CHECK_EQ(ring_of(0, RX)->used_index, 1);
    CHECK_EQ(ring_of(2, RX)->used_index, 1);
    CHECK_EQ(memory_of(2)[59], 0x45);
    CHECK_EQ(send_frame(2, 0, mac_of(2), 60, 0x46), EXO_OK); /* itself: the network's matter */
    CHECK_EQ(depart(&request, frame), 12 + 60);
    CHECK_EQ(ring_of(2, RX)->used_index, 1);
    end();
}

static void
a_port_that_floods_keeps_nobody_from_sending(void)
{
    unsigned char frame[2048];
    struct fake_request request;
    begin();
    open_nic(3, 3);
    uint16_t share = ring_of(0, TX)->ids;
    CHECK_EQ(share, 32);
    for (uint16_t id = 0; id < share; id++)
        CHECK_EQ(send_frame(0, id, ELSEWHERE, 60, 1), EXO_OK);
    CHECK_EQ(send_frame(0, 0, ELSEWHERE, 60, 1), EXO_E_OCCUPIED);
    CHECK_EQ(send_frame(0, share, ELSEWHERE, 60, 1), EXO_E_RANGE);
    for (uint16_t id = 0; id < share; id++)
        CHECK_EQ(send_frame(1, id, ELSEWHERE, 60, 2), EXO_OK);
    for (unsigned i = 0; i < 2u * share; i++) {
        CHECK_EQ(depart(&request, frame), 72);
        CHECK_EQ(frame[70], i < share ? 1 : 2);
        fake_push_used(net, TX, request.head, 0);
    }
    CHECK_EQ(ring_of(0, TX)->used_index, 0);                      /* nobody has asked, nor armed */
    CHECK_EQ(send_frame(0, 0, ELSEWHERE, 60, 1), EXO_E_OCCUPIED); /* but it finds out by that */
    CHECK_EQ(ring_of(0, TX)->used_index, share);
    CHECK_EQ(ring_of(1, TX)->used_index, share);
    /* One is never further behind than the other's share. */
    for (unsigned round = 0; round < 100; round++) {
        interrupt(TX);
        for (uint16_t id = 0; id < share; id++)
            CHECK_EQ(send_frame(0, id, ELSEWHERE, 60, 1), EXO_OK);
        CHECK_EQ(send_frame(1, 0, ELSEWHERE, 60, 2), EXO_OK);
        CHECK_EQ(drain_nic(), share + 1);
        CHECK_EQ(ring_of(1, TX)->used_index, share + round + 1);
    }
    end();
}

static uint64_t
events(void)
{
    return __atomic_exchange_n(&fake_init->control->events, 0, __ATOMIC_SEQ_CST);
}

static void
bind(uint64_t queue, uint64_t bits, uint64_t slot)
{
    CHECK_EQ(CALL(cap_copy, 56, EXO_SELF, slot, WRITE | EXO_COPY, bits, 0), EXO_OK);
    CHECK_EQ(CALL(irq_bind, queue, slot), EXO_OK);
}

static void
who_armed_is_told_once(void)
{
    struct fake_request request;
    unsigned char frame[2048];
    begin();
    open_nic(1, 1);
    CHECK_EQ(CALL(notification_create, CELL, 56), EXO_OK);
    CHECK_EQ(CALL(notification_bind, 56, EXO_BOOT_VCPU), EXO_OK);
    bind(QUEUE(0, RX), 1, 57);
    bind(QUEUE(0, TX), 2, 58);
    post(0, 0, 8);
    CHECK_EQ(submit(QUEUE(0, RX), NULL, 0, 0, true), EXO_OK);
    CHECK_EQ(fake_result(2), 0);
    CHECK(arrive(mac_of(0), 60, 1));
    CHECK(arrive(mac_of(0), 60, 1));
    interrupt(RX);
    CHECK_EQ(events(), 1);
    CHECK(arrive(mac_of(0), 60, 1));
    interrupt(RX);
    CHECK_EQ(events(), 0);
    CHECK_EQ(info_of(QUEUE(0, RX)).interrupts, 1);
    CHECK_EQ(submit(QUEUE(0, RX), NULL, 0, 2, true), EXO_OK);
    CHECK_EQ(fake_result(1), 3);
    CHECK_EQ(fake_result(2), 1); /* one is there already */
    CHECK(arrive(mac_of(0), 60, 1));
    CHECK_EQ(submit(QUEUE(0, RX), NULL, 0, 3, true), EXO_OK); /* found by the call itself */
    CHECK_EQ(fake_result(1), 4);
    CHECK_EQ(fake_result(2), 1);
    CHECK_EQ(submit(QUEUE(0, TX), NULL, 0, 0, true), EXO_OK);
    (void)events();
    CHECK_EQ(send_frame(0, 0, ELSEWHERE, 60, 1), EXO_OK);
    CHECK_EQ(net->rings[TX].driver->ring[FAKE_ENTRIES], 0); /* the NIC interrupts for it */
    CHECK_EQ(depart(&request, frame), 72);
    fake_push_used(net, TX, request.head, 0);
    interrupt(TX);
    CHECK_EQ(events(), 2);
    CHECK_EQ(net->rings[TX].driver->ring[FAKE_ENTRIES], 0); /* and for no other */
    end();
}

/* Frames without end: each time that the NIC is told of buffers it fills them all. */
static void
fill_all(uint32_t queue)
{
    while (queue == RX && arrive(mac_of(0), 60, 1)) {
    }
}

/* The rest is left to the calls of those who want it. */
static void
an_interrupt_handles_a_bounded_number(void)
{
    begin();
    open_nic(1, 1);
    CHECK_EQ(CALL(notification_create, CELL, 56), EXO_OK);
    CHECK_EQ(CALL(notification_bind, 56, EXO_BOOT_VCPU), EXO_OK);
    bind(QUEUE(0, RX), 1, 57);
    fill_all(RX);
    interrupt(RX);
    CHECK_EQ(info_of(QUEUE(0, RX)).dropped, 64);
    CHECK_EQ(events(), 0);
    net->on_doorbell = fill_all;
    fill_all(RX);
    interrupt(RX);
    CHECK_EQ(info_of(QUEUE(0, RX)).dropped, 64 + 128);
    CHECK_EQ(events(), 1);
    CHECK_EQ(submit(QUEUE(0, RX), NULL, 0, 0, true), EXO_OK);
    CHECK_EQ(info_of(QUEUE(0, RX)).dropped, 64 + 256);
    CHECK_EQ(events(), 1);
    end();
}

/* Masked, it tells nobody of frames: the ports call, and find them. */
static void
a_storm_of_the_nic_is_masked_until_the_slot_is_over(void)
{
    const struct irq *line = &device->nic_irqs[RX];
    begin();
    open_nic(1, 1);
    CHECK_EQ(CALL(notification_create, CELL, 56), EXO_OK);
    CHECK_EQ(CALL(notification_bind, 56, EXO_BOOT_VCPU), EXO_OK);
    bind(QUEUE(0, RX), 1, 57);
    for (unsigned i = 0; i < EXO_IRQ_BURST; i++)
        interrupt(RX);
    CHECK(!line->masked);
    CHECK_EQ(events(), 0);
    interrupt(RX);
    CHECK(line->masked);
    CHECK_EQ(events(), 1);
    CHECK_EQ(submit(QUEUE(0, RX), NULL, 0, 0, true), EXO_OK);
    CHECK(line->masked);
    CHECK_EQ(events(), 1);
    fake_ticks += 1000;
    CHECK_EQ(submit(QUEUE(0, RX), NULL, 0, 0, true), EXO_OK);
    CHECK(!line->masked);
    CHECK_EQ(events(), 0);
    end();
}

/* --- Ends ---------------------------------------------------------------------------------------
 */

static pfn_t
pfn_of(uint32_t port)
{
    return frame_from_kernel(memory_of(port));
}

static void
receive_buffers_are_free_at_once(void)
{
    begin();
    open_nic(2, 2);
    post(0, 0, 8);
    post(1, 0, 8);
    pfn_t pfn = pfn_of(0);
    CHECK_EQ(CALL_AGAIN(queue_release, QUEUE(0, RX), 0), EXO_OK);
    CHECK_EQ(ring_of(0, RX)->used_index, 8); /* they come back, with nothing in them */
    CHECK_EQ(ring_of(0, RX)->used[7].length, 0);
    CHECK_EQ(CALL_AGAIN(queue_region, QUEUE(0, RX), FRAMES(0), 0, PAGES, WRITE), EXO_OK);
    CHECK_EQ(submit(QUEUE(0, RX), NULL, 0, 8, false), EXO_OK);
    struct exo_descriptor d = {.id = 0, .flags = W, .length = 2048};
    CHECK_EQ(submit(QUEUE(0, RX), &d, 1, 8, false), EXO_OK);
    CHECK_EQ(CALL_AGAIN(cap_drop, FRAMES(0)), EXO_OK); /* under the port */
    CHECK_EQ(CALL_AGAIN(cell_reap, CELL), EXO_OK);
    CHECK_EQ(frame_state(frame_of(pfn)), FRAME_FREE);
    CHECK(arrive(BROADCAST, 60, 1));
    interrupt(RX);
    CHECK_EQ(info_of(QUEUE(0, RX)).dropped, 1);
    CHECK_EQ(ring_of(1, RX)->used_index, 1);
    CHECK_EQ(CALL_AGAIN(cap_drop, QUEUE(1, RX)), EXO_OK); /* with seven buffers posted */
    CHECK_EQ(CALL_AGAIN(cell_reap, CELL), EXO_OK);
    CHECK(arrive(mac_of(1), 60, 1));
    interrupt(RX);
    CHECK_EQ(net->resets, 0);
    CHECK_EQ(open_queue(CELL, 1, RX, mac_of(1)), EXO_OK);
    CHECK_EQ(ring_of(1, RX)->start, 8);
    CHECK_EQ(ring_of(1, RX)->used_index, 8);
    end();
}

static void
what_is_being_sent_is_waited_for(void)
{
    begin();
    open_nic(2, 2);
    pfn_t pfn = pfn_of(0);
    for (uint16_t id = 0; id < 5; id++)
        CHECK_EQ(send_frame(0, id, ELSEWHERE, 60, 1), EXO_OK);
    CHECK_EQ(CALL(queue_release, QUEUE(0, TX), 0), EXO_E_BUSY);
    for (int i = 0; i < 50; i++)
        CHECK_EQ(CALL(cap_drop, FRAMES(0)), EXO_E_AGAIN);
    CHECK_EQ(frame_state(frame_of(pfn)), FRAME_OWNED);
    CHECK_EQ(send_frame(1, 0, ELSEWHERE, 60, 1), EXO_OK); /* others go on */
    struct fake_request request;
    for (int i = 0; i < 6; i++) {
        CHECK(fake_take(net, TX, &request));
        fake_push_used(net, TX, request.head, 0);
    }
    CHECK_EQ(CALL_AGAIN(cap_drop, FRAMES(0)), EXO_OK); /* no interrupt is needed */
    CHECK_EQ(ring_of(0, TX)->used_index, 5);
    CHECK_EQ(net->resets, 0);
    CHECK_EQ(send_frame(1, 1, ELSEWHERE, 60, 1), EXO_OK);
    for (int i = 0; i < 50; i++)
        CHECK_EQ(CALL(cap_drop, QUEUE(1, TX)), EXO_E_AGAIN);
    CHECK_EQ(net->resets, 0); /* it is not his NIC to reset */
    CHECK_EQ(drain_nic(), 1);
    CHECK_EQ(CALL_AGAIN(cap_drop, QUEUE(1, TX)), EXO_OK);
    CHECK_EQ(net->resets, 0);
    CHECK_EQ(open_queue(CELL, 1, TX, mac_of(1)), EXO_OK);
    CHECK_EQ(ring_of(1, TX)->start, 2);
    end();
}

static void
past_the_deadline_the_nic_is_reset_for_all(void)
{
    begin();
    open_nic(2, 2);
    post(1, 0, 3);
    CHECK_EQ(send_frame(0, 0, ELSEWHERE, 60, 1), EXO_OK);
    pfn_t pfn = pfn_of(0);
    net->stuck = true;
    for (int i = 0; i < 50; i++)
        CHECK_EQ(CALL(cap_drop, FRAMES(0)), EXO_E_AGAIN);
    fake_ticks += 1000001;
    for (int i = 0; i < 50; i++)
        CHECK_EQ(CALL(cap_drop, FRAMES(0)), EXO_E_AGAIN);
    CHECK_EQ(submit(QUEUE(1, RX), NULL, 0, 0, false), EXO_E_RESET);
    CHECK_EQ(frame_state(frame_of(pfn)), FRAME_OWNED); /* quarantine: the NIC is not quiet */
    interrupt(RX);
    net->stuck = false;
    net->status = 0;
    CHECK_EQ(CALL_AGAIN(cap_drop, FRAMES(0)), EXO_OK);
    CHECK_EQ(frame_state(frame_of(pfn)), FRAME_FREE);
    CHECK_EQ(ring_of(1, RX)->state, EXO_RING_RESET);
    end();
}

static void
a_port_ends_with_its_cell(void)
{
    begin();
    struct exo_limits limits = {
        .size = sizeof(limits), .version = EXO_ABI_VERSION, .limit = {100, 512, 4, 8}};
    memcpy(fake_user, &limits, sizeof(limits));
    CHECK_EQ(CALL(cell_create, CELL, CHILD, FAKE_USER), EXO_OK);
    open_nic(2, 1);
    open_port(CHILD, 1);
    post(0, 0, 4);
    post(1, 0, 8);
    pfn_t pfn = pfn_of(1);
    for (uint16_t id = 0; id < 7; id++)
        CHECK_EQ(send_frame(1, id, ELSEWHERE, 60, 1), EXO_OK);
    CHECK_EQ(CALL(cap_drop, CHILD), EXO_E_AGAIN);
    for (int i = 0; i < 200; i++)
        (void)CALL(cell_reap, CELL);
    CHECK_EQ(frame_state(frame_of(pfn)), FRAME_OWNED);
    CHECK(arrive(BROADCAST, 60, 9));
    interrupt(RX);
    CHECK_EQ(ring_of(0, RX)->used_index, 1);
    CHECK_EQ(drain_nic(), 7);
    CHECK_EQ(CALL_AGAIN(cell_reap, CELL), EXO_OK);
    CHECK_EQ(frame_state(frame_of(pfn)), FRAME_FREE);
    CHECK_EQ(net->resets, 0);
    CHECK_EQ(send_frame(0, 0, ELSEWHERE, 60, 1), EXO_OK);
    CHECK_EQ(drain_nic(), 1);
    end();
}

static void
a_nic_that_is_pulled_out_is_gone(void)
{
    begin();
    open_nic(2, 2);
    post(0, 0, 4);
    CHECK_EQ(send_frame(1, 0, ELSEWHERE, 60, 1), EXO_OK);
    net->removed = true;
    device_removed(device);
    CHECK_EQ(send_frame(1, 1, ELSEWHERE, 60, 1), EXO_E_GONE);
    CHECK_EQ(submit(QUEUE(0, RX), NULL, 0, 0, true), EXO_E_GONE);
    CHECK_EQ(ring_of(0, RX)->state, EXO_RING_GONE);
    interrupt(RX);
    CHECK_EQ(CALL_AGAIN(cap_drop, FRAMES(1)), EXO_OK);
    CHECK_EQ(CALL_AGAIN(device_open, CELL, NET, 2, 0, 1), EXO_E_GONE);
    end();
}

/* --- A NIC that lies ----------------------------------------------------------------------------
 */

struct lie {
    const char *what;
    unsigned direction;
    uint32_t id, length;
    unsigned times;
};

/* One frame of port 0 is with the NIC as id 5: descriptor 128 + 5. */
static const struct lie lies[] = {
    {"buffer beyond the ring", RX, 64, 60, 1},
    {"buffer far beyond it", RX, UINT32_MAX, 60, 1},
    {"longer than its buffer", RX, 3, 2049, 1},
    {"endless", RX, 3, UINT32_MAX, 1},
    {"the same buffer twice", RX, 3, 60, 2},
    {"more than it has", RX, 3, 60, 300},
    {"not a header", TX, 5, 0, 1},
    {"a frame never sent", TX, 128 + 4, 0, 1},
    {"of a port without an owner", TX, 128 + 2 * 32, 0, 1},
    {"beyond all ports", TX, 128 + 3 * 32, 0, 1},
    {"far beyond", TX, UINT32_MAX, 0, 1},
    {"sent twice", TX, 128 + 5, 0, 2},
};

static void
a_nic_that_lies_is_reset(void)
{
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        const struct lie *lie = &lies[i];
        begin();
        open_nic(3, 2);
        CHECK_EQ(CALL(notification_create, CELL, 56), EXO_OK);
        CHECK_EQ(CALL(notification_bind, 56, EXO_BOOT_VCPU), EXO_OK);
        bind(QUEUE(0, RX), 1, 57);
        post(0, 0, 4);
        CHECK_EQ(send_frame(0, 5, ELSEWHERE, 60, 1), EXO_OK);
        (void)events();
        for (unsigned j = 0; j < lie->times; j++)
            fake_push_used(net, lie->direction, lie->id, lie->length);
        interrupt(lie->direction);
        if (net->mastering)
            printf("# %s\n", lie->what);
        CHECK(!net->mastering);
        CHECK_EQ(events(), 1); /* so that its owner calls, and drives the reset */
        CHECK_EQ(submit(QUEUE(0, RX), NULL, 0, 0, true), EXO_E_RESET);
        CHECK_EQ(send_frame(1, 0, ELSEWHERE, 60, 1), EXO_E_RESET);
        CHECK_EQ(ring_of(1, RX)->state, EXO_RING_RESET);
        CHECK_EQ(net->resets, 1);
        interrupt(lie->direction);
        end();
    }
}

static const struct tap_test tests[] = {
    TAP(a_nic_is_shared_without_offloads),
    TAP(a_shared_nic_is_paid_for_by_who_opens_it),
    TAP(a_mac_is_one_machines_and_one_ports),
    TAP(frames_reach_the_port_of_their_mac),
    TAP(groups_are_for_all),
    TAP(frames_without_a_buffer_are_dropped_and_counted),
    TAP(ports_take_one_buffer_a_frame),
    TAP(a_forged_source_does_not_leave),
    TAP(frames_may_be_in_parts),
    TAP(what_is_no_frame_is_refused),
    TAP(frames_between_ports_stay_inside),
    TAP(a_port_that_floods_keeps_nobody_from_sending),
    TAP(who_armed_is_told_once),
    TAP(an_interrupt_handles_a_bounded_number),
    TAP(a_storm_of_the_nic_is_masked_until_the_slot_is_over),
    TAP(receive_buffers_are_free_at_once),
    TAP(what_is_being_sent_is_waited_for),
    TAP(past_the_deadline_the_nic_is_reset_for_all),
    TAP(a_port_ends_with_its_cell),
    TAP(a_nic_that_is_pulled_out_is_gone),
    TAP(a_nic_that_lies_is_reset),
};
TAP_MAIN(tests)

/* A NIC with ports. */
#include "arch/mmu.h"
#include "nic.h"
#include "tap.h"

#include <string.h>

uint64_t
mac_of(uint32_t port)
{
    return 0x5452 | (uint64_t)(port + 1) << 40;
}

unsigned char *
memory_of(uint32_t port)
{
    return frame_at(FRAMES(port), 0);
}

const struct exo_ring *
ring_of(uint32_t port, unsigned direction)
{
    return queue_at(QUEUE(port, direction))->page;
}

int64_t
open_queue(uint64_t cell, uint32_t port, unsigned direction, uint64_t mac)
{
    uint64_t slot = QUEUE(port, direction);
    return CALL(queue_open, cell, slot, NET, 2 * port + direction, slot + 1, mac, 0);
}

void
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

void
open_nic(uint32_t ports, uint32_t opened)
{
    CHECK_EQ(CALL_AGAIN(device_open, CELL, NET, 2, UINT64_MAX, ports), EXO_OK);
    for (uint32_t port = 0; port < opened; port++)
        open_port(CELL, port);
}

void
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

void
write_frame(unsigned char *at, uint64_t to, uint64_t from, unsigned bytes, unsigned char fill)
{
    memset(at, fill, bytes);
    memcpy(at, &to, 6);
    memcpy(at + 6, &from, 6);
    memcpy(at + 12, "\x88\xb5", 2); /* for experiments */
}

int64_t
send_frame(uint32_t port, uint16_t id, uint64_t to, unsigned bytes, unsigned char fill)
{
    struct exo_descriptor d = {.id = id, .offset = 8192, .length = bytes};
    write_frame(memory_of(port) + 8192, to, 0x123456789abc, bytes, fill);
    return submit(QUEUE(port, TX), &d, 1, ring_of(port, TX)->used_index, false);
}

void
interrupt(unsigned direction)
{
    irq_fired(device->first_lpi + 1 + direction);
}

bool
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

unsigned
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

unsigned
drain_nic(void)
{
    struct fake_request request;
    unsigned count = 0;
    for (; fake_take(net, TX, &request); count++)
        fake_push_used(net, TX, request.head, 0);
    interrupt(TX);
    return count;
}

void
bind_events(uint64_t queue, uint64_t bits, uint64_t slot)
{
    CHECK_EQ(CALL(cap_copy, 56, EXO_SELF, slot, WRITE | EXO_COPY, bits, 0), EXO_OK);
    CHECK_EQ(CALL(irq_bind, queue, slot), EXO_OK);
}

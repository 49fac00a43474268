/* Ports of a shared NIC: which frames reach whom, and which leave, and how. */
#include "devices/nic.h"
#include "tap.h"

#include "arch/mmu.h"

#include <string.h>

/* --- Receiving ------------------------------------------------------------------------------- */

static void
frames_reach_the_port_of_their_mac(void)
{
    begin_devices();
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
    end_devices();
}

static void
groups_are_for_all(void)
{
    begin_devices();
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
    end_devices();
}

static void
frames_without_a_buffer_are_dropped_and_counted(void)
{
    struct exo_descriptor small = {.id = 9, .flags = W, .offset = 0, .length = 99};
    begin_devices();
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
    end_devices();
}

static void
ports_take_one_buffer_a_frame(void)
{
    struct exo_descriptor chain[] = {{.id = 0, .flags = W | N, .length = 1000},
                                     {.id = 1, .flags = W, .offset = 2048, .length = 1000}};
    struct exo_descriptor readable = {.id = 0, .region = 1, .length = 100};
    begin_devices();
    open_nic(1, 1);
    CHECK_EQ(submit(QUEUE(0, RX), chain, 2, 0, false), EXO_E_ARG);
    CHECK_EQ(CALL_AGAIN(queue_region, QUEUE(0, RX), FRAMES(0), 0, PAGES, READ), EXO_OK);
    CHECK_EQ(submit(QUEUE(0, RX), &readable, 1, 0, false), EXO_E_ARG);
    chain[0].flags = W;
    CHECK_EQ(submit(QUEUE(0, RX), chain, 2, 0, false), EXO_OK);
    CHECK_EQ(info_of(QUEUE(0, RX)).in_flight, 2);
    end_devices();
}

/* --- Sending --------------------------------------------------------------------------------- */

static void
a_forged_source_does_not_leave(void)
{
    unsigned char frame[2048], expected[1514];
    struct fake_request request;
    begin_devices();
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
    end_devices();
}

static void
frames_may_be_in_parts(void)
{
    unsigned char frame[2048];
    struct fake_request request;
    struct exo_descriptor d[] = {{.id = 5, .flags = N, .offset = 8192, .length = 20},
                                 {.id = 2, .flags = N, .offset = 100, .length = 30},
                                 {.id = 7, .offset = 4000, .length = 200}};
    begin_devices();
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
    end_devices();
}

static void
what_is_no_frame_is_refused(void)
{
    struct exo_descriptor d[] = {{.id = 0, .flags = N, .length = 13}, {.id = 1, .length = 100}};
    struct exo_descriptor writable = {.id = 0, .region = 1, .flags = W, .length = 100};
    begin_devices();
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
    end_devices();
}

static void
frames_between_ports_stay_inside(void)
{
    unsigned char frame[2048], expected[300];
    struct fake_request request;
    begin_devices();
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
    end_devices();
}

static void
a_port_that_floods_keeps_nobody_from_sending(void)
{
    unsigned char frame[2048];
    struct fake_request request;
    begin_devices();
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
    end_devices();
}

static const struct tap_test tests[] = {
    TAP(frames_reach_the_port_of_their_mac),
    TAP(groups_are_for_all),
    TAP(frames_without_a_buffer_are_dropped_and_counted),
    TAP(ports_take_one_buffer_a_frame),
    TAP(a_forged_source_does_not_leave),
    TAP(frames_may_be_in_parts),
    TAP(what_is_no_frame_is_refused),
    TAP(frames_between_ports_stay_inside),
    TAP(a_port_that_floods_keeps_nobody_from_sending),
};
TAP_MAIN(tests)

/* Ports of a shared NIC: who may have one and pays, how they end, and a NIC that lies. */
#include "core/frame.h"
#include "devices/nic.h"
#include "tap.h"

#include <string.h>

/* --- Opening --------------------------------------------------------------------------------- */

static void
a_nic_is_shared_without_offloads(void)
{
    begin_devices();
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
    end_devices();
}

static void
a_shared_nic_is_paid_for_by_who_opens_it(void)
{
    begin_devices();
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
    end_devices();
}

static void
a_mac_is_one_machines_and_one_ports(void)
{
    static const uint64_t bad[] = {0, BROADCAST, 0x000001, 0x5e0001, 1ull << 48, UINT64_MAX - 1};
    begin_devices();
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
    end_devices();
}

/* --- Ends ------------------------------------------------------------------------------------ */

static pfn_t
pfn_of(uint32_t port)
{
    return frame_from_kernel(memory_of(port));
}

static void
receive_buffers_are_free_at_once(void)
{
    begin_devices();
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
    end_devices();
}

static void
what_is_being_sent_is_waited_for(void)
{
    begin_devices();
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
    end_devices();
}

static void
past_the_deadline_the_nic_is_reset_for_all(void)
{
    begin_devices();
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
    end_devices();
}

static void
a_port_ends_with_its_cell(void)
{
    begin_devices();
    make_cell(CHILD, 100);
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
    end_devices();
}

static void
a_nic_that_is_pulled_out_is_gone(void)
{
    begin_devices();
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
    end_devices();
}

/* Of the session before, with buffers that nobody gives back any more. */
static void
a_port_of_an_earlier_session_is_left_alone(void)
{
    begin_devices();
    open_nic(2, 2);
    post(0, 0, 8);
    CHECK_EQ(CALL_AGAIN(device_open, CELL, NET, 2, 0, 2), EXO_OK);
    const struct exo_ring *page = ring_of(0, RX);
    CHECK_EQ(submit(QUEUE(0, RX), NULL, 0, 0, false), EXO_E_RESET);
    CHECK_EQ(CALL_AGAIN(queue_release, QUEUE(0, RX), 0), EXO_OK);
    CHECK_EQ(page->used_index, 0);
    CHECK_EQ(CALL_AGAIN(cap_drop, QUEUE(0, RX)), EXO_OK);
    CHECK_EQ(CALL_AGAIN(cap_drop, FRAMES(0)), EXO_OK);
    end_devices();
}

/* --- A NIC that lies ------------------------------------------------------------------------- */

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
        begin_devices();
        open_nic(3, 2);
        CHECK_EQ(CALL(notification_create, CELL, 56), EXO_OK);
        CHECK_EQ(CALL(notification_bind, 56, EXO_BOOT_VCPU), EXO_OK);
        bind_events(QUEUE(0, RX), 1, 57);
        post(0, 0, 4);
        CHECK_EQ(send_frame(0, 5, ELSEWHERE, 60, 1), EXO_OK);
        (void)take_events();
        for (unsigned j = 0; j < lie->times; j++)
            fake_push_used(net, lie->direction, lie->id, lie->length);
        interrupt(lie->direction);
        if (net->mastering)
            printf("# %s\n", lie->what);
        CHECK(!net->mastering);
        CHECK_EQ(take_events(), 1); /* so that its owner calls, and drives the reset */
        CHECK_EQ(submit(QUEUE(0, RX), NULL, 0, 0, true), EXO_E_RESET);
        CHECK_EQ(send_frame(1, 0, ELSEWHERE, 60, 1), EXO_E_RESET);
        CHECK_EQ(ring_of(1, RX)->state, EXO_RING_RESET);
        CHECK_EQ(net->resets, 1);
        interrupt(lie->direction);
        end_devices();
    }
}

static const struct tap_test tests[] = {
    TAP(a_nic_is_shared_without_offloads),
    TAP(a_shared_nic_is_paid_for_by_who_opens_it),
    TAP(a_mac_is_one_machines_and_one_ports),
    TAP(receive_buffers_are_free_at_once),
    TAP(what_is_being_sent_is_waited_for),
    TAP(past_the_deadline_the_nic_is_reset_for_all),
    TAP(a_port_ends_with_its_cell),
    TAP(a_nic_that_is_pulled_out_is_gone),
    TAP(a_port_of_an_earlier_session_is_left_alone),
    TAP(a_nic_that_lies_is_reset),
};
TAP_MAIN(tests)

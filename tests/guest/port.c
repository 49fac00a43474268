// config: smp=1,4 cpu=max,cortex-a72 devices=net:hub,net:hub
/*
 * Ports of a shared NIC in environments of their own, and a NIC beside it on the same network that
 * sees what leaves and says what comes.
 */
#include "wire.h"

#define SHARED  EXO_BOOT_DEVICE
#define OTHER   (EXO_BOOT_DEVICE + 1)
#define FORGED  wire_mac(0x66)
#define OUTSIDE wire_mac(0x77)
#define ROUNDS  60u

#define PORT_MAC(port) wire_mac((uint8_t)(0x10 + (port)))

struct station {
    _Atomic uint32_t ready;
};

/* The wire of a child: what its parent granted. */
static struct wire
granted_wire(void)
{
    struct wire wire = {.skip = WIRE_SKIP};
    for (unsigned i = 0; i < WIRE_SLOTS; i++)
        wire.slot[i] = RT_SLOT_GRANT + i;
    return wire;
}

/* Answers each frame with its number, from a MAC that is not its own. */
static int
answer_all(uint64_t port)
{
    struct station *station = rt_shared();
    struct wire wire = granted_wire();
    uint32_t bytes;
    child_expects(wire_start(&wire));
    atomic_store(&station->ready, 1);
    for (;;) {
        const uint8_t *frame = wire_receive(&wire, &bytes);
        child_expects(frame != NULL && bytes == WIRE_BYTES);
        child_expects(wire_to(frame) == PORT_MAC(port) || wire_to(frame) == WIRE_BROADCAST);
        if (wire_number(frame) == UINT32_MAX)
            return 0;
        child_expects(wire_settle(&wire));
        child_expects(wire_send(&wire, wire_from(frame), FORGED, wire_number(frame)) == EXO_OK);
    }
}

static void
share(uint32_t ports)
{
    check_equal(exo_again(exo_device_open(EXO_BOOT_CELL, SHARED, 2, 0, ports).status), EXO_OK);
}

/* A child with a port of the shared NIC, ready to receive. */
static bool
start_station(uint32_t port, uint32_t cpu, struct rt_child *child)
{
    struct rt_spawn spawn = {.entry = answer_all, .argument = port, .cpu = cpu};
    struct wire wire;
    wire_open_port(&wire, SHARED, port, PORT_MAC(port));
    for (unsigned i = 0; i < WIRE_SLOTS; i++)
        spawn.grant[i] =
            (struct rt_grant){.src = wire.slot[i],
                              .dst = RT_SLOT_GRANT + i,
                              .rights = i % 2 != 0 ? EXO_READ | EXO_COPY
                                                   : EXO_READ | EXO_WRITE | EXO_CONTROL | EXO_COPY};
    if (!start_child(&spawn, child))
        return false;
    struct station *station = rt_shared_of(child);
    return check(rt_wait_word(&station->ready, 1, test_patience()));
}

/* The next frame is the answer of one of those ports to that number: which. */
static uint32_t
answer_from(struct wire *wire, uint32_t number)
{
    uint32_t bytes;
    const uint8_t *frame = wire_receive(wire, &bytes);
    if (!check(frame != NULL))
        return UINT32_MAX;
    check_equal(bytes, WIRE_BYTES);
    check_equal(wire_number(frame), number);
    check_equal(wire_to(frame), OUTSIDE);
    uint64_t from = wire_from(frame);
    check(from == PORT_MAC(0) || from == PORT_MAC(1)); /* whatever they wrote there */
    return from == PORT_MAC(1);
}

static void
each_gets_what_is_for_it(void)
{
    struct rt_child child[2];
    struct wire outside;
    share(2);
    wire_open_nic(&outside, OTHER);
    check(wire_start(&outside));
    if (!start_station(0, 0, &child[0]) || !start_station(1, other_cpu(), &child[1]))
        return;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        bool both = i % 3 == 2;
        check_equal(wire_send(&outside, both ? WIRE_BROADCAST : PORT_MAC(i % 3), OUTSIDE, i),
                    EXO_OK);
        uint32_t who = answer_from(&outside, i);
        check_equal(both ? who + answer_from(&outside, i) : who, both ? 1 : i % 3);
    }
    check_equal(wire_send(&outside, WIRE_BROADCAST, OUTSIDE, UINT32_MAX), EXO_OK);
    check(child_succeeds(&child[0]));
    check(child_succeeds(&child[1]));
    check(!wire_has_some(&outside));
    check_equal(exo_again(exo_device_close(OTHER)), EXO_OK);
    check_equal(exo_again(exo_device_close(SHARED)), EXO_OK);
}

static void
frames_between_ports_do_not_leave(void)
{
    struct wire port[2], outside;
    uint32_t bytes;
    share(2);
    wire_open_nic(&outside, OTHER);
    check(wire_start(&outside));
    for (uint32_t i = 0; i < 2; i++) {
        wire_open_port(&port[i], SHARED, i, PORT_MAC(i));
        check(wire_start(&port[i]));
    }
    check_equal(wire_send(&port[0], PORT_MAC(1), FORGED, 7), EXO_OK);
    check(wire_settle(&port[0]));
    const uint8_t *frame = wire_receive(&port[1], &bytes);
    check_equal(wire_number(frame), 7);
    check_equal(wire_from(frame), PORT_MAC(0));
    check_equal(bytes, WIRE_BYTES);
    check_equal(wire_send(&port[1], WIRE_BROADCAST, FORGED, 8), EXO_OK); /* to both sides */
    check_equal(wire_number(wire_receive(&port[0], &bytes)), 8);
    check_equal(wire_number(wire_receive(&outside, &bytes)), 8); /* and nothing before it */
    check(!wire_has_some(&port[1]));
    check_equal(exo_again(exo_device_close(OTHER)), EXO_OK);
    check_equal(exo_again(exo_device_close(SHARED)), EXO_OK);
}

/* With buffers submitted and a frame on its way; the port goes on with the next owner. */
static void
owner_can_be_killed_at_any_time(void)
{
    struct rt_child killed, stays;
    struct wire outside;
    share(2);
    wire_open_nic(&outside, OTHER);
    check(wire_start(&outside));
    if (!start_station(1, other_cpu(), &stays))
        return;
    for (uint32_t i = 0; i < 5; i++) {
        uint32_t mark = rt_slot_take();
        if (!start_station(0, 0, &killed))
            return;
        check_equal(wire_send(&outside, WIRE_BROADCAST, OUTSIDE, i), EXO_OK);
        check_equal(answer_from(&outside, i) + answer_from(&outside, i), 1);
        check_equal(wire_send(&outside, PORT_MAC(0), OUTSIDE, 0), EXO_OK);
        rt_kill(&killed);
        for (uint32_t slot = mark + 1; slot <= mark + WIRE_SLOTS; slot++)
            (void)exo_again(exo_cap_drop(slot));
        check(wire_settle(&outside));
        check_equal(wire_send(&outside, PORT_MAC(1), OUTSIDE, 100 + i), EXO_OK);
        uint32_t bytes;
        const uint8_t *frame;
        do /* it may have answered before its end */
            frame = wire_receive(&outside, &bytes);
        while (frame != NULL && wire_number(frame) != 100 + i);
        check(frame != NULL && wire_from(frame) == PORT_MAC(1));
    }
    check_equal(wire_send(&outside, PORT_MAC(1), OUTSIDE, UINT32_MAX), EXO_OK);
    check(child_succeeds(&stays));
    check_equal(exo_again(exo_device_close(OTHER)), EXO_OK);
    check_equal(exo_again(exo_device_close(SHARED)), EXO_OK);
}

static int64_t
open_through(uint32_t device, uint32_t index, uint64_t mac)
{
    uint32_t slot = rt_slot_take(), ring = rt_slot_take();
    return exo_queue_open(EXO_BOOT_CELL, slot, device, index, ring, mac, 0);
}

static int64_t
open_with(uint32_t index, uint64_t mac)
{
    return open_through(SHARED, index, mac);
}

static void
macs_are_refused(void)
{
    share(2);
    check_equal(open_with(0, 0), EXO_E_ARG);
    check_equal(open_with(0, WIRE_BROADCAST), EXO_E_ARG);
    check_equal(open_with(0, 0x5e0001), EXO_E_ARG);
    check_equal(open_with(4, PORT_MAC(0)), EXO_E_RANGE);
    check_equal(open_with(0, PORT_MAC(0)), EXO_OK);
    check_equal(open_with(3, PORT_MAC(0)), EXO_E_OCCUPIED);
    check_equal(open_with(1, PORT_MAC(1)), EXO_E_ARG);
    check_equal(exo_again(exo_device_close(SHARED)), EXO_OK);
}

/* Whoever was given port 1 cannot take another, though nobody has it, nor a copy that could. */
static void
port_of_another_cannot_be_opened(void)
{
    uint32_t second = rt_slot_take(), wider = rt_slot_take(), half = rt_slot_take();
    const uint32_t rights = EXO_READ | EXO_WRITE | EXO_COPY;
    share(3);
    check_equal(exo_cap_copy(SHARED, EXO_SELF, second, rights, 2, 2), EXO_OK);
    check_equal(exo_cap_copy(second, EXO_SELF, wider, rights, 0, EXO_PORTS_MAX), EXO_E_RANGE);
    check_equal(exo_cap_copy(second, EXO_SELF, half, rights, 3, 1), EXO_OK);
    for (uint32_t index = 0; index < 2 * EXO_PORTS_MAX + 4; index++)
        if (index != 2 && index != 3)
            check_equal(open_through(second, index, PORT_MAC(index / 2)), EXO_E_RANGE);
    check_equal(open_through(second, UINT32_MAX, PORT_MAC(1)), EXO_E_RANGE);
    check_equal(open_through(half, 2, PORT_MAC(1)), EXO_E_RANGE);
    check_equal(open_through(half, 3, PORT_MAC(1)), EXO_OK);
    check_equal(open_through(second, 2, PORT_MAC(1)), EXO_OK);
    check_equal(exo_device_close(second), EXO_E_RIGHT);
    check_equal(open_with(0, PORT_MAC(0)), EXO_OK);
    check_equal(exo_again(exo_device_close(SHARED)), EXO_OK);
}

static const struct test tests[] = {
    TEST(each_gets_what_is_for_it),         TEST(frames_between_ports_do_not_leave),
    TEST(owner_can_be_killed_at_any_time),  TEST(macs_are_refused),
    TEST(port_of_another_cannot_be_opened),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}

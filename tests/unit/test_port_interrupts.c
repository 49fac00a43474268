/* Ports of a shared NIC: who is told of frames, when, and how many one interrupt handles. */
#include "devices/nic.h"
#include "tap.h"

static void
who_armed_is_told_once(void)
{
    struct fake_request request;
    unsigned char frame[2048];
    begin_devices();
    open_nic(1, 1);
    CHECK_EQ(CALL(notification_create, CELL, 56), EXO_OK);
    CHECK_EQ(CALL(notification_bind, 56, EXO_BOOT_VCPU), EXO_OK);
    bind_events(QUEUE(0, RX), 1, 57);
    bind_events(QUEUE(0, TX), 2, 58);
    post(0, 0, 8);
    CHECK_EQ(submit(QUEUE(0, RX), NULL, 0, 0, true), EXO_OK);
    CHECK_EQ(fake_result(2), 0);
    CHECK(arrive(mac_of(0), 60, 1));
    CHECK(arrive(mac_of(0), 60, 1));
    interrupt(RX);
    CHECK_EQ(take_events(), 1);
    CHECK(arrive(mac_of(0), 60, 1));
    interrupt(RX);
    CHECK_EQ(take_events(), 0);
    CHECK_EQ(info_of(QUEUE(0, RX)).interrupts, 1);
    CHECK_EQ(submit(QUEUE(0, RX), NULL, 0, 2, true), EXO_OK);
    CHECK_EQ(fake_result(1), 3);
    CHECK_EQ(fake_result(2), 1); /* one is there already */
    CHECK(arrive(mac_of(0), 60, 1));
    CHECK_EQ(submit(QUEUE(0, RX), NULL, 0, 3, true), EXO_OK); /* found by the call itself */
    CHECK_EQ(fake_result(1), 4);
    CHECK_EQ(fake_result(2), 1);
    CHECK_EQ(net->rings[RX].driver->ring[FAKE_ENTRIES], 4); /* the NIC interrupts for the next */
    CHECK_EQ(submit(QUEUE(0, TX), NULL, 0, 0, true), EXO_OK);
    (void)take_events();
    CHECK_EQ(send_frame(0, 0, ELSEWHERE, 60, 1), EXO_OK);
    CHECK_EQ(net->rings[TX].driver->ring[FAKE_ENTRIES], 0); /* the NIC interrupts for it */
    CHECK_EQ(depart(&request, frame), 72);
    fake_push_used(net, TX, request.head, 0);
    interrupt(TX);
    CHECK_EQ(take_events(), 2);
    CHECK_EQ(net->rings[TX].driver->ring[FAKE_ENTRIES], 0); /* and for no other */
    end_devices();
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
    begin_devices();
    open_nic(1, 1);
    CHECK_EQ(CALL(notification_create, CELL, 56), EXO_OK);
    CHECK_EQ(CALL(notification_bind, 56, EXO_BOOT_VCPU), EXO_OK);
    bind_events(QUEUE(0, RX), 1, 57);
    fill_all(RX);
    interrupt(RX);
    CHECK_EQ(info_of(QUEUE(0, RX)).dropped, 64);
    CHECK_EQ(take_events(), 0);
    net->on_doorbell = fill_all;
    fill_all(RX);
    interrupt(RX);
    CHECK_EQ(info_of(QUEUE(0, RX)).dropped, 64 + 128);
    CHECK_EQ(take_events(), 1);
    CHECK_EQ(submit(QUEUE(0, RX), NULL, 0, 0, true), EXO_OK);
    CHECK_EQ(info_of(QUEUE(0, RX)).dropped, 64 + 256);
    CHECK_EQ(take_events(), 1);
    end_devices();
}

/* Masked, it tells nobody of frames: the ports call, and find them. */
static void
a_storm_of_the_nic_is_masked_until_the_slot_is_over(void)
{
    const struct irq *line = &device->nic_irqs[RX];
    begin_devices();
    open_nic(1, 1);
    CHECK_EQ(CALL(notification_create, CELL, 56), EXO_OK);
    CHECK_EQ(CALL(notification_bind, 56, EXO_BOOT_VCPU), EXO_OK);
    bind_events(QUEUE(0, RX), 1, 57);
    for (unsigned i = 0; i < EXO_IRQ_BURST; i++)
        interrupt(RX);
    CHECK(!line->masked);
    CHECK_EQ(take_events(), 0);
    interrupt(RX);
    CHECK(line->masked);
    CHECK_EQ(take_events(), 1);
    CHECK_EQ(submit(QUEUE(0, RX), NULL, 0, 0, true), EXO_OK);
    CHECK(line->masked);
    CHECK_EQ(take_events(), 1);
    fake_ticks += 1000;
    CHECK_EQ(submit(QUEUE(0, RX), NULL, 0, 0, true), EXO_OK);
    CHECK(!line->masked);
    CHECK_EQ(take_events(), 0);
    end_devices();
}

static const struct tap_test tests[] = {
    TAP(who_armed_is_told_once),
    TAP(an_interrupt_handles_a_bounded_number),
    TAP(a_storm_of_the_nic_is_masked_until_the_slot_is_over),
};
TAP_MAIN(tests)

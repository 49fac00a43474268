/* The end of queues with requests in flight: what is waited for, how long, and who is told. */
#include "core/frame.h"
#include "devices/buffers.h"
#include "tap.h"

static void
a_device_owned_alone_is_reset_at_once(void)
{
    begin_devices();
    CHECK_EQ(CALL_AGAIN(device_open, CELL, NET, 2, 0, 0), EXO_OK);
    CHECK_EQ(CALL(queue_open, CELL, QUEUE, NET, 0, RING, 0, 0), EXO_OK);
    CHECK_EQ(CALL(queue_open, CELL, 50, NET, 1, 51, 0, 0), EXO_OK);
    CHECK_EQ(add_region(QUEUE, CELL, FRAMES, 4, BOTH), 0);
    fly(QUEUE, 32, 0); /* receive buffers: they may wait for ever */
    CHECK_EQ(CALL_AGAIN(cap_drop, QUEUE), EXO_OK);
    CHECK_EQ(net->resets, 1);
    CHECK_EQ(submit_batch(50, 0, 0, false), EXO_E_RESET);
    end_devices();
}

/* Queues of one device that two cells pay for. */
static void
a_device_of_two_owners_is_waited_for(void)
{
    begin_devices();
    make_cell(30, 100);
    CHECK_EQ(CALL_AGAIN(device_open, CELL, NET, 2, 0, 0), EXO_OK);
    CHECK_EQ(CALL(queue_open, CELL, QUEUE, NET, 0, RING, 0, 0), EXO_OK);
    CHECK_EQ(CALL(queue_open, 30, 50, NET, 1, 51, 0, 0), EXO_OK);
    CHECK_EQ(add_region(QUEUE, CELL, FRAMES, 4, BOTH), 0);
    fly(QUEUE, 32, 0);
    for (int i = 0; i < 100; i++)
        CHECK_EQ(CALL(cap_drop, QUEUE), EXO_E_AGAIN);
    CHECK_EQ(submit_batch(50, 0, 0, false), EXO_OK);
    fake_ticks += 1000001;
    CHECK_EQ(CALL_AGAIN(cap_drop, QUEUE), EXO_OK);
    CHECK_EQ(net->resets, 1);
    CHECK_EQ(submit_batch(50, 0, 0, false), EXO_E_RESET);
    end_devices();
}

/* Two extents, the first with reads in flight. */
static void
open_two_extents(void)
{
    CHECK_EQ(CALL_AGAIN(device_open, CELL, BLOCK, 2, 0, 0), EXO_OK);
    CHECK_EQ(CALL(queue_open, CELL, QUEUE, BLOCK, 0, RING, 0, 10), EXO_OK);
    CHECK_EQ(CALL(queue_open, CELL, 50, BLOCK, 1, 51, 10, 10), EXO_OK);
    CHECK_EQ(add_region(QUEUE, CELL, FRAMES, 4, BOTH), 0);
    for (unsigned i = 0; i < 3; i++)
        put_buffer(i, (uint16_t)i, 0, W, i * 512, 512);
    CHECK_EQ(submit_batch(QUEUE, 3, 0, false), EXO_OK);
}

static void
a_shared_disk_is_waited_for_until_the_deadline(void)
{
    begin_devices();
    open_two_extents();
    pfn_t pfn = frame_from_kernel(frame_at(FRAMES, 0));
    block->stuck = true;
    for (int i = 0; i < 100; i++)
        CHECK_EQ(CALL(cap_drop, QUEUE), EXO_E_AGAIN);
    fake_ticks += 999000;
    CHECK_EQ(CALL(cap_drop, QUEUE), EXO_E_AGAIN);
    CHECK_EQ(submit_batch(50, 0, 0, false), EXO_OK);
    fake_ticks += 1001;
    for (int i = 0; i < 100; i++)
        CHECK_EQ(CALL(cap_drop, QUEUE), EXO_E_AGAIN);
    CHECK_EQ(submit_batch(50, 0, 0, false), EXO_E_RESET);
    CHECK_EQ(CALL(cap_drop, FRAMES), EXO_E_AGAIN);
    CHECK_EQ(frame_state(frame_of(pfn)), FRAME_OWNED);
    CHECK_EQ(fake_run(block, 0, 1), 3); /* late, and into quarantine */
    block->stuck = false;
    fake_reset(block);
    CHECK_EQ(CALL_AGAIN(cap_drop, QUEUE), EXO_OK);
    CHECK_EQ(info_of(50).state, EXO_RING_RESET);
    end_devices();
}

/* Nobody else may ever look: what ends drives the reset. */
static void
a_lie_to_a_queue_that_ends_is_no_matter_of_time(void)
{
    begin_devices();
    open_two_extents();
    fake_push_used(block, 0, 7, 0);
    CHECK_EQ(CALL_AGAIN(cap_drop, QUEUE), EXO_OK);
    CHECK_EQ(block->resets, 1);
    CHECK_EQ(info_of(50).state, EXO_RING_RESET);
    end_devices();
    begin_devices();
    open_two_extents();
    fake_push_used(block, 0, 7, 0);
    CHECK_EQ(CALL_AGAIN(cap_drop, FRAMES), EXO_OK);
    CHECK_EQ(block->resets, 1);
    CHECK_EQ(info_of(50).state, EXO_RING_RESET);
    end_devices();
}

/* What waits for its own requests only is no use that is to be waited for. */
static void
a_disk_whose_queues_all_end_is_reset_at_once(void)
{
    begin_devices();
    open_two_extents();
    CHECK_EQ(CALL_AGAIN(queue_region, 50, FRAMES, 0, 4, BOTH), EXO_OK);
    put_buffer(0, 0, 0, W, 0, 512);
    CHECK_EQ(submit_batch(50, 1, 0, false), EXO_OK);
    for (int i = 0; i < 100; i++)
        CHECK_EQ(CALL(cap_drop, QUEUE), EXO_E_AGAIN);
    CHECK_EQ(block->resets, 0);
    CHECK_EQ(CALL_AGAIN(cap_drop, 50), EXO_OK);
    CHECK_EQ(block->resets, 1);
    CHECK_EQ(CALL_AGAIN(cap_drop, QUEUE), EXO_OK);
    end_devices();
}

static void
a_session_ends_for_all_its_queues(void)
{
    begin_devices();
    make_cell(30, 100);
    CHECK_EQ(CALL_AGAIN(device_open, CELL, BLOCK, 4, 0, 0), EXO_OK);
    CHECK_EQ(CALL(queue_open, 30, QUEUE, BLOCK, 0, RING, 0, 10), EXO_OK);
    CHECK_EQ(CALL(queue_open, CELL, 50, BLOCK, 3, 51, 10, 10), EXO_OK);
    CHECK_EQ(CALL(notification_create, CELL, 54), EXO_OK);
    CHECK_EQ(CALL(cap_copy, 54, EXO_SELF, 55, WRITE | EXO_COPY, 8, 0), EXO_OK);
    CHECK_EQ(CALL(irq_bind, QUEUE, 55), EXO_OK);
    CHECK_EQ(CALL_AGAIN(device_open, CELL, BLOCK, 4, 0, 0), EXO_OK);
    CHECK_EQ(submit_batch(QUEUE, 0, 0, false), EXO_E_RESET);
    CHECK_EQ(submit_batch(50, 0, 0, false), EXO_E_RESET);
    CHECK_EQ(CALL_AGAIN(queue_region, 50, CELL, 0, 1, READ), EXO_E_TYPE);
    CHECK_EQ(CALL(frames_alloc, CELL, FRAMES, 1, EXO_ALLOC_ANY, 0), EXO_OK);
    CHECK_EQ(CALL_AGAIN(queue_region, 50, FRAMES, 0, 1, READ), EXO_E_RESET);
    /* its rings are those of a new session */
    uint32_t line = devices[FAKE_BLOCK].first_lpi + 1;
    CHECK_EQ(CALL(queue_open, 30, 52, BLOCK, 0, 53, 0, 10), EXO_OK);
    CHECK_EQ(submit_batch(52, 0, 0, false), EXO_OK);
    CHECK_EQ(CALL(irq_ack, QUEUE), EXO_OK); /* and so is their line */
    CHECK(fake_lines[line].masked);
    CHECK_EQ(CALL_AGAIN(irq_bind, QUEUE, EXO_NONE), EXO_OK);
    CHECK(irq_entry(line)->irq == &queue_at(52)->irq);
    CHECK_EQ(CALL_AGAIN(cap_drop, QUEUE), EXO_OK);
    CHECK(irq_entry(line)->irq == &queue_at(52)->irq);
    CHECK_EQ(submit_batch(52, 0, 0, false), EXO_OK);
    end_devices();
}

static const struct tap_test tests[] = {
    TAP(a_device_owned_alone_is_reset_at_once),
    TAP(a_device_of_two_owners_is_waited_for),
    TAP(a_shared_disk_is_waited_for_until_the_deadline),
    TAP(a_lie_to_a_queue_that_ends_is_no_matter_of_time),
    TAP(a_disk_whose_queues_all_end_is_reset_at_once),
    TAP(a_session_ends_for_all_its_queues),
};
TAP_MAIN(tests)

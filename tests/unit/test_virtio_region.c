/* Regions: frames that a device may use, and how they are taken away from under it. */
#include "core/frame.h"
#include "devices/buffers.h"
#include "tap.h"

#include <string.h>

static uint64_t
writable_count(uint64_t slot)
{
    struct cap cap;
    CHECK_EQ(cap_lookup(fake_init->env, slot, EXO_TYPE_FRAMES, 0, &cap), EXO_OK);
    return atomic_load(&frame_of(cap.base)->use) & FRAME_COUNT_MASK;
}

static void
region_refuses(void)
{
    struct exo_map entry = {0x2000000, 50, 0, 1, EXO_PROT_READ | EXO_PROT_EXEC};
    begin_devices();
    open_rng();
    CHECK_EQ(CALL(frames_alloc, CELL, 50, 8, EXO_ALLOC_CONTIGUOUS, 0), EXO_OK);
    CHECK_EQ(CALL(queue_region, QUEUE, 50, 0, 8, 0), EXO_E_ARG);
    CHECK_EQ(CALL(queue_region, QUEUE, 50, 0, 8, 4), EXO_E_ARG);
    CHECK_EQ(CALL(queue_region, QUEUE, 50, 0, 0, READ), EXO_E_ARG);
    CHECK_EQ(CALL(queue_region, QUEUE, 50, 0, 4097, READ), EXO_E_ARG);
    CHECK_EQ(CALL(queue_region, QUEUE, 50, 1, 8, READ), EXO_E_RANGE);
    CHECK_EQ(CALL(queue_region, QUEUE, 50, UINT64_MAX, 2, READ), EXO_E_RANGE);
    CHECK_EQ(CALL(queue_region, QUEUE, CELL, 0, 1, READ), EXO_E_TYPE);
    CHECK_EQ(CALL(queue_region, 50, 50, 0, 1, READ), EXO_E_TYPE);
    CHECK_EQ(CALL(cap_copy, 50, EXO_SELF, 51, READ, 0, 0), EXO_OK);
    CHECK_EQ(CALL(queue_region, QUEUE, 51, 0, 1, WRITE), EXO_E_RIGHT);
    memcpy(fake_user, &entry, sizeof(entry));
    CHECK_EQ(CALL(map, EXO_SELF, FAKE_USER, 1, 0), EXO_OK);
    accounts.own[EXO_RES_FRAMES]++;
    CHECK_EQ(CALL_AGAIN(queue_region, QUEUE, 50, 0, 8, WRITE), EXO_E_WX);
    CHECK_EQ(CALL_AGAIN(queue_region, QUEUE, 50, 1, 1, WRITE), EXO_OK);
    CHECK_EQ(fake_result(1), 1);
    entry.first = 1;
    entry.va += 0x1000;
    memcpy(fake_user, &entry, sizeof(entry));
    CHECK_EQ(CALL(map, EXO_SELF, FAKE_USER, 1, 0), EXO_E_WX);
    for (int i = 2; i < (int)EXO_QUEUE_REGIONS_MAX; i++)
        CHECK_EQ(CALL_AGAIN(queue_region, QUEUE, 50, 0, 8, READ), EXO_OK);
    CHECK_EQ(CALL_AGAIN(queue_region, QUEUE, 50, 0, 8, READ), EXO_E_LIMIT);
    CHECK_EQ(info_of(QUEUE).regions, EXO_QUEUE_REGIONS_MAX);
    CHECK_EQ(CALL(queue_release, QUEUE, 16), EXO_E_SLOT);
    CHECK_EQ(CALL_AGAIN(queue_release, QUEUE, 9), EXO_OK);
    CHECK_EQ(CALL(queue_release, QUEUE, 9), EXO_E_SLOT);
    CHECK_EQ(CALL_AGAIN(queue_region, QUEUE, 50, 0, 8, READ), EXO_OK);
    CHECK_EQ(fake_result(1), 9);
    end_devices();
}

static void
frames_are_zeroed_in_steps_before_a_device_sees_them(void)
{
    begin_devices();
    open_rng();
    CHECK_EQ(CALL(frames_alloc, CELL, 50, 200, EXO_ALLOC_CONTIGUOUS, 0), EXO_OK);
    unsigned steps = 1;
    while (CALL(queue_region, QUEUE, 50, 0, 200, READ) == EXO_E_AGAIN)
        steps++;
    CHECK_EQ(steps, 4);
    CHECK_EQ(fake_result(0), EXO_OK);
    for (uint64_t i = 0; i < 200 * EXO_PAGE_BYTES; i++)
        CHECK_EQ(frame_at(50, 0)[i], 0);
    end_devices();
}

static void
regions_are_released_when_nothing_is_in_flight(void)
{
    begin_devices();
    open_rng();
    CHECK_EQ(writable_count(FRAMES), 1);
    fly(QUEUE, 2, 0);
    CHECK_EQ(CALL(queue_release, QUEUE, 0), EXO_E_BUSY);
    put_buffer(0, 10, 0, W, 0, 1);
    CHECK_EQ(submit_batch(QUEUE, 1, 0, false), EXO_OK); /* it is not closed by that */
    CHECK_EQ(fake_run(rng, 0, 1), 3);
    CHECK_EQ(CALL_AGAIN(queue_release, QUEUE, 0), EXO_OK); /* whatever its owner has seen */
    CHECK_EQ(writable_count(FRAMES), 0);
    CHECK_EQ(submit_batch(QUEUE, 1, 0, false), EXO_E_OCCUPIED);
    CHECK_EQ(submit_batch(QUEUE, 1, 2, false), EXO_E_OCCUPIED);
    CHECK_EQ(submit_batch(QUEUE, 1, 3, false), EXO_E_RANGE); /* no such region now */
    CHECK_EQ(CALL_AGAIN(queue_region, QUEUE, FRAMES, 0, 4, BOTH), EXO_OK);
    CHECK_EQ(submit_batch(QUEUE, 1, 3, false), EXO_OK);
    CHECK_EQ(fake_run(rng, 0, 1), 1);
    end_devices();
}

static void
revoking_frames_waits_for_the_device(void)
{
    begin_devices();
    open_rng();
    CHECK_EQ(CALL(frames_alloc, CELL, 50, 4, EXO_ALLOC_CONTIGUOUS, 0), EXO_OK);
    CHECK_EQ(CALL(cap_copy, 50, EXO_SELF, 51, BOTH, 0, 0), EXO_OK);
    CHECK_EQ(CALL_AGAIN(queue_region, QUEUE, 51, 0, 4, BOTH), EXO_OK);
    CHECK_EQ(fake_result(1), 1);
    fly(QUEUE, 3, 1);
    for (int i = 0; i < 100; i++)
        CHECK_EQ(CALL(cap_revoke, 50), EXO_E_AGAIN);
    put_buffer(0, 10, 1, W, 0, 1);
    CHECK_EQ(submit_batch(QUEUE, 1, 0, false), EXO_E_RANGE); /* closing */
    put_buffer(0, 10, 0, W, 0, 1);
    CHECK_EQ(submit_batch(QUEUE, 1, 0, false), EXO_OK); /* the others work on */
    CHECK_EQ(writable_count(50), 1);
    CHECK_EQ(fake_run(rng, 0, 1), 4);
    CHECK_EQ(CALL_AGAIN(cap_revoke, 50), EXO_OK);
    CHECK_EQ(writable_count(50), 0);
    CHECK_EQ(CALL(cap_info, 51, FAKE_USER), EXO_E_SLOT);
    CHECK_EQ(submit_batch(QUEUE, 0, 4, false), EXO_OK);
    CHECK_EQ(rng->resets, 0);
    end_devices();
}

static void
revoking_frames_resets_the_device_at_the_deadline(void)
{
    begin_devices();
    open_rng();
    fly(QUEUE, 3, 0);
    pfn_t pfn = frame_from_kernel(frame_at(FRAMES, 0));
    rng->stuck = true;
    CHECK_EQ(CALL(cap_drop, FRAMES), EXO_E_AGAIN);
    for (int i = 0; i < 100; i++)
        CHECK_EQ(CALL(cap_drop, FRAMES), EXO_E_AGAIN);
    CHECK_EQ(submit_batch(QUEUE, 0, 0, false), EXO_OK); /* not before its time */
    fake_ticks += 1000001;
    for (int i = 0; i < 100; i++)
        CHECK_EQ(CALL(cap_drop, FRAMES), EXO_E_AGAIN); /* the device does not become quiet */
    CHECK_EQ(submit_batch(QUEUE, 0, 0, false), EXO_E_RESET);
    CHECK_EQ(frame_state(frame_of(pfn)), FRAME_OWNED);
    CHECK_EQ(fake_run(rng, 0, 1), 3); /* late, and into quarantine */
    CHECK_EQ(rng->bad_dma, 0);
    rng->stuck = false;
    fake_reset(rng);
    CHECK_EQ(CALL_AGAIN(cap_drop, FRAMES), EXO_OK);
    CHECK_EQ(frame_state(frame_of(pfn)), FRAME_FREE);
    CHECK_EQ(info_of(QUEUE).in_flight, 0);
    end_devices();
}

static void
repossession_takes_what_no_device_uses_first(void)
{
    begin_devices();
    make_cell(30, 100);
    CHECK_EQ(CALL_AGAIN(device_open, CELL, RNG, 1, 0, 0), EXO_OK);
    CHECK_EQ(CALL(frames_alloc, 30, 50, 20, EXO_ALLOC_CONTIGUOUS, 0), EXO_OK);
    CHECK_EQ(CALL(queue_open, 30, QUEUE, RNG, 0, RING, 0, 0), EXO_OK);
    CHECK_EQ(add_region(QUEUE, 30, FRAMES, 20, BOTH), 0); /* the newest run */
    fly(QUEUE, 32, 0);
    /* older, and released again: no device uses it any more */
    CHECK_EQ(CALL_AGAIN(queue_region, QUEUE, 50, 0, 20, BOTH), EXO_OK);
    CHECK_EQ(CALL_AGAIN(queue_release, QUEUE, fake_result(1)), EXO_OK);
    uint32_t used = fake_cell_info(30).own[EXO_RES_FRAMES];
    CHECK_EQ(CALL_AGAIN(cell_reclaim, 30, used - 20, 0), EXO_OK);
    CHECK_EQ(CALL(cap_info, 50, FAKE_USER), EXO_E_SLOT);
    CHECK_EQ(CALL(cap_info, FRAMES, FAKE_USER), EXO_OK);
    CHECK_EQ(info_of(QUEUE).state, EXO_RING_OPEN);
    CHECK_EQ(rng->resets, 0);
    CHECK_EQ(CALL_AGAIN(cell_reclaim, 30, 5, 0), EXO_OK); /* now the queue, which frees the rest */
    CHECK_EQ(CALL(cap_info, QUEUE, FAKE_USER), EXO_E_SLOT);
    CHECK_EQ(CALL(cap_info, FRAMES, FAKE_USER), EXO_E_SLOT);
    CHECK_EQ(rng->resets, 1);
    end_devices();
}

static const struct tap_test tests[] = {
    TAP(region_refuses),
    TAP(frames_are_zeroed_in_steps_before_a_device_sees_them),
    TAP(regions_are_released_when_nothing_is_in_flight),
    TAP(revoking_frames_waits_for_the_device),
    TAP(revoking_frames_resets_the_device_at_the_deadline),
    TAP(repossession_takes_what_no_device_uses_first),
};
TAP_MAIN(tests)

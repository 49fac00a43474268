/* Sessions of devices and the queues in them: how they are opened, and how their users end. */
#include "core/frame.h"
#include "devices/buffers.h"
#include "tap.h"

#include <string.h>

/* What the kernel's rings have no place for, and what lets a device change more than buffers. */
static void
no_device_may_have_what_the_kernel_cannot_check(void)
{
    const uint64_t never = 1ull << 28 /* indirect */ | 1ull << 33 /* IOMMU */ |
                           1ull << 34 /* packed */ | 1ull << 35 /* in order */ |
                           1ull << 38 /* notification data */ | 1ull << 40 /* ring reset */;
    for (uint32_t type = 0; type < 64; type++) {
        uint64_t features = device_features(type);
        bool known = type == DEVICE_NET || type == DEVICE_BLOCK || type == DEVICE_RNG;
        CHECK_EQ(features != 0, known);
        CHECK_EQ(features & never, 0);
    }
    CHECK_EQ(device_features(DEVICE_NET) & (1ull << 17 | 1ull << 22), 0); /* control, queues */
}

static void
device_open_accepts_the_whitelist_only(void)
{
    begin_devices();
    CHECK_EQ(CALL_AGAIN(device_open, CELL, BLOCK, 4, UINT64_MAX, 0), EXO_OK);
    uint64_t accepted = fake_result(1);
    CHECK_EQ(accepted, device_features(DEVICE_BLOCK));
    CHECK_EQ(accepted & (1ull << 28 | 1ull << 34), 0); /* indirect, packed */
    CHECK_EQ(block->status,
             STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK | STATUS_DRIVER_OK);
    CHECK(block->mastering);
    CHECK_EQ(CALL_AGAIN(device_open, CELL, BLOCK, 4, 0, 0), EXO_OK);
    CHECK_EQ(fake_result(1), 1ull << FEATURE_EVENT_INDEX | 1ull << FEATURE_VERSION_1);
    CHECK_EQ(block->resets, 1);
    CHECK_EQ(CALL_AGAIN(device_close, BLOCK), EXO_OK);
    CHECK(!block->mastering);
    CHECK_EQ(block->status, 0);
    end_devices();
}

static void
device_open_refuses(void)
{
    begin_devices();
    CHECK_EQ(CALL(device_open, CELL, RNG, 0, 0, 0), EXO_E_RANGE);
    CHECK_EQ(CALL(device_open, CELL, RNG, 2, 0, 0), EXO_E_RANGE);
    CHECK_EQ(CALL(device_open, CELL, RNG, 1, 0, 1), EXO_E_ARG);
    CHECK_EQ(CALL(device_open, RNG, RNG, 1, 0, 0), EXO_E_TYPE);
    CHECK_EQ(CALL(cap_copy, RNG, EXO_SELF, 24, READ | WRITE, 0, 0), EXO_OK);
    CHECK_EQ(CALL(device_open, CELL, 24, 1, 0, 0), EXO_E_RIGHT);
    CHECK_EQ(CALL(cap_copy, CELL, EXO_SELF, 25, READ, 0, 0), EXO_OK);
    CHECK_EQ(CALL(device_open, 25, RNG, 1, 0, 0), EXO_E_RIGHT);
    CHECK_EQ(CALL(device_close, 24), EXO_E_RIGHT);
    rng->refuses = true;
    CHECK_EQ(CALL(device_open, CELL, RNG, 1, 0, 0), EXO_E_STATE);
    CHECK(!rng->mastering);
    CHECK_EQ(CALL(queue_open, CELL, QUEUE, RNG, 0, RING, 0, 0), EXO_E_STATE);
    rng->refuses = false;
    devices[FAKE_RNG].offered = 1ull << FEATURE_VERSION_1;
    CHECK_EQ(CALL(device_open, CELL, RNG, 1, 0, 0), EXO_E_STATE);
    devices[FAKE_RNG].offered = device_features(DEVICE_RNG);
    make_cell(30, 3); /* a session, and two of three frames of its ring */
    CHECK_EQ(CALL_AGAIN(device_open, 30, RNG, 1, 0, 0), EXO_E_LIMIT);
    CHECK_EQ(fake_cell_info(30).own[EXO_RES_FRAMES], 0);
    CHECK_EQ(CALL_AGAIN(device_open, CELL, RNG, 1, 0, 0), EXO_OK);
    end_devices();
}

/* Whoever used it before boot. */
static void
a_device_that_is_not_quiet_is_not_opened(void)
{
    begin_devices();
    rng->status = STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_DRIVER_OK;
    rng->stuck = true;
    for (int i = 0; i < 100; i++)
        CHECK_EQ(CALL(device_open, CELL, RNG, 1, 0, 0), EXO_E_AGAIN);
    rng->stuck = false;
    CHECK_EQ(CALL_AGAIN(device_open, CELL, RNG, 1, 0, 0), EXO_OK);
    CHECK_EQ(rng->resets, 1);
    end_devices();
}

static void
queue_open_refuses(void)
{
    begin_devices();
    CHECK_EQ(CALL(queue_open, CELL, QUEUE, RNG, 0, RING, 0, 0), EXO_E_STATE);
    open_rng();
    CHECK_EQ(CALL(queue_open, CELL, 50, RNG, 0, 51, 0, 0), EXO_E_OCCUPIED); /* it has an owner */
    CHECK_EQ(CALL(queue_open, CELL, 50, RNG, 1, 51, 0, 0), EXO_E_RANGE);
    CHECK_EQ(CALL(queue_open, CELL, 50, RNG, 1ull << 32, 51, 0, 0), EXO_E_RANGE);
    CHECK_EQ(CALL_AGAIN(cap_drop, QUEUE), EXO_OK);
    CHECK_EQ(CALL(queue_open, CELL, 50, RNG, 0, 51, 1, 0), EXO_E_ARG);
    CHECK_EQ(CALL(queue_open, CELL, 50, RNG, 0, 50, 0, 0), EXO_E_OCCUPIED);
    CHECK_EQ(CALL(queue_open, CELL, 50, RNG, 0, FRAMES, 0, 0), EXO_E_OCCUPIED);
    CHECK_EQ(CALL(queue_open, CELL, FRAMES, RNG, 0, 50, 0, 0), EXO_E_OCCUPIED);
    CHECK_EQ(CALL(cap_copy, RNG, EXO_SELF, 24, READ | EXO_CONTROL, 0, 0), EXO_OK);
    CHECK_EQ(CALL(queue_open, CELL, 50, 24, 0, 51, 0, 0), EXO_E_RIGHT);
    make_cell(30, 0);
    CHECK_EQ(CALL(queue_open, 30, 50, RNG, 0, 51, 0, 0), EXO_E_LIMIT);
    CHECK_EQ(CALL(queue_open, CELL, 50, RNG, 0, 51, 0, 0), EXO_OK);
    end_devices();
}

static void
ring_page_is_shown_and_never_writable(void)
{
    uint64_t pte;
    struct exo_map entry = {0x2000000, RING, 0, 1, EXO_PROT_READ};
    begin_devices();
    open_rng();
    memcpy(fake_user, &entry, sizeof(entry));
    CHECK_EQ(CALL(map, EXO_SELF, FAKE_USER, 1, 0), EXO_OK);
    accounts.own[EXO_RES_FRAMES]++; /* the page table stays */
    CHECK(fake_access(0, 0x2000000, &pte));
    entry.prot |= EXO_PROT_WRITE;
    entry.va += 0x1000;
    memcpy(fake_user, &entry, sizeof(entry));
    CHECK_EQ(CALL(map, EXO_SELF, FAKE_USER, 1, 0), EXO_E_RIGHT);
    CHECK_EQ(CALL(queue_region, QUEUE, RING, 0, 1, WRITE), EXO_E_RIGHT);
    CHECK_EQ(CALL(cap_copy, RING, EXO_SELF, 50, WRITE, 0, 0), EXO_E_RIGHT);
    CHECK_EQ(CALL(cap_copy, RING, EXO_SELF, 50, READ, 0, 0), EXO_OK);
    const struct exo_ring *page = queue_at(QUEUE)->page;
    CHECK_EQ(page->size, sizeof(*page));
    CHECK_EQ(page->version, EXO_ABI_VERSION);
    CHECK_EQ(page->entries, FAKE_ENTRIES);
    CHECK_EQ(page->ids, FAKE_ENTRIES);
    CHECK_EQ(page->state, EXO_RING_OPEN);
    CHECK_EQ(CALL_AGAIN(device_close, RNG), EXO_OK);
    CHECK_EQ(page->state, EXO_RING_RESET); /* and may still be read */
    CHECK(fake_access(0, 0x2000000, &pte));
    CHECK_EQ(submit_batch(QUEUE, 0, 0, false), EXO_E_RESET);
    CHECK_EQ(info_of(QUEUE).state, EXO_RING_RESET);
    CHECK_EQ(CALL_AGAIN(cap_drop, QUEUE), EXO_OK);
    CHECK(!fake_access(0, 0x2000000, &pte));
    CHECK_EQ(CALL(cap_info, RING, FAKE_USER), EXO_E_SLOT);
    CHECK_EQ(CALL(cap_info, 50, FAKE_USER), EXO_E_SLOT);
    end_devices();
}

static void
the_next_owner_goes_on_where_the_ring_is(void)
{
    begin_devices();
    open_rng();
    for (int round = 0; round < 3; round++) {
        uint16_t start = queue_at(QUEUE)->page->start;
        CHECK_EQ(start, round * 5);
        fly(QUEUE, 5, 0);
        CHECK_EQ(rng->rings[0].doorbells, round + 1);
        CHECK_EQ(fake_run(rng, 0, 1), 5);
        CHECK_EQ(CALL_AGAIN(cap_drop, QUEUE), EXO_OK);
        CHECK_EQ(CALL(queue_open, CELL, QUEUE, RNG, 0, RING, 0, 0), EXO_OK);
        CHECK_EQ(queue_at(QUEUE)->page->used[0].length, 0); /* nothing of the earlier one's */
        CHECK_EQ(CALL_AGAIN(queue_region, QUEUE, FRAMES, 0, 4, BOTH), EXO_OK);
    }
    end_devices();
}

/* --- The end of those who use queues --------------------------------------------------------- */

/* Frames of one cell, the queue of another, the session of a third; each is killed in turn. */
static void
killing_a_cell_with_requests_in_flight(void)
{
    static const uint64_t victims[] = {30, 31, 32};
    for (size_t i = 0; i < 3; i++) {
        begin_devices();
        make_cell(30, 100);
        make_cell(31, 100);
        make_cell(32, 100);
        CHECK_EQ(CALL_AGAIN(device_open, 30, RNG, 1, 0, 0), EXO_OK);
        CHECK_EQ(CALL(queue_open, 31, QUEUE, RNG, 0, RING, 0, 0), EXO_OK);
        CHECK_EQ(add_region(QUEUE, 32, FRAMES, 4, BOTH), 0);
        fly(QUEUE, 32, 0);
        pfn_t pfn = frame_from_kernel(frame_at(FRAMES, 0));
        rng->stuck = true;
        for (int j = 0; j < 1000; j++)
            CHECK_EQ(CALL(cap_drop, victims[i]), EXO_E_AGAIN);
        CHECK_EQ(frame_state(frame_of(pfn)), FRAME_OWNED); /* pinned */
        fake_ticks += 1000001;
        for (int j = 0; j < 1000; j++)
            CHECK_EQ(CALL(cap_drop, victims[i]), EXO_E_AGAIN);
        CHECK_EQ(frame_state(frame_of(pfn)), FRAME_OWNED);
        CHECK_EQ(fake_run(rng, 0, 1), 32);
        CHECK_EQ(rng->bad_dma, 0);
        rng->stuck = false;
        fake_reset(rng);
        CHECK_EQ(CALL_AGAIN(cap_drop, victims[i]), EXO_OK);
        end_devices();
    }
}

static void
killing_an_environment_with_requests_in_flight(void)
{
    begin_devices();
    make_cell(30, 200);
    CHECK_EQ(CALL(env_create, 30, 31), EXO_OK);
    CHECK_EQ(CALL_AGAIN(device_open, CELL, BLOCK, 2, 0, 0), EXO_OK);
    CHECK_EQ(CALL(queue_open, 30, QUEUE, BLOCK, 0, RING, 0, 10), EXO_OK);
    CHECK_EQ(CALL(queue_open, CELL, 50, BLOCK, 1, 51, 10, 10), EXO_OK);
    CHECK_EQ(add_region(QUEUE, 30, FRAMES, 4, BOTH), 0);
    for (unsigned i = 0; i < 32; i++) {
        put_buffer(i, (uint16_t)i, 0, W, i * 512, 512);
        batch[i].sector = i % 10;
    }
    CHECK_EQ(submit_batch(QUEUE, 32, 0, false), EXO_OK);
    CHECK_EQ(CALL(cap_move, QUEUE, 31, 5), EXO_OK);
    CHECK_EQ(CALL(cap_move, FRAMES, 31, 6), EXO_OK);
    CHECK_EQ(CALL(cap_move, RING, 31, 7), EXO_OK);
    CHECK_EQ(CALL_AGAIN(cap_drop, 31), EXO_OK);
    for (int i = 0; i < 100; i++)
        CHECK_EQ(CALL(cell_reap, 30), EXO_E_AGAIN);
    CHECK_EQ(info_of(50).state, EXO_RING_OPEN); /* a shared device is waited for */
    CHECK_EQ(fake_run(block, 0, 1), 32);
    CHECK_EQ(CALL_AGAIN(cell_reap, 30), EXO_OK);
    CHECK_EQ(info_of(50).state, EXO_RING_OPEN);
    CHECK_EQ(block->resets, 0);
    CHECK_EQ(fake_cell_info(30).own[EXO_RES_FRAMES], 0);
    end_devices();
}

/* The payer of the rings goes, and with it what others see of them. */
static void
killing_the_payer_of_a_session_takes_the_ring_page(void)
{
    begin_devices();
    make_cell(30, 100);
    CHECK_EQ(CALL_AGAIN(device_open, 30, RNG, 1, 0, 0), EXO_OK);
    CHECK_EQ(CALL(queue_open, CELL, QUEUE, RNG, 0, RING, 0, 0), EXO_OK);
    CHECK_EQ(add_region(QUEUE, CELL, FRAMES, 1, BOTH), 0);
    CHECK_EQ(CALL_AGAIN(cap_drop, 30), EXO_OK);
    CHECK_EQ(CALL(cap_info, RING, FAKE_USER), EXO_E_SLOT);
    CHECK_EQ(submit_batch(QUEUE, 0, 0, false), EXO_E_RESET);
    CHECK_EQ(info_of(QUEUE).state, EXO_RING_RESET);
    CHECK_EQ(CALL_AGAIN(cap_drop, FRAMES), EXO_OK);
    CHECK_EQ(CALL_AGAIN(device_open, CELL, RNG, 1, 0, 0), EXO_OK);
    end_devices();
}

/* A copy of the ring page is dropped while the session ends, and another CPU has just found it. */
static void
a_ring_page_outlives_whoever_may_have_found_it(void)
{
    struct cap ring;
    begin_devices();
    make_cell(30, 100);
    CHECK_EQ(CALL_AGAIN(device_open, 30, RNG, 1, 0, 0), EXO_OK);
    CHECK_EQ(CALL(queue_open, CELL, QUEUE, RNG, 0, RING, 0, 0), EXO_OK);
    CHECK_EQ(cap_lookup(fake_init->env, RING, EXO_TYPE_FRAMES, 0, &ring), EXO_OK);
    rng->stuck = true;
    for (int i = 0; i < 1000; i++) /* every grace period is over, but the device is not quiet */
        CHECK_EQ(CALL(cap_drop, 30), EXO_E_AGAIN);
    cpus[1].epoch = global_epoch; /* it is inside, and does not leave */
    CHECK_EQ(CALL(cap_drop, RING), EXO_OK);
    rng->stuck = false;
    fake_reset(rng);
    for (int i = 0; i < 100; i++)
        CHECK_EQ(CALL(cap_drop, 30), EXO_E_AGAIN);
    CHECK_EQ(frame_state(frame_of(ring.base)), FRAME_KERNEL);
    cpus[1].epoch = EPOCH_OUTSIDE;
    CHECK_EQ(CALL_AGAIN(cap_drop, 30), EXO_OK);
    CHECK_EQ(frame_state(frame_of(ring.base)), FRAME_FREE);
    end_devices();
}

static const struct tap_test tests[] = {
    TAP(no_device_may_have_what_the_kernel_cannot_check),
    TAP(device_open_accepts_the_whitelist_only),
    TAP(device_open_refuses),
    TAP(a_device_that_is_not_quiet_is_not_opened),
    TAP(queue_open_refuses),
    TAP(ring_page_is_shown_and_never_writable),
    TAP(the_next_owner_goes_on_where_the_ring_is),
    TAP(killing_a_cell_with_requests_in_flight),
    TAP(killing_an_environment_with_requests_in_flight),
    TAP(killing_the_payer_of_a_session_takes_the_ring_page),
    TAP(a_ring_page_outlives_whoever_may_have_found_it),
};
TAP_MAIN(tests)

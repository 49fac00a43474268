/* A program and a device that do anything at any time: the accounts at the end are the judges. */
#include "devices/buffers.h"
#include "tap.h"

static unsigned taken; /* requests by the device */

static void
the_device_does_something(uint64_t *random)
{
    struct fake_request request;
    uint32_t queue = tap_random(random, 4);
    switch (tap_random(random, 1000)) {
    case 0: fake_push_used(block, queue, tap_random(random, 300), tap_random(random, 5000)); break;
    case 1:
    case 2:
    case 3: block->stuck = !block->stuck; break;
    case 4: block->refuses = tap_random(random, 4) == 0; break;
    default:
        if (fake_take(block, queue, &request)) {
            fake_complete(block, queue, &request, 1);
            taken++;
        }
    }
    if (!block->stuck && !block->mastering)
        fake_reset(block); /* it heard of it after all */
}

/* Queues are in slots 33 to 36, their ring pages in 37 to 40, frames in 41 to 46, mostly. */
static void
the_program_does_something(uint64_t *random)
{
    uint64_t queue = 33 + tap_random(random, 4), frames = 41 + tap_random(random, 6);
    uint64_t any = 33 + tap_random(random, 14), cell = tap_random(random, 2) ? 30 : CELL;
    switch (tap_random(random, 18)) {
    case 0:
        if (block->rings[0].entries == 0 || tap_random(random, 40) == 0)
            (void)CALL(device_open, cell, BLOCK, 1 + tap_random(random, 4), 0, 0);
        break;
    case 1:
    case 2: (void)CALL(queue_open, cell, queue, BLOCK, queue - 33, queue + 4, 0, 0); break;
    case 3: (void)CALL(frames_alloc, cell, frames, 1 + tap_random(random, 4), 1, 0); break;
    case 4:
    case 5:
    case 6: (void)CALL(queue_region, queue, frames, 0, 1, 1 + tap_random(random, 3)); break;
    case 7: (void)CALL(queue_release, queue, tap_random(random, 3)); break;
    case 8: (void)CALL(cap_drop, tap_random(random, 8) ? frames : any); break;
    case 9: (void)CALL(cap_revoke, frames); break;
    case 10: (void)CALL(cap_copy, any, EXO_SELF, 33 + tap_random(random, 14), 31, 0, 0); break;
    case 11: (void)CALL(cell_reap, cell); break;
    case 12: fake_ticks += tap_random(random, 50) == 0 ? 1000001 : 100; break;
    default:
        for (unsigned i = 0; i < 3; i++) {
            put_buffer(i, (uint16_t)tap_random(random, 60), (uint16_t)tap_random(random, 3),
                       tap_random(random, 4) ? W : 0, 0, 512);
            batch[i].operation = batch[i].flags ? EXO_BLOCK_READ : EXO_BLOCK_WRITE;
        }
        if (submit_batch(queue, 1 + tap_random(random, 3), block->rings[queue - 33].used, false) ==
            EXO_E_RESET)
            (void)CALL(cap_drop, queue);
    }
}

static void
whatever_both_do_nothing_is_left(void)
{
    uint64_t random = 20250101;
    begin_devices();
    for (int round = 0; round < 20; round++) {
        make_cell(30, 200);
        for (int i = 0; i < 10000; i++) {
            the_program_does_something(&random);
            the_device_does_something(&random);
        }
        CHECK_EQ(block->bad_dma, 0);
        block->stuck = false;
        if (!block->mastering)
            fake_reset(block);
        CHECK_EQ(CALL_AGAIN(cap_drop, 30), EXO_OK);
    }
    CHECK(taken > 1000); /* or what was tried did not come far */
    end_devices();
}

static const struct tap_test tests[] = {
    TAP(whatever_both_do_nothing_is_left),
};
TAP_MAIN(tests)

/* A queue and batches for it. */
#include "buffers.h"
#include "tap.h"

struct exo_descriptor batch[EXO_SUBMIT_MAX + 1];

void
put_buffer(unsigned i, uint16_t id, uint16_t region, uint16_t flags, uint32_t offset,
           uint32_t length)
{
    batch[i] = (struct exo_descriptor){
        .id = id, .region = region, .flags = flags, .offset = offset, .length = length};
}

int64_t
submit_batch(uint64_t queue, unsigned count, uint64_t consumed, bool arm)
{
    return submit(queue, batch, count, consumed, arm);
}

uint64_t
add_region(uint64_t queue, uint64_t cell, uint64_t slot, uint64_t pages, uint64_t access)
{
    CHECK_EQ(CALL(frames_alloc, cell, slot, pages, EXO_ALLOC_CONTIGUOUS, 0), EXO_OK);
    CHECK_EQ(CALL_AGAIN(queue_region, queue, slot, 0, pages, access), EXO_OK);
    return fake_result(1);
}

void
open_rng(void)
{
    CHECK_EQ(CALL_AGAIN(device_open, CELL, RNG, 1, 0, 0), EXO_OK);
    CHECK_EQ(CALL(queue_open, CELL, QUEUE, RNG, 0, RING, 0, 0), EXO_OK);
    CHECK_EQ(add_region(QUEUE, CELL, FRAMES, 4, BOTH), 0);
}

void
fly(uint64_t queue, unsigned count, uint16_t region)
{
    for (unsigned i = 0; i < count; i++)
        put_buffer(i, (uint16_t)i, region, W, i * 64, 64);
    CHECK_EQ(submit_batch(queue, count, queue_at(queue)->page->start, false), EXO_OK);
}

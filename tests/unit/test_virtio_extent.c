/* Extents: queues of a disk that reach some sectors of it. */
#include "devices/buffers.h"
#include "tap.h"

/* Its size would lie behind what there is of its configuration. */
static void
a_disk_without_a_size_is_not_opened(void)
{
    begin_devices();
    CHECK_EQ(CALL_AGAIN(device_open, CELL, BLOCK, 4, 0, 0), EXO_OK);
    devices[FAKE_BLOCK].config_bytes = sizeof(uint64_t) - 1;
    CHECK_EQ(CALL(queue_open, CELL, QUEUE, BLOCK, 0, RING, 0, 10), EXO_E_STATE);
}

#define EXTENT QUEUE

/* Sectors 100 to 149, with a region of four pages. */
static void
open_extent(void)
{
    CHECK_EQ(CALL_AGAIN(device_open, CELL, BLOCK, 2, UINT64_MAX, 0), EXO_OK);
    CHECK_EQ(CALL(queue_open, CELL, EXTENT, BLOCK, 1, RING, 100, 50), EXO_OK);
    CHECK_EQ(add_region(EXTENT, CELL, FRAMES, 4, BOTH), 0);
}

static void
put_request(unsigned i, uint16_t operation, uint64_t sector, uint32_t length)
{
    bool data = operation <= EXO_BLOCK_WRITE;
    put_buffer(i, (uint16_t)i, 0, operation == EXO_BLOCK_READ ? W : 0, 0, length);
    batch[i].operation = operation;
    batch[i].sector = sector;
    if (!data)
        batch[i].region = 77; /* not looked at */
}

static void
requests_have_the_kernels_header_and_status(void)
{
    struct fake_request request;
    begin_devices();
    open_extent();
    put_request(0, EXO_BLOCK_READ, 3, 1024);
    put_request(1, EXO_BLOCK_WRITE, 49, 512);
    put_request(2, EXO_BLOCK_FLUSH, 0, 0);
    put_request(3, EXO_BLOCK_DISCARD, 48, 1024);
    CHECK_EQ(submit_batch(EXTENT, 4, 0, false), EXO_OK);
    const struct exo_ring *page = queue_at(EXTENT)->page;
    CHECK_EQ(page->ids, 64);
    CHECK_EQ(page->status[0], 0xff);
    CHECK(fake_take(block, 1, &request));
    CHECK_EQ(request.head, 64);
    CHECK_EQ(request.parts, 3);
    CHECK_EQ(request.header.operation, EXO_BLOCK_READ);
    CHECK_EQ(request.header.sector, 103);
    CHECK_EQ(request.readable, 16);
    CHECK_EQ(request.writable, 1025);
    fake_complete(block, 1, &request, 0x77);
    CHECK_EQ(page->status[0], 0);
    CHECK_EQ(frame_at(FRAMES, 0)[1023], 0x77);
    CHECK_EQ(frame_at(FRAMES, 0)[1024], 0);
    CHECK_EQ(page->used[0].id, 64);
    CHECK(fake_take(block, 1, &request));
    CHECK_EQ(request.header.operation, EXO_BLOCK_WRITE);
    CHECK_EQ(request.header.sector, 149);
    CHECK_EQ(request.readable, 16 + 512);
    CHECK_EQ(request.writable, 1);
    fake_complete(block, 1, &request, 0);
    CHECK(fake_take(block, 1, &request));
    CHECK_EQ(request.header.operation, EXO_BLOCK_FLUSH);
    CHECK_EQ(request.parts, 2);
    CHECK_EQ(request.header.sector, 0);
    fake_complete(block, 1, &request, 0);
    CHECK(fake_take(block, 1, &request));
    CHECK_EQ(request.header.operation, EXO_BLOCK_DISCARD);
    CHECK_EQ(request.parts, 3);
    CHECK_EQ(request.part[1].length, 16);
    CHECK_EQ(queue_at(EXTENT)->driver->segments[3].sector, 148);
    CHECK_EQ(queue_at(EXTENT)->driver->segments[3].count, 2);
    fake_complete(block, 1, &request, 0);
    CHECK_EQ(submit_batch(EXTENT, 4, 4, false), EXO_OK);
    CHECK_EQ(fake_run(block, 1, 0), 4);
    CHECK_EQ(submit_batch(EXTENT, 0, 8, false), EXO_OK);
    CHECK_EQ(page->status[3], 0);
    CHECK_EQ(CALL_AGAIN(cap_drop, EXTENT), EXO_OK);
    CHECK_EQ(CALL(queue_open, CELL, EXTENT, BLOCK, 1, RING, 100, 50), EXO_OK);
    CHECK_EQ(queue_at(EXTENT)->page->status[3], 0xff); /* nothing of the earlier owner's */
    end_devices();
}

struct request_refusal {
    const char *what;
    uint16_t operation;
    uint64_t sector;
    uint32_t length;
    int64_t err;
};
static const struct request_refusal request_refusals[] = {
    {"the sector before", EXO_BLOCK_READ, UINT64_MAX, 512, EXO_E_RANGE},
    {"one sector beyond", EXO_BLOCK_READ, 49, 1024, EXO_E_RANGE},
    {"the sector behind", EXO_BLOCK_WRITE, 50, 512, EXO_E_RANGE},
    {"a sector that wraps", EXO_BLOCK_WRITE, UINT64_MAX / 512, 512, EXO_E_RANGE},
    {"half a sector", EXO_BLOCK_READ, 0, 256, EXO_E_ARG},
    {"discard beyond", EXO_BLOCK_DISCARD, 49, 1024, EXO_E_RANGE},
    {"discard of nothing", EXO_BLOCK_DISCARD, 0, 0, EXO_E_ARG},
    {"discard of half a sector", EXO_BLOCK_DISCARD, 0, 100, EXO_E_ARG},
    {"flush with a length", EXO_BLOCK_FLUSH, 0, 512, EXO_E_ARG},
    {"get id", 8, 0, 512, EXO_E_ARG},
    {"write zeroes", 13, 0, 512, EXO_E_ARG},
    {"secure erase", 14, 0, 512, EXO_E_ARG},
};

static void
an_extent_ends_at_its_sectors(void)
{
    struct fake_request request;
    begin_devices();
    open_extent();
    for (size_t i = 0; i < 2 * sizeof(request_refusals) / sizeof(request_refusals[0]); i++) {
        const struct request_refusal *r = &request_refusals[i / 2];
        put_request(0, EXO_BLOCK_READ, 0, 512);
        put_request(1, r->operation, r->sector, r->length);
        if (i % 2 != 0)
            batch[1].region = 0; /* there is one, whether or not it is looked at */
        if (submit_batch(EXTENT, 2, 0, false) != r->err)
            printf("# %s\n", r->what);
        CHECK_EQ(fake_result(0), r->err);
        CHECK_EQ(info_of(EXTENT).in_flight, 0);
    }
    put_request(0, EXO_BLOCK_READ, 0, 512);
    batch[0].flags = 0; /* data in the wrong direction */
    CHECK_EQ(submit_batch(EXTENT, 1, 0, false), EXO_E_ARG);
    put_request(0, EXO_BLOCK_WRITE, 0, 512);
    batch[0].flags = W;
    CHECK_EQ(submit_batch(EXTENT, 1, 0, false), EXO_E_ARG);
    put_request(0, EXO_BLOCK_FLUSH, 0, 0);
    batch[0].flags = N;
    CHECK_EQ(submit_batch(EXTENT, 1, 0, false), EXO_E_ARG);
    put_request(0, EXO_BLOCK_FLUSH, 0, 0);
    batch[0].id = 64;
    CHECK_EQ(submit_batch(EXTENT, 1, 0, false), EXO_E_RANGE);
    put_request(0, EXO_BLOCK_READ, 0, 512);
    batch[0].id = 64;
    CHECK_EQ(submit_batch(EXTENT, 1, 0, false), EXO_E_RANGE);
    put_request(0, EXO_BLOCK_READ, 0, 512);
    put_request(1, EXO_BLOCK_FLUSH, 0, 0);
    batch[1].id = 0;
    CHECK_EQ(submit_batch(EXTENT, 2, 0, false), EXO_E_OCCUPIED);
    /* two buffers, one request */
    put_buffer(0, 5, 0, N | W, 0, 100);
    put_buffer(1, 6, 0, W, 4096, 412);
    CHECK_EQ(submit_batch(EXTENT, 2, 0, false), EXO_OK);
    CHECK(fake_take(block, 1, &request));
    CHECK_EQ(request.header.sector, 100);
    fake_complete(block, 1, &request, 1);
    CHECK_EQ(CALL(queue_open, CELL, 50, BLOCK, 0, 51, 990, 11), EXO_E_RANGE);
    CHECK_EQ(CALL(queue_open, CELL, 50, BLOCK, 0, 51, FAKE_SECTORS, 1), EXO_E_RANGE);
    CHECK_EQ(CALL(queue_open, CELL, 50, BLOCK, 0, 51, 5, 0), EXO_E_RANGE);
    CHECK_EQ(CALL(queue_open, CELL, 50, BLOCK, 0, 51, 0, 0), EXO_OK);
    CHECK_EQ(info_of(50).count, FAKE_SECTORS);
    end_devices();
}

static void
extents_are_narrowed_by_copies(void)
{
    struct fake_request request;
    begin_devices();
    open_extent();
    CHECK_EQ(CALL(cap_copy, EXTENT, EXO_SELF, 50, READ | EXO_COPY, 110, 5), EXO_OK);
    CHECK_EQ(CALL(cap_copy, EXTENT, EXO_SELF, 51, READ, 99, 5), EXO_E_RANGE);
    CHECK_EQ(CALL(cap_copy, EXTENT, EXO_SELF, 51, READ, 149, 2), EXO_E_RANGE);
    CHECK_EQ(CALL(cap_copy, 50, EXO_SELF, 51, READ, 109, 1), EXO_E_RANGE);
    CHECK_EQ(CALL(cap_copy, 50, EXO_SELF, 51, WRITE, 110, 1), EXO_E_RIGHT);
    CHECK_EQ(info_of(50).first, 110);
    CHECK_EQ(info_of(50).count, 5);
    put_request(0, EXO_BLOCK_READ, 4, 512);
    CHECK_EQ(submit_batch(50, 1, 0, false), EXO_OK);
    CHECK(fake_take(block, 1, &request));
    CHECK_EQ(request.header.sector, 114);
    fake_complete(block, 1, &request, 1);
    CHECK_EQ(submit_batch(50, 1, 1, false), EXO_OK);
    CHECK_EQ(fake_run(block, 1, 1), 1);
    put_request(0, EXO_BLOCK_READ, 5, 512);
    CHECK_EQ(submit_batch(50, 1, 2, false), EXO_E_RANGE);
    put_request(0, EXO_BLOCK_WRITE, 0, 512);
    CHECK_EQ(submit_batch(50, 1, 2, false), EXO_E_RIGHT);
    put_request(0, EXO_BLOCK_FLUSH, 0, 0);
    CHECK_EQ(submit_batch(50, 1, 2, false), EXO_E_RIGHT);
    put_request(0, EXO_BLOCK_DISCARD, 0, 512);
    CHECK_EQ(submit_batch(50, 1, 2, false), EXO_E_RIGHT);
    CHECK_EQ(CALL(cap_copy, EXTENT, EXO_SELF, 51, EXO_EXEC, 110, 5), EXO_OK); /* a flush only */
    CHECK_EQ(submit_batch(51, 1, 2, false), EXO_E_RIGHT);
    CHECK_EQ(CALL_AGAIN(cap_revoke, EXTENT), EXO_OK);
    CHECK_EQ(submit_batch(50, 0, 2, false), EXO_E_SLOT);
    CHECK_EQ(submit_batch(EXTENT, 0, 2, false), EXO_OK);
    end_devices();
}

/* Who takes it back sees in the queue, which both have, until when that flies. */
static void
an_extent_that_is_taken_back_leaves_what_flies(void)
{
    struct fake_request request;
    begin_devices();
    open_extent();
    CHECK_EQ(CALL(cap_copy, EXTENT, EXO_SELF, 50, BOTH | EXO_COPY, 110, 5), EXO_OK);
    put_request(0, EXO_BLOCK_READ, 4, 512);
    CHECK_EQ(submit_batch(50, 1, 0, false), EXO_OK);
    CHECK_EQ(CALL_AGAIN(cap_revoke, EXTENT), EXO_OK);
    CHECK_EQ(submit_batch(50, 1, 0, false), EXO_E_SLOT);
    CHECK_EQ(info_of(EXTENT).in_flight, 1);
    CHECK_EQ(submit_batch(EXTENT, 1, 0, false), EXO_E_OCCUPIED); /* its id is in use */
    CHECK_EQ(CALL(queue_release, EXTENT, 0), EXO_E_BUSY);        /* and its memory */
    for (int i = 0; i < 100; i++)
        CHECK_EQ(CALL(cap_drop, FRAMES), EXO_E_AGAIN);
    CHECK(fake_take(block, 1, &request));
    CHECK_EQ(request.header.sector, 114);
    fake_complete(block, 1, &request, 1);
    CHECK_EQ(block->bad_dma, 0);
    CHECK_EQ(submit_batch(EXTENT, 0, 1, false), EXO_OK);
    CHECK_EQ(info_of(EXTENT).in_flight, 0);
    CHECK_EQ(CALL_AGAIN(cap_drop, FRAMES), EXO_OK);
    CHECK_EQ(block->resets, 0);
    end_devices();
}

static const struct tap_test tests[] = {
    TAP(a_disk_without_a_size_is_not_opened),
    TAP(requests_have_the_kernels_header_and_status),
    TAP(an_extent_ends_at_its_sectors),
    TAP(extents_are_narrowed_by_copies),
    TAP(an_extent_that_is_taken_back_leaves_what_flies),
};
TAP_MAIN(tests)

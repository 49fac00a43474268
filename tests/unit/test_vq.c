/*
 * A driver's side of a queue (libos/virtio): which completions it believes, and what it gives the
 * kernel. The ring page is memory that the tests write, as a device does.
 */
#include "tap.h"

#define ENTRIES 16u
#define SLOT    7u

static struct exo_ring page;
static struct vq vq;

static struct { /* of the last queue_submit */
    unsigned calls;
    struct exo_descriptor batch[EXO_SUBMIT_MAX];
    uint64_t count, consumed, arm;
    int64_t answer;
} kernel;

struct exo_results
exo_raw_call(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
             uint64_t f, uint64_t g, uint64_t h)
{
    CHECK_EQ(number, EXO_CALL_queue_submit);
    CHECK_EQ(a, SLOT);
    CHECK_EQ(f | g | h, 0);
    CHECK(c <= EXO_SUBMIT_MAX);
    memcpy(kernel.batch, (const void *)(uintptr_t)b, c * sizeof(kernel.batch[0]));
    kernel.calls++;
    kernel.count = c;
    kernel.consumed = d;
    kernel.arm = e;
    return (struct exo_results){.status = kernel.answer, .x1 = page.used_index};
}

/* As vq_open leaves it; an extent has a quarter of the entries as ids. */
static void
begin(uint16_t ids)
{
    memset(&page, 0, sizeof(page));
    memset(&kernel, 0, sizeof(kernel));
    page.entries = ENTRIES;
    page.ids = ids;
    page.state = EXO_RING_OPEN;
    vq = (struct vq){.slot = SLOT, .ring = &page, .ids = ids, .mask = ENTRIES - 1};
    for (uint16_t i = 0; i < ids; i++)
        vq_put_id(&vq, i);
}

static void
push(uint32_t id, uint32_t length)
{
    page.used[page.used_index % ENTRIES] = (struct exo_used){id, length};
    page.used_index++;
}

/* A chain of so many buffers of 64 bytes, with that cookie. */
static bool
add(uint32_t buffers, uint64_t cookie)
{
    struct vq_part parts[VQ_PARTS_MAX + 1];
    for (uint32_t i = 0; i <= VQ_PARTS_MAX; i++)
        parts[i] = (struct vq_part){.write = true, .offset = i * 64, .length = 64};
    return vq_add(&vq, parts, buffers, cookie);
}

static void
chains_come_back_with_their_cookies(void)
{
    struct vq_done done;
    begin(ENTRIES);
    for (uint64_t round = 0; round < 5000; round++) { /* ids go round, indices wrap */
        CHECK(add(3, 2 * round));
        CHECK(add(1, 2 * round + 1));
        CHECK_EQ(vq_flush(&vq, false), EXO_OK);
        CHECK_EQ(kernel.count, 4);
        CHECK_EQ(kernel.consumed, (uint16_t)(2 * round));
        CHECK_EQ(kernel.batch[0].flags, EXO_DESCRIPTOR_WRITE | EXO_DESCRIPTOR_NEXT);
        CHECK_EQ(kernel.batch[2].flags, EXO_DESCRIPTOR_WRITE);
        push(kernel.batch[3].id, 5);
        push(kernel.batch[0].id, 6);
        CHECK(vq_poll(&vq, &done));
        CHECK_EQ(done.cookie, 2 * round + 1);
        CHECK_EQ(done.length, 5);
        CHECK(vq_poll(&vq, &done));
        CHECK_EQ(done.cookie, 2 * round);
        CHECK(!vq_poll(&vq, &done));
        CHECK_EQ(vq_free_ids(&vq), ENTRIES);
    }
}

/* Ids 0 to 2 are one chain, 3 another. */
static void
an_id_that_begins_no_chain_in_flight_breaks_the_queue(void)
{
    static const uint32_t wrong[] = {1, 2, 4, 15, ENTRIES + 5, 0x80000004, UINT32_MAX};
    struct vq_done done;
    for (size_t i = 0; i <= sizeof(wrong) / sizeof(wrong[0]); i++) {
        begin(ENTRIES);
        CHECK(add(3, 10) && add(1, 11));
        CHECK_EQ(vq_flush(&vq, false), EXO_OK);
        if (i == 0) { /* one that was, and is no more */
            push(3, 64);
            CHECK(vq_poll(&vq, &done));
        }
        push(i == 0 ? 3 : wrong[i - 1], 64);
        push(0, 64);
        CHECK(!vq_poll(&vq, &done));
        CHECK_EQ(vq.error, EXO_E_RESET);
        CHECK(!vq_poll(&vq, &done)); /* nor what comes behind it */
        CHECK(!add(1, 12));
        CHECK_EQ(vq_flush(&vq, true), EXO_E_RESET);
        CHECK_EQ(kernel.calls, 1);
    }
}

static void
an_extents_ids_are_behind_its_headers(void)
{
    const struct vq_part part = {.region = 2, .write = true, .offset = 512, .length = 1024};
    struct vq_done done;
    begin(ENTRIES / 4);
    CHECK(vq_add_block(&vq, EXO_BLOCK_DISCARD, 77, &part, 1, 5));
    CHECK_EQ(vq_flush(&vq, true), EXO_OK);
    CHECK_EQ(kernel.arm, 1);
    CHECK_EQ(kernel.batch[0].operation, EXO_BLOCK_DISCARD);
    CHECK_EQ(kernel.batch[0].sector, 77);
    CHECK_EQ(kernel.batch[0].region, 2);
    CHECK_EQ(kernel.batch[0].offset, 512);
    CHECK_EQ(kernel.batch[0].length, 1024);
    page.status[0] = 2;
    push(ENTRIES / 4, 1);
    CHECK(vq_poll(&vq, &done));
    CHECK_EQ(done.cookie, 5);
    CHECK_EQ(done.status, 2);
}

static void
a_full_queue_takes_no_more_and_is_not_broken(void)
{
    begin(ENTRIES);
    CHECK(!add(VQ_PARTS_MAX + 1, 0));
    CHECK(!add(0, 0));
    CHECK(add(ENTRIES - 1, 0));
    CHECK(!add(2, 0));
    CHECK(add(1, 0));
    CHECK(!add(1, 0));
    CHECK_EQ(vq.error, EXO_OK);
    CHECK_EQ(kernel.calls, 0);
    CHECK_EQ(vq_flush(&vq, false), EXO_OK);
    CHECK_EQ(kernel.count, ENTRIES);
    CHECK_EQ(vq_flush(&vq, false), EXO_OK); /* nothing to tell */
    CHECK_EQ(kernel.calls, 1);
}

static void
a_batch_that_is_full_goes_to_the_kernel(void)
{
    begin(EXO_QUEUE_ENTRIES_MAX / 2);
    for (unsigned i = 0; i < EXO_SUBMIT_MAX; i++)
        CHECK(add(1, i));
    CHECK_EQ(kernel.calls, 0);
    CHECK(add(1, 0));
    CHECK_EQ(kernel.calls, 1);
    CHECK_EQ(kernel.count, EXO_SUBMIT_MAX);
    CHECK_EQ(vq.batched, 1);
}

static void
what_ends_the_queue_stays_its_error(void)
{
    struct vq_done done;
    begin(ENTRIES);
    page.state = EXO_RING_RESET;
    CHECK(!vq_poll(&vq, &done));
    CHECK_EQ(vq.error, EXO_E_RESET);
    begin(ENTRIES);
    page.state = EXO_RING_GONE;
    CHECK(!vq_poll(&vq, &done));
    CHECK_EQ(vq.error, EXO_E_GONE);
    begin(ENTRIES);
    kernel.answer = EXO_E_GONE;
    CHECK(add(1, 0));
    CHECK_EQ(vq_flush(&vq, false), EXO_E_GONE);
    kernel.answer = EXO_OK;
    CHECK(!add(1, 0));
    CHECK_EQ(vq_flush(&vq, false), EXO_E_GONE);
}

static const struct tap_test tests[] = {
    TAP(chains_come_back_with_their_cookies),
    TAP(an_id_that_begins_no_chain_in_flight_breaks_the_queue),
    TAP(an_extents_ids_are_behind_its_headers),
    TAP(a_full_queue_takes_no_more_and_is_not_broken),
    TAP(a_batch_that_is_full_goes_to_the_kernel),
    TAP(what_ends_the_queue_stays_its_error),
};
TAP_MAIN(tests)

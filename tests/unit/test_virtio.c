/*
 * Devices, queues, regions and extents under system calls, with a simulated device that also does
 * what devices must not (fake_virtio.h).
 */
#include "core/frame.h"
#include "core/genesis.h"
#include "fake_kernel.h"
#include "fake_virtio.h"
#include "tap.h"

#include <string.h>

#define CELL   EXO_BOOT_CELL
#define RNG    (FAKE_DEVICE_SLOT + FAKE_RNG)
#define BLOCK  (FAKE_DEVICE_SLOT + FAKE_BLOCK)
#define NET    (FAKE_DEVICE_SLOT + FAKE_NET)
#define QUEUE  40u
#define RING   41u
#define FRAMES 42u
#define READ   EXO_READ
#define WRITE  EXO_WRITE
#define BOTH   (EXO_READ | EXO_WRITE)

static struct fake_device *const rng = &fake_devices[FAKE_RNG];
static struct fake_device *const block = &fake_devices[FAKE_BLOCK];
static struct fake_device *const net = &fake_devices[FAKE_NET];

static struct exo_cell_info before;

static void
begin(void)
{
    fake_boot(8192, 2);
    fake_virtio_begin();
    before = fake_cell_info(CELL);
}

/* Everything that the test made is dropped; nothing may be left, and no access was a bad one. */
static void
end(void)
{
    for (uint64_t i = 0; i < FAKE_DEVICES; i++) {
        fake_devices[i].stuck = false;
        CHECK_EQ(CALL_AGAIN(device_close, FAKE_DEVICE_SLOT + i), EXO_OK);
    }
    for (uint64_t slot = 24; slot < 64; slot++) {
        int64_t err = CALL_AGAIN(cap_drop, slot);
        CHECK(err == EXO_OK || err == EXO_E_SLOT);
    }
    CHECK_EQ(CALL_AGAIN(cell_reap, CELL), EXO_OK);
    struct exo_cell_info after = fake_cell_info(CELL);
    for (int i = 0; i < EXO_RES_COUNT; i++) {
        CHECK_EQ(after.own[i], before.own[i]);
        CHECK_EQ(after.carved[i], before.carved[i]);
    }
    CHECK_EQ(after.dying_objects, 0);
    for (int i = 0; i < FAKE_DEVICES; i++) {
        CHECK_EQ(fake_devices[i].bad_dma, 0);
        CHECK_EQ(fake_devices[i].late_dma, 0);
    }
    fake_machine_end();
}

/* --- What tests do
 * --------------------------------------------------------------------------------
 */

static struct exo_descriptor batch[EXO_SUBMIT_MAX + 1];

/* Entry i of the next batch: a buffer of a queue. */
static void
put(unsigned i, uint16_t id, uint16_t region, uint16_t flags, uint32_t offset, uint32_t length)
{
    batch[i] = (struct exo_descriptor){
        .id = id, .region = region, .flags = flags, .offset = offset, .length = length};
}

static int64_t
submit(uint64_t queue, unsigned count, uint64_t consumed, bool arm)
{
    memcpy(fake_user, batch, sizeof(batch));
    return CALL(queue_submit, queue, FAKE_USER, count, consumed, arm);
}

static struct exo_queue_info
info_of(uint64_t queue)
{
    struct exo_queue_info info;
    CHECK_EQ(CALL(queue_info, queue, FAKE_USER), EXO_OK);
    memcpy(&info, fake_user, sizeof(info));
    return info;
}

static struct queue *
queue_at(uint64_t slot)
{
    struct cap cap;
    CHECK_EQ(cap_lookup(fake_init->env, slot, EXO_TYPE_NONE, 0, &cap), EXO_OK);
    return cap.object;
}

/* Frames of `cell`, registered with the queue; the number of the region. */
static uint64_t
add_region(uint64_t queue, uint64_t cell, uint64_t slot, uint64_t pages, uint64_t access)
{
    CHECK_EQ(CALL(frames_alloc, cell, slot, pages, EXO_ALLOC_CONTIGUOUS, 0), EXO_OK);
    CHECK_EQ(CALL_AGAIN(queue_region, queue, slot, 0, pages, access), EXO_OK);
    return fake_result(1);
}

static unsigned char *
frame_at(uint64_t slot, uint64_t page)
{
    struct cap cap;
    CHECK_EQ(cap_lookup(fake_init->env, slot, EXO_TYPE_FRAMES, 0, &cap), EXO_OK);
    return frame_to_kernel(cap.base + page);
}

/* The entropy device with its queue open, and a region of four pages in FRAMES. */
static void
open_rng(void)
{
    CHECK_EQ(CALL_AGAIN(device_open, CELL, RNG, 1, 0, 0), EXO_OK);
    CHECK_EQ(CALL(queue_open, CELL, QUEUE, RNG, 0, RING, 0, 0), EXO_OK);
    CHECK_EQ(add_region(QUEUE, CELL, FRAMES, 4, BOTH), 0);
}

static void
make_cell(uint64_t slot, uint32_t frames)
{
    struct exo_limits limits = {
        .size = sizeof(limits), .version = EXO_ABI_VERSION, .limit = {frames, 512, 4, 8}};
    memcpy(fake_user, &limits, sizeof(limits));
    CHECK_EQ(CALL(cell_create, CELL, slot, FAKE_USER), EXO_OK);
}

/* As many chains of one buffer as asked for, ids and pages in order. */
static void
fly(uint64_t queue, unsigned count, uint16_t region)
{
    for (unsigned i = 0; i < count; i++)
        put(i, (uint16_t)i, region, EXO_DESCRIPTOR_WRITE, i * 64, 64);
    CHECK_EQ(submit(queue, count, queue_at(queue)->page->start, false), EXO_OK);
}

/* --- Sessions and queues
 * --------------------------------------------------------------------------
 */

static void
device_open_accepts_the_whitelist_only(void)
{
    begin();
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
    end();
}

static void
device_open_refuses(void)
{
    begin();
    CHECK_EQ(CALL(device_open, CELL, RNG, 0, 0, 0), EXO_E_RANGE);
    CHECK_EQ(CALL(device_open, CELL, RNG, 2, 0, 0), EXO_E_RANGE);
    CHECK_EQ(CALL(device_open, CELL, RNG, 1, 0, 1), EXO_E_ARG);
    CHECK_EQ(CALL(device_open, RNG, RNG, 1, 0, 0), EXO_E_TYPE);
    CHECK_EQ(CALL(cap_copy, RNG, EXO_SELF, 24, READ | WRITE, 0, 0), EXO_OK);
    CHECK_EQ(CALL(device_open, CELL, 24, 1, 0, 0), EXO_E_RIGHT);
    CHECK_EQ(CALL(device_close, 24), EXO_E_RIGHT);
    rng->refuses = true;
    CHECK_EQ(CALL(device_open, CELL, RNG, 1, 0, 0), EXO_E_STATE);
    rng->refuses = false;
    devices[FAKE_RNG].offered = 1ull << FEATURE_VERSION_1;
    CHECK_EQ(CALL(device_open, CELL, RNG, 1, 0, 0), EXO_E_STATE);
    devices[FAKE_RNG].offered = device_features(DEVICE_RNG);
    make_cell(30, 3); /* a session, and two of three frames of its ring */
    CHECK_EQ(CALL_AGAIN(device_open, 30, RNG, 1, 0, 0), EXO_E_LIMIT);
    CHECK_EQ(fake_cell_info(30).own[EXO_RES_FRAMES], 0);
    CHECK_EQ(CALL_AGAIN(device_open, CELL, RNG, 1, 0, 0), EXO_OK);
    end();
}

static void
queue_open_refuses(void)
{
    begin();
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
    end();
}

static void
ring_page_is_shown_and_never_writable(void)
{
    uint64_t pte;
    struct exo_map entry = {0x2000000, RING, 0, 1, EXO_PROT_READ};
    begin();
    open_rng();
    memcpy(fake_user, &entry, sizeof(entry));
    CHECK_EQ(CALL(map, EXO_SELF, FAKE_USER, 1, 0), EXO_OK);
    before.own[EXO_RES_FRAMES]++; /* the page table stays */
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
    CHECK_EQ(submit(QUEUE, 0, 0, false), EXO_E_RESET);
    CHECK_EQ(info_of(QUEUE).state, EXO_RING_RESET);
    CHECK_EQ(CALL_AGAIN(cap_drop, QUEUE), EXO_OK);
    CHECK(!fake_access(0, 0x2000000, &pte));
    CHECK_EQ(CALL(cap_info, RING, FAKE_USER), EXO_E_SLOT);
    CHECK_EQ(CALL(cap_info, 50, FAKE_USER), EXO_E_SLOT);
    end();
}

static void
the_next_owner_goes_on_where_the_ring_is(void)
{
    begin();
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
    end();
}

/* --- Submitting
 * -----------------------------------------------------------------------------------
 */

static void
buffers_come_and_go(void)
{
    begin();
    open_rng();
    put(0, 7, 0, EXO_DESCRIPTOR_WRITE, 100, 50);
    put(1, 9, 0, EXO_DESCRIPTOR_WRITE, 4096, 8192);
    CHECK_EQ(submit(QUEUE, 2, 0, false), EXO_OK);
    CHECK_EQ(fake_result(1), 0);
    CHECK_EQ(info_of(QUEUE).in_flight, 2);
    CHECK_EQ(fake_run(rng, 0, 0x5a), 2);
    unsigned char *memory = frame_at(FRAMES, 0);
    CHECK_EQ(memory[99], 0);
    CHECK_EQ(memory[100], 0x5a);
    CHECK_EQ(memory[149], 0x5a);
    CHECK_EQ(memory[150], 0);
    CHECK_EQ(memory[4095], 0);
    CHECK_EQ(memory[4096 + 8191], 0x5a);
    CHECK_EQ(memory[4096 + 8192], 0);
    const struct exo_ring *page = queue_at(QUEUE)->page;
    CHECK_EQ(page->used_index, 2);
    CHECK_EQ(page->used[0].id, 7);
    CHECK_EQ(page->used[1].length, 8192);
    put(0, 7, 0, EXO_DESCRIPTOR_WRITE, 0, 1);
    CHECK_EQ(submit(QUEUE, 1, 0, false), EXO_E_OCCUPIED); /* its owner has not seen it */
    CHECK_EQ(submit(QUEUE, 1, 1, false), EXO_OK);
    CHECK_EQ(fake_result(1), 2);
    put(0, 9, 0, EXO_DESCRIPTOR_WRITE, 0, 1);
    CHECK_EQ(submit(QUEUE, 1, 1, false), EXO_E_OCCUPIED);
    CHECK_EQ(submit(QUEUE, 1, 2, false), EXO_OK);
    CHECK_EQ(fake_run(rng, 0, 1), 2);
    CHECK_EQ(submit(QUEUE, 0, 4, false), EXO_OK);
    CHECK_EQ(info_of(QUEUE).in_flight, 0);
    CHECK_EQ(info_of(QUEUE).submitted, 4);
    CHECK_EQ(info_of(QUEUE).completed, 4);
    end();
}

static void
chains_keep_their_order(void)
{
    struct fake_request request;
    begin();
    open_rng();
    put(0, 200, 0, EXO_DESCRIPTOR_NEXT, 0, 10);
    put(1, 3, 0, EXO_DESCRIPTOR_NEXT, 20, 30);
    put(2, 255, 0, EXO_DESCRIPTOR_WRITE | EXO_DESCRIPTOR_NEXT, 4096, 4096);
    put(3, 0, 0, EXO_DESCRIPTOR_WRITE, 8192, 1);
    put(4, 1, 0, 0, 9000, 5);
    CHECK_EQ(submit(QUEUE, 5, 0, false), EXO_OK);
    CHECK(fake_take(rng, 0, &request));
    CHECK_EQ(request.head, 200);
    CHECK_EQ(request.parts, 4);
    CHECK_EQ(request.readable, 40);
    CHECK_EQ(request.writable, 4097);
    CHECK_EQ(request.part[1].length, 30);
    fake_complete(rng, 0, &request, 1);
    CHECK(fake_take(rng, 0, &request));
    CHECK_EQ(request.head, 1);
    fake_complete(rng, 0, &request, 1);
    CHECK_EQ(submit(QUEUE, 0, 2, false), EXO_OK);
    for (int i = 0; i < 256; i++)
        CHECK_EQ(queue_at(QUEUE)->shadow[i].state, ID_FREE);
    end();
}

struct refusal {
    const char *what;
    struct exo_descriptor d[2];
    unsigned count;
    int64_t err;
};
#define W EXO_DESCRIPTOR_WRITE
#define N EXO_DESCRIPTOR_NEXT

static const struct refusal refusals[] = {
    {"zero length", {{.id = 1, .flags = W, .length = 0}}, 1, EXO_E_ARG},
    {"beyond the region", {{.id = 1, .flags = W, .offset = 16383, .length = 2}}, 1, EXO_E_RANGE},
    {"far beyond it", {{.id = 1, .flags = W, .length = UINT32_MAX}}, 1, EXO_E_RANGE},
    {"wrapping", {{.id = 1, .flags = W, .offset = UINT32_MAX, .length = 2}}, 1, EXO_E_RANGE},
    {"id beyond the ring", {{.id = 256, .flags = W, .length = 1}}, 1, EXO_E_RANGE},
    {"no such region", {{.id = 1, .region = 5, .flags = W, .length = 1}}, 1, EXO_E_RANGE},
    {"region far beyond", {{.id = 1, .region = 65535, .flags = W, .length = 1}}, 1, EXO_E_RANGE},
    {"unknown flag", {{.id = 1, .flags = 4, .length = 1}}, 1, EXO_E_ARG},
    {"write to a readable region",
     {{.id = 1, .region = 1, .flags = W, .length = 1}},
     1,
     EXO_E_RIGHT},
    {"read of a writable region", {{.id = 1, .region = 2, .length = 1}}, 1, EXO_E_RIGHT},
    {"chain without an end", {{.id = 1, .flags = N, .length = 1}}, 1, EXO_E_ARG},
    {"loop of one",
     {{.id = 1, .flags = N, .length = 1}, {.id = 1, .length = 1}},
     2,
     EXO_E_OCCUPIED},
    {"id twice", {{.id = 1, .length = 1}, {.id = 1, .length = 1}}, 2, EXO_E_OCCUPIED},
    {"id in flight", {{.id = 0, .length = 1}}, 1, EXO_E_OCCUPIED},
    {"next beyond the ring",
     {{.id = 1, .flags = N, .length = 1}, {.id = 300, .length = 1}},
     2,
     EXO_E_RANGE},
    {"readable behind writable",
     {{.id = 1, .flags = N | W, .length = 1}, {.id = 2, .length = 1}},
     2,
     EXO_E_ARG},
};

/* In front of each stand eight that are good. */
static void
a_batch_is_taken_as_a_whole_or_not_at_all(void)
{
    static struct shadow shadow[EXO_QUEUE_ENTRIES_MAX];
    begin();
    open_rng();
    CHECK_EQ(add_region(QUEUE, CELL, 43, 4, READ), 1);
    CHECK_EQ(add_region(QUEUE, CELL, 44, 4, WRITE), 2);
    put(0, 0, 0, W, 0, 64);
    CHECK_EQ(submit(QUEUE, 1, 0, false), EXO_OK);
    struct queue *queue = queue_at(QUEUE);
    memcpy(shadow, queue->shadow, sizeof(shadow));
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        const struct refusal *refusal = &refusals[i];
        for (unsigned j = 0; j < 8; j++)
            put(j, (uint16_t)(10 + j), 0, j % 2 ? 0 : N, 0, 64);
        memcpy(&batch[8], refusal->d, sizeof(refusal->d));
        int64_t err = submit(QUEUE, 8 + refusal->count, 0, false);
        if (err != refusal->err)
            printf("# %s\n", refusal->what);
        CHECK_EQ(err, refusal->err);
        for (int id = 0; id < 256; id++)
            CHECK_EQ(queue->shadow[id].state, shadow[id].state);
        CHECK_EQ(queue->in_flight[0], 1);
        CHECK_EQ(queue->in_flight[1] + queue->in_flight[2], 0);
        CHECK_EQ(queue->heads, 1);
        CHECK_EQ(queue->driver->index, 1);
    }
    CHECK_EQ(rng->rings[0].doorbells, 1);
    CHECK_EQ(fake_run(rng, 0, 1), 1);
    end();
}

static void
submit_refuses_its_arguments(void)
{
    begin();
    open_rng();
    CHECK_EQ(submit(QUEUE, EXO_SUBMIT_MAX + 1, 0, false), EXO_E_ARG);
    CHECK_EQ(CALL(queue_submit, QUEUE, FAKE_USER, 1, 65536, 0), EXO_E_ARG);
    CHECK_EQ(CALL(queue_submit, QUEUE, FAKE_USER, 1, 0, 2), EXO_E_ARG);
    CHECK_EQ(CALL(queue_submit, QUEUE, 0x100, 1, 0, 0), EXO_E_FAULT);
    CHECK_EQ(CALL(queue_submit, FRAMES, FAKE_USER, 1, 0, 0), EXO_E_TYPE);
    CHECK_EQ(CALL(queue_submit, 63, FAKE_USER, 1, 0, 0), EXO_E_SLOT);
    CHECK_EQ(CALL(cap_copy, QUEUE, EXO_SELF, 50, READ, 0, 0), EXO_OK);
    CHECK_EQ(CALL(queue_submit, 50, FAKE_USER, 1, 0, 0), EXO_E_RIGHT);
    CHECK_EQ(CALL(cap_copy, QUEUE, EXO_SELF, 51, WRITE, 0, 0), EXO_OK);
    CHECK_EQ(CALL(queue_info, 51, FAKE_USER), EXO_E_RIGHT);
    CHECK_EQ(submit(QUEUE, 0, 1, false), EXO_E_RANGE); /* nothing has completed */
    CHECK_EQ(submit(QUEUE, 0, 65535, false), EXO_E_RANGE);
    fly(QUEUE, 3, 0);
    CHECK_EQ(fake_run(rng, 0, 1), 3);
    CHECK_EQ(submit(QUEUE, 0, 4, false), EXO_E_RANGE);
    CHECK_EQ(submit(QUEUE, 0, 2, false), EXO_OK);
    CHECK_EQ(submit(QUEUE, 0, 1, false), EXO_E_RANGE); /* backwards */
    CHECK_EQ(submit(QUEUE, 0, 3, false), EXO_OK);
    end();
}

static void
the_ring_can_be_full_and_indices_wrap(void)
{
    uint64_t random = 99;
    uint16_t consumed = 0, next = 0;
    uint32_t done = 0, sent = 0;
    begin();
    rng->entries = 64;
    open_rng();
    while (done < 150000) {
        unsigned count = 0, room = 64 - (sent - done);
        for (; count < room && tap_random(&random, 40) != 0; count++)
            put(count, next++ % 64, 0, W, 0, 8); /* the device is in order, so these are free */
        CHECK_EQ(submit(QUEUE, count, consumed, false), EXO_OK);
        sent += count;
        if (count == 64)
            CHECK_EQ(info_of(QUEUE).in_flight, 64);
        if (tap_random(&random, 2))
            (void)fake_run(rng, 0, 1);
        if (tap_random(&random, 8) == 0) { /* read ahead of what the owner has seen */
            int64_t err = CALL_AGAIN(queue_release, QUEUE, 0);
            CHECK(err == EXO_OK || err == EXO_E_BUSY);
            if (err == EXO_OK)
                CHECK_EQ(CALL_AGAIN(queue_region, QUEUE, FRAMES, 0, 4, BOTH), EXO_OK);
        }
        uint16_t ready = (uint16_t)(queue_at(QUEUE)->page->used_index - consumed);
        uint16_t some = (uint16_t)tap_random(&random, ready + 1u);
        consumed = (uint16_t)(consumed + some);
        done += some;
    }
    (void)fake_run(rng, 0, 1);
    end();
}

static void
doorbells_ring_when_the_device_asks(void)
{
    struct fake_request request;
    begin();
    open_rng();
    fly(QUEUE, 2, 0);
    CHECK_EQ(rng->rings[0].doorbells, 1);
    put(0, 10, 0, W, 0, 1);
    CHECK_EQ(submit(QUEUE, 1, 0, false), EXO_OK);
    CHECK_EQ(rng->rings[0].doorbells, 1); /* it has not looked since */
    CHECK_EQ(fake_run(rng, 0, 1), 3);
    put(0, 11, 0, W, 0, 1);
    CHECK_EQ(submit(QUEUE, 1, 0, false), EXO_OK);
    CHECK_EQ(rng->rings[0].doorbells, 2);
    CHECK(fake_take(rng, 0, &request));
    end();
}

static void
arming_says_what_is_there_already(void)
{
    begin();
    open_rng();
    struct queue *queue = queue_at(QUEUE);
    CHECK_EQ(submit(QUEUE, 0, 0, true), EXO_OK);
    CHECK_EQ(fake_result(1), 0);
    CHECK_EQ(fake_result(2), 0);
    fly(QUEUE, 2, 0);
    CHECK_EQ(fake_run(rng, 0, 1), 2);
    CHECK_EQ(submit(QUEUE, 0, 1, false), EXO_OK);
    CHECK_EQ(fake_result(1), 2);
    CHECK_EQ(fake_result(2), 0); /* nobody asked */
    CHECK_EQ(queue->driver->ring[FAKE_ENTRIES], 0);
    CHECK_EQ(submit(QUEUE, 0, 1, true), EXO_OK);
    CHECK_EQ(fake_result(1), 2);
    CHECK_EQ(fake_result(2), 1);
    CHECK_EQ(queue->driver->ring[FAKE_ENTRIES], 1);
    CHECK_EQ(submit(QUEUE, 0, 2, true), EXO_OK);
    CHECK_EQ(fake_result(2), 0);
    CHECK_EQ(queue->driver->ring[FAKE_ENTRIES], 2);
    end();
}

static uint64_t
events(void)
{
    return __atomic_exchange_n(&fake_init->control->events, 0, __ATOMIC_SEQ_CST);
}

static void
completions_interrupt_who_armed(void)
{
    begin();
    open_rng();
    struct queue *queue = queue_at(QUEUE);
    CHECK_EQ(CALL(notification_create, CELL, 50), EXO_OK);
    CHECK_EQ(CALL(notification_bind, 50, EXO_BOOT_VCPU), EXO_OK);
    CHECK_EQ(CALL(cap_copy, 50, EXO_SELF, 51, WRITE | EXO_COPY, 8, 0), EXO_OK);
    CHECK_EQ(CALL(irq_bind, QUEUE, 51), EXO_OK);
    CHECK_EQ(CALL(irq_bind, QUEUE, 51), EXO_E_OCCUPIED);
    CHECK_EQ(submit(QUEUE, 0, 0, true), EXO_OK);
    irq_fired(queue->irq.line);
    CHECK_EQ(events(), 8);
    CHECK_EQ(info_of(QUEUE).interrupts, 1);
    for (uint32_t i = 0; i < EXO_IRQ_BURST + 2; i++) {
        irq_fired(queue->irq.line);
        CHECK_EQ(submit(QUEUE, 0, 0, true), EXO_OK);
    }
    CHECK_EQ(fake_result(2), 1); /* a storm: polling is asked for */
    fake_ticks += 1000;
    CHECK_EQ(submit(QUEUE, 0, 0, true), EXO_OK);
    CHECK_EQ(fake_result(2), 0);
    (void)events();
    CHECK_EQ(CALL_AGAIN(device_close, RNG), EXO_OK);
    CHECK_EQ(events(), 8); /* so that it looks and finds out */
    CHECK_EQ(CALL_AGAIN(cap_drop, QUEUE), EXO_OK);
    CHECK(*irq_entry(devices[FAKE_RNG].first_lpi + 1) == NULL);
    end();
}

/* --- Regions
 * --------------------------------------------------------------------------------------
 */

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
    begin();
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
    before.own[EXO_RES_FRAMES]++;
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
    end();
}

static void
frames_are_zeroed_in_steps_before_a_device_sees_them(void)
{
    begin();
    open_rng();
    CHECK_EQ(CALL(frames_alloc, CELL, 50, 200, EXO_ALLOC_CONTIGUOUS, 0), EXO_OK);
    unsigned steps = 1;
    while (CALL(queue_region, QUEUE, 50, 0, 200, READ) == EXO_E_AGAIN)
        steps++;
    CHECK_EQ(steps, 4);
    CHECK_EQ(fake_result(0), EXO_OK);
    for (uint64_t i = 0; i < 200 * EXO_PAGE_BYTES; i++)
        CHECK_EQ(frame_at(50, 0)[i], 0);
    end();
}

static void
regions_are_released_when_nothing_is_in_flight(void)
{
    begin();
    open_rng();
    CHECK_EQ(writable_count(FRAMES), 1);
    fly(QUEUE, 2, 0);
    CHECK_EQ(CALL(queue_release, QUEUE, 0), EXO_E_BUSY);
    put(0, 10, 0, W, 0, 1);
    CHECK_EQ(submit(QUEUE, 1, 0, false), EXO_OK); /* it is not closed by that */
    CHECK_EQ(fake_run(rng, 0, 1), 3);
    CHECK_EQ(CALL_AGAIN(queue_release, QUEUE, 0), EXO_OK); /* whatever its owner has seen */
    CHECK_EQ(writable_count(FRAMES), 0);
    CHECK_EQ(submit(QUEUE, 1, 0, false), EXO_E_OCCUPIED);
    CHECK_EQ(submit(QUEUE, 1, 2, false), EXO_E_OCCUPIED);
    CHECK_EQ(submit(QUEUE, 1, 3, false), EXO_E_RANGE); /* no such region now */
    CHECK_EQ(CALL_AGAIN(queue_region, QUEUE, FRAMES, 0, 4, BOTH), EXO_OK);
    CHECK_EQ(submit(QUEUE, 1, 3, false), EXO_OK);
    CHECK_EQ(fake_run(rng, 0, 1), 1);
    end();
}

static void
revoking_frames_waits_for_the_device(void)
{
    begin();
    open_rng();
    CHECK_EQ(CALL(frames_alloc, CELL, 50, 4, EXO_ALLOC_CONTIGUOUS, 0), EXO_OK);
    CHECK_EQ(CALL(cap_copy, 50, EXO_SELF, 51, BOTH, 0, 0), EXO_OK);
    CHECK_EQ(CALL_AGAIN(queue_region, QUEUE, 51, 0, 4, BOTH), EXO_OK);
    CHECK_EQ(fake_result(1), 1);
    fly(QUEUE, 3, 1);
    for (int i = 0; i < 100; i++)
        CHECK_EQ(CALL(cap_revoke, 50), EXO_E_AGAIN);
    put(0, 10, 1, W, 0, 1);
    CHECK_EQ(submit(QUEUE, 1, 0, false), EXO_E_RANGE); /* closing */
    put(0, 10, 0, W, 0, 1);
    CHECK_EQ(submit(QUEUE, 1, 0, false), EXO_OK); /* the others work on */
    CHECK_EQ(writable_count(50), 1);
    CHECK_EQ(fake_run(rng, 0, 1), 4);
    CHECK_EQ(CALL_AGAIN(cap_revoke, 50), EXO_OK);
    CHECK_EQ(writable_count(50), 0);
    CHECK_EQ(CALL(cap_info, 51, FAKE_USER), EXO_E_SLOT);
    CHECK_EQ(submit(QUEUE, 0, 4, false), EXO_OK);
    CHECK_EQ(rng->resets, 0);
    end();
}

static void
revoking_frames_resets_the_device_at_the_deadline(void)
{
    begin();
    open_rng();
    fly(QUEUE, 3, 0);
    pfn_t pfn = frame_from_kernel(frame_at(FRAMES, 0));
    rng->stuck = true;
    CHECK_EQ(CALL(cap_drop, FRAMES), EXO_E_AGAIN);
    for (int i = 0; i < 100; i++)
        CHECK_EQ(CALL(cap_drop, FRAMES), EXO_E_AGAIN);
    CHECK_EQ(submit(QUEUE, 0, 0, false), EXO_OK); /* not before its time */
    fake_ticks += 1000001;
    for (int i = 0; i < 100; i++)
        CHECK_EQ(CALL(cap_drop, FRAMES), EXO_E_AGAIN); /* the device does not become quiet */
    CHECK_EQ(submit(QUEUE, 0, 0, false), EXO_E_RESET);
    CHECK_EQ(frame_state(frame_of(pfn)), FRAME_OWNED);
    CHECK_EQ(fake_run(rng, 0, 1), 3); /* late, and into quarantine */
    CHECK_EQ(rng->bad_dma, 0);
    rng->stuck = false;
    fake_reset(rng);
    CHECK_EQ(CALL_AGAIN(cap_drop, FRAMES), EXO_OK);
    CHECK_EQ(frame_state(frame_of(pfn)), FRAME_FREE);
    CHECK_EQ(info_of(QUEUE).in_flight, 0);
    end();
}

/* --- The end of those who use queues
 * --------------------------------------------------------------
 */

/* Frames of one cell, the queue of another, the session of a third; each is killed in turn. */
static void
killing_a_cell_with_requests_in_flight(void)
{
    static const uint64_t victims[] = {30, 31, 32};
    for (size_t i = 0; i < 3; i++) {
        begin();
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
        end();
    }
}

static void
killing_an_environment_with_requests_in_flight(void)
{
    begin();
    make_cell(30, 200);
    CHECK_EQ(CALL(env_create, 30, 31), EXO_OK);
    CHECK_EQ(CALL_AGAIN(device_open, CELL, BLOCK, 2, 0, 0), EXO_OK);
    CHECK_EQ(CALL(queue_open, 30, QUEUE, BLOCK, 0, RING, 0, 10), EXO_OK);
    CHECK_EQ(CALL(queue_open, CELL, 50, BLOCK, 1, 51, 10, 10), EXO_OK);
    CHECK_EQ(add_region(QUEUE, 30, FRAMES, 4, BOTH), 0);
    for (unsigned i = 0; i < 32; i++) {
        put(i, (uint16_t)i, 0, W, i * 512, 512);
        batch[i].sector = i % 10;
    }
    CHECK_EQ(submit(QUEUE, 32, 0, false), EXO_OK);
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
    end();
}

static void
a_device_owned_alone_is_reset_at_once(void)
{
    begin();
    CHECK_EQ(CALL_AGAIN(device_open, CELL, NET, 2, 0, 0), EXO_OK);
    CHECK_EQ(CALL(queue_open, CELL, QUEUE, NET, 0, RING, 0, 0), EXO_OK);
    CHECK_EQ(CALL(queue_open, CELL, 50, NET, 1, 51, 0, 0), EXO_OK);
    CHECK_EQ(add_region(QUEUE, CELL, FRAMES, 4, BOTH), 0);
    fly(QUEUE, 32, 0); /* receive buffers: they may wait for ever */
    CHECK_EQ(CALL_AGAIN(cap_drop, QUEUE), EXO_OK);
    CHECK_EQ(net->resets, 1);
    CHECK_EQ(submit(50, 0, 0, false), EXO_E_RESET);
    end();
}

static void
a_session_ends_for_all_its_queues(void)
{
    begin();
    make_cell(30, 100);
    CHECK_EQ(CALL_AGAIN(device_open, CELL, BLOCK, 4, 0, 0), EXO_OK);
    CHECK_EQ(CALL(queue_open, 30, QUEUE, BLOCK, 0, RING, 0, 10), EXO_OK);
    CHECK_EQ(CALL(queue_open, CELL, 50, BLOCK, 3, 51, 10, 10), EXO_OK);
    CHECK_EQ(CALL_AGAIN(device_open, CELL, BLOCK, 4, 0, 0), EXO_OK);
    CHECK_EQ(submit(QUEUE, 0, 0, false), EXO_E_RESET);
    CHECK_EQ(submit(50, 0, 0, false), EXO_E_RESET);
    CHECK_EQ(CALL_AGAIN(queue_region, 50, CELL, 0, 1, READ), EXO_E_TYPE);
    CHECK_EQ(CALL(frames_alloc, CELL, FRAMES, 1, EXO_ALLOC_ANY, 0), EXO_OK);
    CHECK_EQ(CALL_AGAIN(queue_region, 50, FRAMES, 0, 1, READ), EXO_E_RESET);
    /* its rings are those of a new session */
    CHECK_EQ(CALL(queue_open, 30, 52, BLOCK, 0, 53, 0, 10), EXO_OK);
    CHECK_EQ(submit(52, 0, 0, false), EXO_OK);
    CHECK_EQ(CALL_AGAIN(cap_drop, QUEUE), EXO_OK);
    CHECK_EQ(submit(52, 0, 0, false), EXO_OK);
    end();
}

/* --- Devices that misbehave
 * -----------------------------------------------------------------------
 */

struct lie {
    const char *what;
    uint32_t id, length; /* of the used element that is told ... */
    uint16_t jump;       /* ... and how far the index moves beyond it */
    unsigned first;      /* so many completions are honest */
};

/* Sixteen chains of 64 bytes are in flight, ids 0 to 15. */
static const struct lie lies[] = {
    {"an id beyond the ring", 256, 64, 0, 0},
    {"a wild id", 0xffffffff, 64, 0, 0},
    {"an id never given", 16, 64, 0, 0},
    {"an id twice", 0, 64, 0, 1},
    {"a length beyond the buffer", 3, 65, 0, 0},
    {"a wild length", 3, 0xffffffff, 0, 0},
    {"an index beyond what is in flight", 0, 64, 16, 0},
    {"an index that jumps", 0, 64, 40000, 0},
    {"an index that goes back", 0, 64, 65533, 0},
};

static void
tell(const struct lie *lie)
{
    struct fake_ring *ring = &rng->rings[0];
    for (unsigned i = 0; i < lie->first; i++)
        fake_push_used(rng, 0, i, 64);
    fake_push_used(rng, 0, lie->id, lie->length);
    ring->used = (uint16_t)(ring->used + lie->jump);
    __atomic_store_n(&ring->page->used_index, ring->used, __ATOMIC_RELEASE);
}

static void
a_device_that_lies_is_reset(void)
{
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        for (int who = 0; who < 3; who++) { /* submit, release, drop: whoever looks */
            begin();
            open_rng();
            fly(QUEUE, 16, 0);
            tell(&lies[i]);
            if (who == 0) {
                uint16_t used = queue_at(QUEUE)->page->used_index;
                if (submit(QUEUE, 0, used, false) != EXO_E_RESET)
                    printf("# %s\n", lies[i].what);
                CHECK_EQ(fake_result(0), EXO_E_RESET);
            } else if (who == 1) {
                CHECK_EQ(CALL(queue_release, QUEUE, 0), EXO_E_BUSY);
                CHECK_EQ(submit(QUEUE, 0, 0, false), EXO_E_RESET);
            } else {
                CHECK_EQ(CALL_AGAIN(cap_drop, FRAMES), EXO_OK);
            }
            CHECK_EQ(submit(QUEUE, 0, 0, false), EXO_E_RESET);
            CHECK(rng->resets >= 1);
            CHECK_EQ(CALL_AGAIN(device_open, CELL, RNG, 1, 0, 0), EXO_OK);
            CHECK_EQ(CALL_AGAIN(cap_drop, QUEUE), EXO_OK);
            end();
        }
    }
}

static void
a_device_that_is_pulled_out_is_gone(void)
{
    for (int told = 0; told < 2; told++) {
        begin();
        open_rng();
        fly(QUEUE, 32, 0);
        const struct exo_ring *page = queue_at(QUEUE)->page;
        rng->removed = true;
        rng->mastering = false;
        if (told)
            device_removed(&devices[FAKE_RNG]);
        else
            CHECK_EQ(CALL_AGAIN(device_close, RNG), EXO_OK);
        CHECK_EQ(page->state, EXO_RING_GONE);
        CHECK_EQ(submit(QUEUE, 0, 0, false), EXO_E_GONE);
        CHECK_EQ(info_of(QUEUE).state, EXO_RING_GONE);
        CHECK_EQ(CALL_AGAIN(device_open, CELL, RNG, 1, 0, 0), EXO_E_GONE);
        CHECK_EQ(CALL(queue_open, CELL, 50, RNG, 0, 51, 0, 0), EXO_E_GONE);
        CHECK_EQ(CALL_AGAIN(cap_drop, FRAMES), EXO_OK);
        end();
    }
}

static struct exo_device_info
device_info_of(uint64_t slot)
{
    struct exo_device_info info;
    CHECK_EQ(CALL(device_info, slot, FAKE_USER), EXO_OK);
    memcpy(&info, fake_user, sizeof(info));
    return info;
}

/* The button was pressed, and it is still there: nothing that it knows of is given back before. */
static void
a_device_that_is_removed_may_do_no_dma(void)
{
    begin();
    open_rng();
    fly(QUEUE, 32, 0);
    CHECK(rng->mastering && rng->status != 0);
    device_removed(&devices[FAKE_RNG]);
    CHECK(!rng->mastering);
    CHECK_EQ(rng->status, 0);
    CHECK_EQ(submit(QUEUE, 0, 0, false), EXO_E_GONE);
    CHECK_EQ(CALL_AGAIN(cap_drop, FRAMES), EXO_OK);
    end();
}

/* The button was pressed, and its status does not become 0: it keeps what it has. */
static void
a_device_that_does_not_become_quiet_is_not_removed(void)
{
    begin();
    open_rng();
    fly(QUEUE, 32, 0);
    rng->stuck = true;
    CHECK(!device_removed(&devices[FAKE_RNG]));
    CHECK(!rng->mastering && !devices[FAKE_RNG].gone);
    CHECK_EQ(submit(QUEUE, 0, 0, false), EXO_E_RESET);
    for (int i = 0; i < 10; i++)
        CHECK_EQ(CALL(cap_drop, FRAMES), EXO_E_AGAIN);
    rng->stuck = false;
    CHECK(device_removed(&devices[FAKE_RNG]));
    CHECK_EQ(submit(QUEUE, 0, 0, false), EXO_E_GONE);
    CHECK_EQ(CALL_AGAIN(cap_drop, FRAMES), EXO_OK);
    end();
}

/* Its size would lie behind what there is of its configuration. */
static void
a_disk_without_a_size_is_not_opened(void)
{
    begin();
    CHECK_EQ(CALL_AGAIN(device_open, CELL, BLOCK, 4, 0, 0), EXO_OK);
    devices[FAKE_BLOCK].config_bytes = sizeof(uint64_t) - 1;
    CHECK_EQ(CALL(queue_open, CELL, QUEUE, BLOCK, 0, RING, 0, 10), EXO_E_STATE);
}

/* Who reads its configuration finds out; who is bound is told, once. */
static void
a_device_that_does_not_answer_is_gone(void)
{
    begin();
    uint64_t sectors = 0;
    CHECK_EQ(CALL(device_config, BLOCK, 0, FAKE_USER, sizeof(sectors)), EXO_OK);
    memcpy(&sectors, fake_user, sizeof(sectors));
    CHECK_EQ(sectors, FAKE_SECTORS);
    CHECK_EQ(CALL(device_config, BLOCK, 1, FAKE_USER, 1), EXO_E_AGAIN); /* the double's way */
    CHECK_EQ(device_info_of(BLOCK).state, EXO_DEVICE_CLOSED);
    CHECK_EQ(CALL(notification_create, CELL, 50), EXO_OK);
    CHECK_EQ(CALL(notification_bind, 50, EXO_BOOT_VCPU), EXO_OK);
    CHECK_EQ(CALL(cap_copy, 50, EXO_SELF, 51, WRITE | EXO_COPY, 8, 0), EXO_OK);
    CHECK_EQ(CALL(irq_bind, BLOCK, 51), EXO_OK);
    block->removed = true;
    CHECK_EQ(events(), 0);
    CHECK_EQ(CALL(device_config, BLOCK, 0, FAKE_USER, sizeof(sectors)), EXO_E_GONE);
    CHECK_EQ(events(), 8);
    CHECK_EQ(CALL(device_config, BLOCK, 0, FAKE_USER, sizeof(sectors)), EXO_E_GONE);
    CHECK_EQ(events(), 0);
    CHECK_EQ(device_info_of(BLOCK).state, EXO_DEVICE_GONE);
    CHECK_EQ(device_info_of(NET).state, EXO_DEVICE_CLOSED);
    CHECK_EQ(CALL_AGAIN(device_open, CELL, BLOCK, 1, 0, 0), EXO_E_GONE);
    end();
}

/* --- Extents
 * --------------------------------------------------------------------------------------
 */

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
    put(i, (uint16_t)i, 0, operation == EXO_BLOCK_READ ? W : 0, 0, length);
    batch[i].operation = operation;
    batch[i].sector = sector;
    if (!data)
        batch[i].region = 77; /* not looked at */
}

static void
requests_have_the_kernels_header_and_status(void)
{
    struct fake_request request;
    begin();
    open_extent();
    put_request(0, EXO_BLOCK_READ, 3, 1024);
    put_request(1, EXO_BLOCK_WRITE, 49, 512);
    put_request(2, EXO_BLOCK_FLUSH, 0, 0);
    put_request(3, EXO_BLOCK_DISCARD, 48, 1024);
    CHECK_EQ(submit(EXTENT, 4, 0, false), EXO_OK);
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
    CHECK_EQ(submit(EXTENT, 4, 4, false), EXO_OK);
    CHECK_EQ(fake_run(block, 1, 0), 4);
    CHECK_EQ(submit(EXTENT, 0, 8, false), EXO_OK);
    end();
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
    begin();
    open_extent();
    for (size_t i = 0; i < sizeof(request_refusals) / sizeof(request_refusals[0]); i++) {
        const struct request_refusal *r = &request_refusals[i];
        put_request(0, EXO_BLOCK_READ, 0, 512);
        put_request(1, r->operation, r->sector, r->length);
        if (submit(EXTENT, 2, 0, false) != r->err)
            printf("# %s\n", r->what);
        CHECK_EQ(fake_result(0), r->err);
        CHECK_EQ(info_of(EXTENT).in_flight, 0);
    }
    put_request(0, EXO_BLOCK_READ, 0, 512);
    batch[0].flags = 0; /* data in the wrong direction */
    CHECK_EQ(submit(EXTENT, 1, 0, false), EXO_E_ARG);
    put_request(0, EXO_BLOCK_WRITE, 0, 512);
    batch[0].flags = W;
    CHECK_EQ(submit(EXTENT, 1, 0, false), EXO_E_ARG);
    put_request(0, EXO_BLOCK_FLUSH, 0, 0);
    batch[0].flags = N;
    CHECK_EQ(submit(EXTENT, 1, 0, false), EXO_E_ARG);
    put_request(0, EXO_BLOCK_FLUSH, 0, 0);
    batch[0].id = 64;
    CHECK_EQ(submit(EXTENT, 1, 0, false), EXO_E_RANGE);
    put_request(0, EXO_BLOCK_READ, 0, 512);
    batch[0].id = 64;
    CHECK_EQ(submit(EXTENT, 1, 0, false), EXO_E_RANGE);
    /* two buffers, one request */
    put(0, 5, 0, N | W, 0, 100);
    put(1, 6, 0, W, 4096, 412);
    CHECK_EQ(submit(EXTENT, 2, 0, false), EXO_OK);
    CHECK_EQ(fake_run(block, 1, 1), 1);
    CHECK_EQ(CALL(queue_open, CELL, 50, BLOCK, 0, 51, 990, 11), EXO_E_RANGE);
    CHECK_EQ(CALL(queue_open, CELL, 50, BLOCK, 0, 51, FAKE_SECTORS, 1), EXO_E_RANGE);
    CHECK_EQ(CALL(queue_open, CELL, 50, BLOCK, 0, 51, 5, 0), EXO_E_RANGE);
    CHECK_EQ(CALL(queue_open, CELL, 50, BLOCK, 0, 51, 0, 0), EXO_OK);
    CHECK_EQ(info_of(50).count, FAKE_SECTORS);
    end();
}

static void
extents_are_narrowed_by_copies(void)
{
    struct fake_request request;
    begin();
    open_extent();
    CHECK_EQ(CALL(cap_copy, EXTENT, EXO_SELF, 50, READ | EXO_COPY, 110, 5), EXO_OK);
    CHECK_EQ(CALL(cap_copy, EXTENT, EXO_SELF, 51, READ, 99, 5), EXO_E_RANGE);
    CHECK_EQ(CALL(cap_copy, EXTENT, EXO_SELF, 51, READ, 149, 2), EXO_E_RANGE);
    CHECK_EQ(CALL(cap_copy, 50, EXO_SELF, 51, READ, 109, 1), EXO_E_RANGE);
    CHECK_EQ(CALL(cap_copy, 50, EXO_SELF, 51, WRITE, 110, 1), EXO_E_RIGHT);
    CHECK_EQ(info_of(50).first, 110);
    CHECK_EQ(info_of(50).count, 5);
    put_request(0, EXO_BLOCK_READ, 4, 512);
    CHECK_EQ(submit(50, 1, 0, false), EXO_OK);
    CHECK(fake_take(block, 1, &request));
    CHECK_EQ(request.header.sector, 114);
    fake_complete(block, 1, &request, 1);
    CHECK_EQ(submit(50, 1, 1, false), EXO_OK);
    CHECK_EQ(fake_run(block, 1, 1), 1);
    put_request(0, EXO_BLOCK_READ, 5, 512);
    CHECK_EQ(submit(50, 1, 2, false), EXO_E_RANGE);
    put_request(0, EXO_BLOCK_WRITE, 0, 512);
    CHECK_EQ(submit(50, 1, 2, false), EXO_E_RIGHT);
    put_request(0, EXO_BLOCK_FLUSH, 0, 0);
    CHECK_EQ(submit(50, 1, 2, false), EXO_E_RIGHT);
    put_request(0, EXO_BLOCK_DISCARD, 0, 512);
    CHECK_EQ(submit(50, 1, 2, false), EXO_E_RIGHT);
    CHECK_EQ(CALL_AGAIN(cap_revoke, EXTENT), EXO_OK);
    CHECK_EQ(submit(50, 0, 2, false), EXO_E_SLOT);
    CHECK_EQ(submit(EXTENT, 0, 2, false), EXO_OK);
    end();
}

/* --- Reclaiming
 * -----------------------------------------------------------------------------------
 */

static void
repossession_takes_what_no_device_uses_first(void)
{
    begin();
    make_cell(30, 100);
    CHECK_EQ(CALL_AGAIN(device_open, CELL, RNG, 1, 0, 0), EXO_OK);
    CHECK_EQ(CALL(frames_alloc, 30, 50, 20, EXO_ALLOC_CONTIGUOUS, 0), EXO_OK);
    CHECK_EQ(CALL(queue_open, 30, QUEUE, RNG, 0, RING, 0, 0), EXO_OK);
    CHECK_EQ(add_region(QUEUE, 30, FRAMES, 20, BOTH), 0); /* the newest run */
    fly(QUEUE, 32, 0);
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
    end();
}

/* --- All together
 * ---------------------------------------------------------------------------------
 */

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
        if (fake_take(block, queue, &request))
            fake_complete(block, queue, &request, 1);
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
            put(i, (uint16_t)tap_random(random, 60), (uint16_t)tap_random(random, 3),
                tap_random(random, 4) ? W : 0, 0, 512);
            batch[i].operation = batch[i].flags ? EXO_BLOCK_READ : EXO_BLOCK_WRITE;
        }
        if (submit(queue, 1 + tap_random(random, 3), block->rings[queue - 33].used, false) ==
            EXO_E_RESET)
            (void)CALL(cap_drop, queue);
    }
}

static void
whatever_both_do_nothing_is_left(void)
{
    uint64_t random = 20250101;
    begin();
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
    end();
}

/* The payer of the rings goes, and with it what others see of them. */
static void
killing_the_payer_of_a_session_takes_the_ring_page(void)
{
    begin();
    make_cell(30, 100);
    CHECK_EQ(CALL_AGAIN(device_open, 30, RNG, 1, 0, 0), EXO_OK);
    CHECK_EQ(CALL(queue_open, CELL, QUEUE, RNG, 0, RING, 0, 0), EXO_OK);
    CHECK_EQ(add_region(QUEUE, CELL, FRAMES, 1, BOTH), 0);
    CHECK_EQ(CALL_AGAIN(cap_drop, 30), EXO_OK);
    CHECK_EQ(CALL(cap_info, RING, FAKE_USER), EXO_E_SLOT);
    CHECK_EQ(submit(QUEUE, 0, 0, false), EXO_E_RESET);
    CHECK_EQ(info_of(QUEUE).state, EXO_RING_RESET);
    CHECK_EQ(CALL_AGAIN(cap_drop, FRAMES), EXO_OK);
    CHECK_EQ(CALL_AGAIN(device_open, CELL, RNG, 1, 0, 0), EXO_OK);
    end();
}

static const struct tap_test tests[] = {
    TAP(device_open_accepts_the_whitelist_only),
    TAP(device_open_refuses),
    TAP(queue_open_refuses),
    TAP(ring_page_is_shown_and_never_writable),
    TAP(the_next_owner_goes_on_where_the_ring_is),
    TAP(buffers_come_and_go),
    TAP(chains_keep_their_order),
    TAP(a_batch_is_taken_as_a_whole_or_not_at_all),
    TAP(submit_refuses_its_arguments),
    TAP(the_ring_can_be_full_and_indices_wrap),
    TAP(doorbells_ring_when_the_device_asks),
    TAP(arming_says_what_is_there_already),
    TAP(completions_interrupt_who_armed),
    TAP(region_refuses),
    TAP(frames_are_zeroed_in_steps_before_a_device_sees_them),
    TAP(regions_are_released_when_nothing_is_in_flight),
    TAP(revoking_frames_waits_for_the_device),
    TAP(revoking_frames_resets_the_device_at_the_deadline),
    TAP(killing_a_cell_with_requests_in_flight),
    TAP(killing_an_environment_with_requests_in_flight),
    TAP(killing_the_payer_of_a_session_takes_the_ring_page),
    TAP(a_device_owned_alone_is_reset_at_once),
    TAP(a_session_ends_for_all_its_queues),
    TAP(a_device_that_lies_is_reset),
    TAP(a_device_that_is_pulled_out_is_gone),
    TAP(a_device_that_is_removed_may_do_no_dma),
    TAP(a_device_that_does_not_become_quiet_is_not_removed),
    TAP(a_disk_without_a_size_is_not_opened),
    TAP(a_device_that_does_not_answer_is_gone),
    TAP(requests_have_the_kernels_header_and_status),
    TAP(an_extent_ends_at_its_sectors),
    TAP(extents_are_narrowed_by_copies),
    TAP(repossession_takes_what_no_device_uses_first),
    TAP(whatever_both_do_nothing_is_left),
};
TAP_MAIN(tests)

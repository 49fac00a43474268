/* Arguments of calls on devices' sessions and queues. All workers share the devices. */
#include "worker.h"

#define PORTS       3u
#define DISK_QUEUES 4u
#define PORT_MAC    0x010000005452ull /* 52:54:00:00:01:<port>, byte 0 lowest */

static uint64_t
pick_cell(void)
{
    return below(3) ? EXO_BOOT_CELL : pick(EXO_TYPE_CELL, EXO_WRITE);
}

static void
gen_device_open(uint64_t *x)
{
    x[0] = pick_cell();
    x[1] = pick_device(EXO_CONTROL);
    x[2] = x[1] == FUZZ_SLOT_DISK ? 1 + below(DISK_QUEUES) : x[1] == FUZZ_SLOT_NIC ? 2 : 1;
    x[3] = random_next();
    x[4] = x[1] == FUZZ_SLOT_NIC && one_in(2) ? 1 + below(PORTS) : one_in(16);
    if (one_in(16))
        x[2] = pick_odd();
}

static void
gen_device_close(uint64_t *x)
{
    x[0] = pick_device(EXO_CONTROL);
}

/* Which of a NIC's sessions there is, with ports or without, only others may know. */
static void
gen_queue_open(uint64_t *x)
{
    x[0] = pick_cell();
    x[1] = pick_empty();
    x[2] = pick_device(EXO_WRITE);
    x[4] = pick_empty();
    if (x[2] == FUZZ_SLOT_DISK) {
        x[3] = below(DISK_QUEUES);
        x[5] = below(3) * 500;
        x[6] = x[5] == 0 && one_in(2) ? 0 : 1 + below(500);
    } else if (x[2] == FUZZ_SLOT_NIC) {
        bool port = one_in(2);
        x[3] = below(port ? 2 * PORTS : 2);
        x[5] = port ? PORT_MAC | (x[3] / 2) << 40 : 0;
    }
    if (one_in(16))
        x[3 + below(3)] = pick_odd();
    if (one_in(16))
        x[6] = one_in(2);
}

static void
gen_queue_region(uint64_t *x)
{
    x[4] = one_in(16) ? below(8) : 1 + below(3);
    x[0] = pick(EXO_TYPE_QUEUE, EXO_WRITE);
    x[1] = pick_other(EXO_TYPE_FRAMES, (uint32_t)x[4] & (EXO_READ | EXO_WRITE));
    x[2] = one_in(16) ? pick_odd() : below(2);
    x[3] = one_in(16) ? pick_odd() : 1 + below(2);
}

static void
gen_queue_release(uint64_t *x)
{
    x[0] = pick(EXO_TYPE_QUEUE, EXO_WRITE);
    x[1] = one_in(16) ? pick_odd() : below(4);
}

/* Reads and writes, now and then of half a sector, flushes, and what is not defined. */
static void
make_request(struct exo_descriptor *descriptor)
{
    static const uint16_t operations[] = {EXO_BLOCK_READ, EXO_BLOCK_WRITE, EXO_BLOCK_FLUSH,
                                          EXO_BLOCK_DISCARD};
    uint16_t operation = one_in(16) ? (uint16_t)below(32) : operations[below(4)];
    descriptor->operation = operation;
    descriptor->sector = one_in(8) ? pick_odd() : below(64);
    descriptor->length = operation == EXO_BLOCK_FLUSH ? 0 : EXO_SECTOR_BYTES * (1 + below(3));
    descriptor->flags = operation == EXO_BLOCK_READ ? EXO_DESCRIPTOR_WRITE : 0;
}

/* Short chains, mostly good ones: of frames that come or go, of requests, of randomness. */
static void
make_batch(struct exo_descriptor *batch, uint32_t count, uint8_t type)
{
    uint32_t ids = one_in(2) ? 8 : 64;
    uint16_t flags = type != EXO_TYPE_EXTENT && one_in(4) ? 0 : EXO_DESCRIPTOR_WRITE;
    for (uint32_t i = 0; i < count; i++) {
        batch[i] = (struct exo_descriptor){.id = (uint16_t)below(ids),
                                           .region = (uint16_t)below(one_in(2) ? 1 : 4),
                                           .flags = flags,
                                           .offset = below(2000),
                                           .length = 14 + below(82)};
        if (type == EXO_TYPE_EXTENT)
            make_request(&batch[i]);
        if (one_in(8))
            batch[i].flags = (uint16_t)below(8);
        if (one_in(8))
            batch[i].offset = (uint32_t)pick_odd();
        if (one_in(8))
            batch[i].length = (uint32_t)pick_odd();
    }
}

static void
gen_queue_submit(uint64_t *x)
{
    x[0] = pick(EXO_TYPE_QUEUE, EXO_WRITE);
    x[1] = pick_buffer(bytes_buffer);
    x[2] = one_in(32) ? pick_odd() : below(5);
    x[3] = one_in(8) ? random_next() % 65536 : slot_at(x[0])->consumed;
    x[4] = below(2);
    make_batch((struct exo_descriptor *)(void *)bytes_buffer, 5, slot_at(x[0])->type);
}

static void
gen_queue_info(uint64_t *x)
{
    x[0] = pick(EXO_TYPE_QUEUE, EXO_READ);
    x[1] = pick_buffer(bytes_buffer);
}

generator *const generate_queues[EXO_CALL_COUNT] = {
    [EXO_CALL_device_open] = gen_device_open,     [EXO_CALL_device_close] = gen_device_close,
    [EXO_CALL_queue_open] = gen_queue_open,       [EXO_CALL_queue_region] = gen_queue_region,
    [EXO_CALL_queue_release] = gen_queue_release, [EXO_CALL_queue_submit] = gen_queue_submit,
    [EXO_CALL_queue_info] = gen_queue_info,
};

/* Arguments of calls on devices' sessions and queues. All workers share one device. */
#include "worker.h"

static void
gen_device_open(uint64_t *x)
{
    x[0] = below(3) ? EXO_BOOT_CELL : pick(EXO_TYPE_CELL, EXO_WRITE);
    x[1] = pick(EXO_TYPE_DEVICE, EXO_CONTROL);
    x[2] = one_in(16) ? pick_odd() : 1;
    x[3] = random_next();
    x[4] = one_in(16);
}

static void
gen_device_close(uint64_t *x)
{
    x[0] = pick(EXO_TYPE_DEVICE, EXO_CONTROL);
}

static void
gen_queue_open(uint64_t *x)
{
    x[0] = below(3) ? EXO_BOOT_CELL : pick(EXO_TYPE_CELL, EXO_WRITE);
    x[1] = pick_empty();
    x[2] = pick(EXO_TYPE_DEVICE, EXO_WRITE);
    x[3] = one_in(16) ? pick_odd() : 0;
    x[4] = pick_empty();
    x[5] = one_in(16);
    x[6] = one_in(16);
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

/* Short chains, mostly good ones. */
static void
gen_queue_submit(uint64_t *x)
{
    struct exo_descriptor *batch = (struct exo_descriptor *)(void *)bytes_buffer;
    x[0] = pick(EXO_TYPE_QUEUE, EXO_WRITE);
    x[1] = pick_buffer(bytes_buffer);
    x[2] = one_in(32) ? pick_odd() : below(5);
    x[3] = one_in(8) ? random_next() % 65536 : now.consumed;
    x[4] = below(2);
    for (uint32_t i = 0; i < 5; i++) {
        batch[i] = (struct exo_descriptor){.id = (uint16_t)below(8),
                                           .region = (uint16_t)below(4),
                                           .flags = (uint16_t)(one_in(8) ? below(8) : 2),
                                           .offset = one_in(8) ? (uint32_t)pick_odd() : below(4000),
                                           .length = one_in(8) ? (uint32_t)pick_odd() : below(96)};
    }
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

/* Queues: what is submitted and what is refused, doorbells, and who is told of completions. */
#include "devices/buffers.h"
#include "tap.h"

#include <string.h>

static void
buffers_come_and_go(void)
{
    begin_devices();
    open_rng();
    put_buffer(0, 7, 0, W, 100, 50);
    put_buffer(1, 9, 0, W, 4096, 8192);
    CHECK_EQ(submit_batch(QUEUE, 2, 0, false), EXO_OK);
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
    put_buffer(0, 7, 0, W, 0, 1);
    CHECK_EQ(submit_batch(QUEUE, 1, 0, false), EXO_E_OCCUPIED); /* its owner has not seen it */
    CHECK_EQ(submit_batch(QUEUE, 1, 1, false), EXO_OK);
    CHECK_EQ(fake_result(1), 2);
    put_buffer(0, 9, 0, W, 0, 1);
    CHECK_EQ(submit_batch(QUEUE, 1, 1, false), EXO_E_OCCUPIED);
    CHECK_EQ(submit_batch(QUEUE, 1, 2, false), EXO_OK);
    CHECK_EQ(fake_run(rng, 0, 1), 2);
    CHECK_EQ(submit_batch(QUEUE, 0, 4, false), EXO_OK);
    CHECK_EQ(info_of(QUEUE).in_flight, 0);
    CHECK_EQ(info_of(QUEUE).submitted, 4);
    CHECK_EQ(info_of(QUEUE).completed, 4);
    end_devices();
}

static void
chains_keep_their_order(void)
{
    struct fake_request request;
    begin_devices();
    open_rng();
    put_buffer(0, 200, 0, EXO_DESCRIPTOR_NEXT, 0, 10);
    put_buffer(1, 3, 0, EXO_DESCRIPTOR_NEXT, 20, 30);
    put_buffer(2, 255, 0, W | EXO_DESCRIPTOR_NEXT, 4096, 4096);
    put_buffer(3, 0, 0, W, 8192, 1);
    put_buffer(4, 1, 0, 0, 9000, 5);
    CHECK_EQ(submit_batch(QUEUE, 5, 0, false), EXO_OK);
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
    CHECK_EQ(submit_batch(QUEUE, 0, 2, false), EXO_OK);
    for (int i = 0; i < 256; i++)
        CHECK_EQ(queue_at(QUEUE)->shadow[i].state, ID_FREE);
    end_devices();
}

struct refusal {
    const char *what;
    struct exo_descriptor d[2];
    unsigned count;
    int64_t err;
};

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
    begin_devices();
    open_rng();
    CHECK_EQ(add_region(QUEUE, CELL, 43, 4, READ), 1);
    CHECK_EQ(add_region(QUEUE, CELL, 44, 4, WRITE), 2);
    put_buffer(0, 0, 0, W, 0, 64);
    CHECK_EQ(submit_batch(QUEUE, 1, 0, false), EXO_OK);
    struct queue *queue = queue_at(QUEUE);
    memcpy(shadow, queue->shadow, sizeof(shadow));
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        const struct refusal *refusal = &refusals[i];
        for (unsigned j = 0; j < 8; j++)
            put_buffer(j, (uint16_t)(10 + j), 0, j % 2 ? 0 : N, 0, 64);
        memcpy(&batch[8], refusal->d, sizeof(refusal->d));
        int64_t err = submit_batch(QUEUE, 8 + refusal->count, 0, false);
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
    end_devices();
}

static void
submit_refuses_its_arguments(void)
{
    begin_devices();
    open_rng();
    CHECK_EQ(submit_batch(QUEUE, EXO_SUBMIT_MAX + 1, 0, false), EXO_E_ARG);
    CHECK_EQ(CALL(queue_submit, QUEUE, FAKE_USER, 1, 65536, 0), EXO_E_ARG);
    CHECK_EQ(CALL(queue_submit, QUEUE, FAKE_USER, 1, 0, 2), EXO_E_ARG);
    CHECK_EQ(CALL(queue_submit, QUEUE, 0x100, 1, 0, 0), EXO_E_FAULT);
    CHECK_EQ(CALL(queue_submit, FRAMES, FAKE_USER, 1, 0, 0), EXO_E_TYPE);
    CHECK_EQ(CALL(queue_submit, 63, FAKE_USER, 1, 0, 0), EXO_E_SLOT);
    CHECK_EQ(CALL(cap_copy, QUEUE, EXO_SELF, 50, READ, 0, 0), EXO_OK);
    CHECK_EQ(CALL(queue_submit, 50, FAKE_USER, 1, 0, 0), EXO_E_RIGHT);
    CHECK_EQ(CALL(cap_copy, QUEUE, EXO_SELF, 51, WRITE, 0, 0), EXO_OK);
    CHECK_EQ(CALL(queue_info, 51, FAKE_USER), EXO_E_RIGHT);
    CHECK_EQ(submit_batch(QUEUE, 0, 1, false), EXO_E_RANGE); /* nothing has completed */
    CHECK_EQ(submit_batch(QUEUE, 0, 65535, false), EXO_E_RANGE);
    fly(QUEUE, 3, 0);
    CHECK_EQ(fake_run(rng, 0, 1), 3);
    CHECK_EQ(submit_batch(QUEUE, 0, 4, false), EXO_E_RANGE);
    CHECK_EQ(submit_batch(QUEUE, 0, 2, false), EXO_OK);
    CHECK_EQ(submit_batch(QUEUE, 0, 1, false), EXO_E_RANGE); /* backwards */
    CHECK_EQ(submit_batch(QUEUE, 0, 3, false), EXO_OK);
    end_devices();
}

static void
the_ring_can_be_full_and_indices_wrap(void)
{
    uint64_t random = 99;
    uint16_t consumed = 0, next = 0;
    uint32_t done = 0, sent = 0;
    begin_devices();
    rng->entries = 64;
    open_rng();
    while (done < 150000) {
        unsigned count = 0, room = 64 - (sent - done);
        for (; count < room && tap_random(&random, 40) != 0; count++)
            put_buffer(count, next++ % 64, 0, W, 0,
                       8); /* the device is in order, so these are free */
        CHECK_EQ(submit_batch(QUEUE, count, consumed, false), EXO_OK);
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
    end_devices();
}

static void
doorbells_ring_when_the_device_asks(void)
{
    struct fake_request request;
    begin_devices();
    open_rng();
    fly(QUEUE, 2, 0);
    CHECK_EQ(rng->rings[0].doorbells, 1);
    put_buffer(0, 10, 0, W, 0, 1);
    CHECK_EQ(submit_batch(QUEUE, 1, 0, false), EXO_OK);
    CHECK_EQ(rng->rings[0].doorbells, 1); /* it has not looked since */
    CHECK_EQ(fake_run(rng, 0, 1), 3);
    put_buffer(0, 11, 0, W, 0, 1);
    CHECK_EQ(submit_batch(QUEUE, 1, 0, false), EXO_OK);
    CHECK_EQ(rng->rings[0].doorbells, 2);
    CHECK(fake_take(rng, 0, &request));
    end_devices();
}

static void
arming_says_what_is_there_already(void)
{
    begin_devices();
    open_rng();
    struct queue *queue = queue_at(QUEUE);
    CHECK_EQ(submit_batch(QUEUE, 0, 0, true), EXO_OK);
    CHECK_EQ(fake_result(1), 0);
    CHECK_EQ(fake_result(2), 0);
    fly(QUEUE, 2, 0);
    CHECK_EQ(fake_run(rng, 0, 1), 2);
    CHECK_EQ(submit_batch(QUEUE, 0, 1, false), EXO_OK);
    CHECK_EQ(fake_result(1), 2);
    CHECK_EQ(fake_result(2), 0); /* nobody asked */
    CHECK_EQ(queue->driver->ring[FAKE_ENTRIES], 0);
    CHECK_EQ(submit_batch(QUEUE, 0, 1, true), EXO_OK);
    CHECK_EQ(fake_result(1), 2);
    CHECK_EQ(fake_result(2), 1);
    CHECK_EQ(queue->driver->ring[FAKE_ENTRIES], 1);
    CHECK_EQ(submit_batch(QUEUE, 0, 2, true), EXO_OK);
    CHECK_EQ(fake_result(2), 0);
    CHECK_EQ(queue->driver->ring[FAKE_ENTRIES], 2);
    end_devices();
}

static void
completions_interrupt_who_armed(void)
{
    begin_devices();
    open_rng();
    struct queue *queue = queue_at(QUEUE);
    CHECK_EQ(CALL(notification_create, CELL, 50), EXO_OK);
    CHECK_EQ(CALL(notification_bind, 50, EXO_BOOT_VCPU), EXO_OK);
    CHECK_EQ(CALL(cap_copy, 50, EXO_SELF, 51, WRITE | EXO_COPY, 8, 0), EXO_OK);
    CHECK_EQ(CALL(irq_bind, QUEUE, 51), EXO_OK);
    CHECK_EQ(CALL(irq_bind, QUEUE, 51), EXO_E_OCCUPIED);
    CHECK_EQ(submit_batch(QUEUE, 0, 0, true), EXO_OK);
    irq_fired(queue->irq.line);
    CHECK_EQ(take_events(), 8);
    CHECK_EQ(info_of(QUEUE).interrupts, 1);
    for (uint32_t i = 0; i < EXO_IRQ_BURST + 2; i++) {
        irq_fired(queue->irq.line);
        CHECK_EQ(submit_batch(QUEUE, 0, 0, true), EXO_OK);
    }
    CHECK_EQ(fake_result(2), 1); /* a storm: polling is asked for */
    fake_ticks += 1000;
    CHECK_EQ(submit_batch(QUEUE, 0, 0, true), EXO_OK);
    CHECK_EQ(fake_result(2), 0);
    (void)take_events();
    CHECK_EQ(CALL_AGAIN(device_close, RNG), EXO_OK);
    CHECK_EQ(take_events(), 8); /* so that it looks and finds out */
    CHECK_EQ(CALL_AGAIN(cap_drop, QUEUE), EXO_OK);
    CHECK(irq_entry(devices[FAKE_RNG].first_lpi + 1)->irq == NULL);
    end_devices();
}

static const struct tap_test tests[] = {
    TAP(buffers_come_and_go),
    TAP(chains_keep_their_order),
    TAP(a_batch_is_taken_as_a_whole_or_not_at_all),
    TAP(submit_refuses_its_arguments),
    TAP(the_ring_can_be_full_and_indices_wrap),
    TAP(doorbells_ring_when_the_device_asks),
    TAP(arming_says_what_is_there_already),
    TAP(completions_interrupt_who_armed),
};
TAP_MAIN(tests)

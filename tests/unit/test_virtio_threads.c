/*
 * One CPU submits, another registers frames and takes them away again, a device completes what it
 * is given: no access goes to memory that is nobody's any more, and nothing is left.
 */
#include "core/frame.h"
#include "core/sched.h"
#include "fake_kernel.h"
#include "fake_virtio.h"
#include "tap.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>

#define CELL   EXO_BOOT_CELL
#define RNG    (FAKE_DEVICE_SLOT + FAKE_RNG)
#define QUEUE  40u
#define RING   41u
#define FRAMES 42u
#define ROUNDS 2000
#define BATCH  4u

static struct fake_device *const rng = &fake_devices[FAKE_RNG];
static _Atomic uint64_t region; /* that frames were last registered as */
static _Atomic bool over;
static _Atomic int unexpected, submitted;

static void *
device(void *unused)
{
    (void)unused;
    while (!over)
        if (fake_run(rng, 0, 0x77) == 0)
            sched_yield();
    return NULL;
}

/* CPU 0. Ids that are free are found by trying. */
static void *
submit(void *page)
{
    const struct exo_ring *ring = page;
    struct exo_descriptor batch[BATCH];
    uint64_t random = 7;
    while (!over) {
        uint16_t consumed = __atomic_load_n(&ring->used_index, __ATOMIC_ACQUIRE);
        for (unsigned i = 0; i < BATCH; i++)
            batch[i] = (struct exo_descriptor){.id = (uint16_t)tap_random(&random, 256),
                                               .region = (uint16_t)region,
                                               .flags = EXO_DESCRIPTOR_WRITE,
                                               .offset = i * 64,
                                               .length = 64};
        memcpy(fake_user, batch, sizeof(batch));
        int64_t err = CALL(queue_submit, QUEUE, FAKE_USER, BATCH, consumed, tap_random(&random, 2));
        submitted += err == EXO_OK;
        unexpected += err != EXO_OK && err != EXO_E_RANGE && err != EXO_E_OCCUPIED;
        sched_yield();
    }
    return NULL;
}

/* CPU 1. Now and then frames go at once; every other time the region is released before. */
static void
give_and_take(void)
{
    for (int i = 0; i < ROUNDS; i++) {
        CHECK_EQ(CALL(frames_alloc, CELL, FRAMES, 2, EXO_ALLOC_CONTIGUOUS, 0), EXO_OK);
        CHECK_EQ(CALL_AGAIN(queue_region, QUEUE, FRAMES, 0, 2, EXO_WRITE), EXO_OK);
        region = fake_result(1);
        for (int before = submitted; i % 4 != 0 && submitted == before;)
            sched_yield();
        int64_t err = i % 2 ? CALL(queue_release, QUEUE, region) : EXO_E_BUSY;
        CHECK(err == EXO_OK || err == EXO_E_BUSY || err == EXO_E_AGAIN);
        while ((err = CALL(cap_drop, FRAMES)) == EXO_E_AGAIN)
            sched_yield();
        CHECK_EQ(err, EXO_OK);
        (void)CALL(cell_reap, CELL);
    }
}

/* A second vCPU of init's environment is current on CPU 1. */
static void
begin(void)
{
    fake_boot(4096, 2);
    fake_virtio_begin();
    CHECK_EQ(CALL(vcpu_create, EXO_SELF, 50, 1, 0x3000000, 0x400000, 0, 0), EXO_OK);
    CHECK_EQ(CALL(vcpu_start, 50), EXO_OK);
    CHECK_EQ(CALL_AGAIN(device_open, CELL, RNG, 1, 0, 0), EXO_OK);
    CHECK_EQ(CALL(queue_open, CELL, QUEUE, RNG, 0, RING, 0, 0), EXO_OK);
    fake_cpu = 1;
    (void)sched_choose(false);
    fake_cpu = 0;
}

static void
no_access_to_frames_that_were_taken_away(void)
{
    struct cap ring;
    pthread_t threads[2];
    begin();
    CHECK_EQ(cap_lookup(fake_init->env, RING, EXO_TYPE_FRAMES, 0, &ring), EXO_OK);
    struct exo_cell_info before = fake_cell_info(CELL);
    CHECK_EQ(pthread_create(&threads[0], NULL, device, NULL), 0);
    CHECK_EQ(pthread_create(&threads[1], NULL, submit, frame_to_kernel(ring.base)), 0);
    fake_cpu = 1;
    give_and_take();
    over = true;
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    fake_cpu = 0;
    CHECK_EQ(unexpected, 0);
    CHECK(submitted >= ROUNDS * 3 / 4);
    CHECK_EQ(rng->bad_dma, 0);
    CHECK_EQ(rng->late_dma, 0);
    CHECK_EQ(rng->resets, 0);
    CHECK_EQ(CALL_AGAIN(cell_reap, CELL), EXO_OK);
    CHECK_EQ(fake_cell_info(CELL).own[EXO_RES_FRAMES], before.own[EXO_RES_FRAMES]);
    fake_machine_end();
}

static const struct tap_test tests[] = {
    TAP(no_access_to_frames_that_were_taken_away),
};
TAP_MAIN(tests)

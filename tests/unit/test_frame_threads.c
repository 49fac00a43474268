/* The frame table and the pool under several CPUs at once. */
#include "core/frame.h"
#include "fake_arch.h"
#include "tap.h"

#include <pthread.h>

#define THREADS 4
#define FRAMES  1024
#define SHARED  4 /* frames that all fight for */
#define ROUNDS  20000

#define RW (EXO_PROT_READ | EXO_PROT_WRITE)
#define RX (EXO_PROT_READ | EXO_PROT_EXEC)

static pfn_t shared;
static _Atomic int writers[SHARED], executors[SHARED];
static _Atomic int violations, successes;

static void
as_writer(uint32_t i)
{
    atomic_fetch_add(&writers[i], 1);
    violations += executors[i] != 0;
    atomic_fetch_sub(&writers[i], 1);
}

static void
as_executor(uint32_t i)
{
    atomic_fetch_add(&executors[i], 1);
    violations += writers[i] != 0;
    atomic_fetch_sub(&executors[i], 1);
}

static void *
fight(void *number)
{
    uint64_t random = 77 + (uintptr_t)number;
    fake_cpu = (uint32_t)(uintptr_t)number;
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t i = tap_random(&random, SHARED), what = tap_random(&random, 2);
        if (what == 0 && map_one(shared + i, RW) == EXO_OK) {
            as_writer(i);
            unmap_one(shared + i, RW);
            successes++;
        } else if (what == 1 && map_one(shared + i, RX) == EXO_OK) {
            as_executor(i);
            unmap_one(shared + i, RX);
            successes++;
        }
    }
    return NULL;
}

static void
run_threads(void *(*body)(void *))
{
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, body, (void *)i), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

static void
frame_is_never_writable_and_executable_at_once(void)
{
    uint64_t got;
    uint32_t budget = SHARED;
    static int owner;
    fake_machine(FRAMES, THREADS);
    CHECK_EQ(frame_take(SHARED, EXO_ALLOC_CONTIGUOUS, 0, &owner, &shared, &got), EXO_OK);
    CHECK_EQ(frame_clean(shared, SHARED, &budget), EXO_OK);
    run_threads(fight);
    CHECK_EQ(violations, 0);
    CHECK(successes > ROUNDS / 10);
    frame_put(shared, SHARED); /* all counts are 0 again */
}

static _Atomic uint8_t taken[FRAMES];

static void *
take_and_put(void *number)
{
    uint64_t random = 5 + (uintptr_t)number, got;
    pfn_t base;
    fake_cpu = (uint32_t)(uintptr_t)number;
    for (int round = 0; round < ROUNDS / 4; round++) {
        enum exo_alloc how = (enum exo_alloc)tap_random(&random, 4);
        uint64_t count = 1 + tap_random(&random, 30);
        pfn_t at = FAKE_PFN + tap_random(&random, FRAMES);
        if (frame_take(count, how, at, &taken, &base, &got) != EXO_OK)
            continue;
        for (uint64_t i = 0; i < got; i++)
            violations += atomic_exchange(&taken[base - FAKE_PFN + i], 1) != 0;
        *(uint64_t *)frame_to_kernel(base) = random;
        for (uint64_t i = 0; i < got; i++)
            taken[base - FAKE_PFN + i] = 0;
        frame_put(base, got);
    }
    return NULL;
}

static void
no_frame_is_given_to_two(void)
{
    fake_machine(FRAMES, THREADS);
    violations = 0;
    run_threads(take_and_put);
    CHECK_EQ(violations, 0);
    CHECK_EQ(frame_free_count(), FRAMES);
}

static void *
clean_and_write(void *number)
{
    fake_cpu = (uint32_t)(uintptr_t)number;
    for (uint64_t i = 0; i < 64; i++) {
        _Atomic uint32_t *memory = frame_to_kernel(shared + i);
        uint32_t budget = 1;
        while (frame_clean(shared + i, 1, &budget) != EXO_OK)
            budget = 1;
        atomic_fetch_add(memory, 1);
    }
    return NULL;
}

static void
frame_is_not_zeroed_again_under_who_already_has_it(void)
{
    uint64_t got;
    for (int round = 0; round < 20; round++) {
        fake_machine(FRAMES, THREADS);
        CHECK_EQ(frame_take(64, EXO_ALLOC_CONTIGUOUS, 0, &taken, &shared, &got), EXO_OK);
        run_threads(clean_and_write);
        for (uint64_t i = 0; i < 64; i++)
            CHECK_EQ(*(uint32_t *)frame_to_kernel(shared + i), THREADS);
    }
}

static const struct tap_test tests[] = {
    TAP(frame_is_never_writable_and_executable_at_once),
    TAP(no_frame_is_given_to_two),
    TAP(frame_is_not_zeroed_again_under_who_already_has_it),
};
TAP_MAIN(tests)

/*
 * The model pager: what is touched is shown, as it was signed, by however many threads, with
 * however little memory. Under the thread sanitizer, too.
 */
#include <string.h>

#include "machine.h"
#include "tap.h"

/* Half of the touches are of blocks that others touch, too, at the same time. */
static void *
touch_at_random(void *argument)
{
    uint64_t random = (uintptr_t)argument % 2 + 1;
    for (int i = 0; i < 300; i++)
        require(is_good(tap_random(&random, BLOCKS)), "a block is not what was signed");
    return NULL;
}

static void
threads_see_good_blocks_each_read_once(void)
{
    begin();
    run_threads(touch_at_random);
    for (uint32_t i = 0; i < BLOCKS; i++)
        CHECK(machine.times_read[i] <= 1);
    CHECK(!pager_is_failed(&pager, NULL));
    CHECK_EQ(pager_counts(&pager).faults, THREADS * 300);
    end();
}

/* A share each, as the engine's workers have. */
static void *
touch_a_share(void *argument)
{
    uint32_t first = (uint32_t)(uintptr_t)argument * (BLOCKS / THREADS);
    for (uint32_t i = 0; i < BLOCKS / THREADS; i++)
        require(is_good(first + i), "a block is not what was signed");
    return NULL;
}

static void
each_thread_that_goes_on_is_read_ahead_for(void)
{
    begin();
    run_threads(touch_a_share);
    struct pager_counts counts = pager_counts(&pager);
    CHECK_EQ(counts.blocks_read, BLOCKS);
    CHECK_EQ(counts.bytes_verified, (uint64_t)BLOCKS * TREE_BLOCK_BYTES);
    CHECK(machine.requests < BLOCKS / 2);
    CHECK(counts.blocks_ahead > BLOCKS / 2);
    CHECK(machine.most_flying > 1);
    end();
}

static void
only_what_is_touched_is_read(void)
{
    begin();
    for (uint32_t i = 0; i < BLOCKS; i += 3)
        CHECK(is_good(i));
    struct pager_counts counts = pager_counts(&pager);
    CHECK_EQ(counts.blocks_read, BLOCKS / 3);
    CHECK_EQ(counts.blocks_held, BLOCKS / 3);
    CHECK_EQ(counts.blocks_ahead, 0);
    end();
}

static void
everything_is_read_in_long_requests(void)
{
    struct why why;
    begin();
    CHECK(pager_touch_all(&pager, 0, &why));
    CHECK_EQ(pager_counts(&pager).blocks_read, BLOCKS);
    CHECK_EQ(machine.longest, PAGER_READ_BLOCKS);
    CHECK_EQ(machine.requests, BLOCKS / PAGER_READ_BLOCKS);
    CHECK(is_good(0) && is_good(BLOCKS - 1));
    end();
}

/* Everything in one order, three times, with room for two thirds of it; from its end, so that
 * nothing is read ahead. */
static void
what_was_read_first_stays_for_who_reads_all_again(void)
{
    begin();
    machine.places_max = 64;
    pager_may_forget(&pager, 0);
    for (uint32_t i = 0; i < 3 * BLOCKS; i++)
        CHECK(is_good(BLOCKS - 1 - i % BLOCKS));
    struct pager_counts counts = pager_counts(&pager);
    CHECK(!pager_is_failed(&pager, NULL));
    CHECK(counts.blocks_held <= 64);
    for (uint32_t i = 0; i < 31; i++)
        CHECK_EQ(machine.times_read[BLOCKS - 1 - i], 1);
    CHECK(counts.blocks_read <= 3 * BLOCKS - 2 * 31);
    CHECK_EQ(counts.blocks_forgotten, counts.blocks_read - counts.blocks_held);
    CHECK(machine.shown[BLOCKS - 1] != NULL && machine.shown[0] != NULL);
    end();
}

/* Two of three windows have memory, and are read in turns, from their ends, so that nothing is read
 * ahead: the one that goes does so as a whole. */
static void
what_is_mapped_as_one_is_forgotten_as_one(void)
{
    begin();
    machine.places_max = 2 * PAGER_WINDOW_BLOCKS;
    machine.maps_windows = true;
    pager_may_forget(&pager, 0);
    for (uint32_t i = 0; i < 2 * PAGER_WINDOW_BLOCKS; i++)
        CHECK(is_good((i % 2 + 1) * PAGER_WINDOW_BLOCKS - 1 - i / 2));
    CHECK(is_good(BLOCKS - 1));
    CHECK_EQ(machine.windows_hidden, 1);
    CHECK((machine.shown[31] == NULL) != (machine.shown[63] == NULL));
    CHECK((machine.shown[0] == NULL) != (machine.shown[32] == NULL));
    for (uint32_t i = 0; i < 3 * BLOCKS; i++)
        CHECK(is_good(i % BLOCKS));
    struct pager_counts counts = pager_counts(&pager);
    CHECK(machine.windows_hidden > 4);
    CHECK(counts.blocks_held <= machine.places_max);
    CHECK_EQ(counts.blocks_forgotten, machine.hidden);
    CHECK_EQ(counts.blocks_forgotten, counts.blocks_read - counts.blocks_held);
    CHECK(!pager_is_failed(&pager, NULL));
    end();
}

/* From both ends, so that they meet. */
static uint32_t
block_of_step(uintptr_t thread, uint32_t step)
{
    return thread % 2 == 0 ? step % BLOCKS : BLOCKS - 1 - step % BLOCKS;
}

/* A touch may find its block forgotten again before it is looked at: the access that faulted is
 * then made once more, as a program's is. */
static void *
touch_with_little_memory(void *argument)
{
    for (uint32_t i = 0; i < 3 * BLOCKS; i++) {
        uint32_t index = block_of_step((uintptr_t)argument, i);
        const uint8_t *shown;
        do {
            require(pager_touch(&pager, 0, index), "a block cannot be shown");
            pthread_mutex_lock(&machine.lock);
            shown = machine.shown[index];
            require(shown == NULL || (shown != zeros &&
                                      memcmp(shown, machine.disk + index * (size_t)TREE_BLOCK_BYTES,
                                             tree_block_bytes(BYTES, index)) == 0),
                    "a block is not what was signed");
            pthread_mutex_unlock(&machine.lock);
        } while (shown == NULL);
    }
    return NULL;
}

static void
threads_with_little_memory_see_good_blocks(void)
{
    for (uint32_t places = 1; places <= 64; places *= 4) {
        begin();
        machine.places_max = places;
        machine.maps_windows = places == 64;
        pager_may_forget(&pager, 0);
        run_threads(touch_with_little_memory);
        CHECK(!pager_is_failed(&pager, NULL));
        CHECK(pager_counts(&pager).blocks_held <= places);
        end();
    }
}

static void
reads_under_way_are_waited_for_at_the_end(void)
{
    begin();
    CHECK(is_good(0) && is_good(1) && is_good(2));
    end(); /* checks it */
}

static const struct tap_test tests[] = {
    TAP(threads_see_good_blocks_each_read_once),
    TAP(each_thread_that_goes_on_is_read_ahead_for),
    TAP(only_what_is_touched_is_read),
    TAP(everything_is_read_in_long_requests),
    TAP(what_was_read_first_stays_for_who_reads_all_again),
    TAP(what_is_mapped_as_one_is_forgotten_as_one),
    TAP(threads_with_little_memory_see_good_blocks),
    TAP(reads_under_way_are_waited_for_at_the_end),
};
TAP_MAIN(tests)

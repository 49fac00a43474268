/*
 * The model pager over blocks that are not what was signed or cannot be read, and without memory or
 * device: zeros are shown, and why is said. Under the thread sanitizer, too.
 */
#include <string.h>

#include "machine.h"
#include "tap.h"

#define FLIPS 200

static void *
touch_the_bad_one(void *argument)
{
    (void)argument;
    require(touch(40) == zeros, "a byte of a bad block is shown");
    return NULL;
}

static void
threads_that_touch_a_corrupt_block_see_zeros(void)
{
    struct why why;
    for (int round = 0; round < 5; round++) {
        begin();
        machine.disk[40 * (size_t)TREE_BLOCK_BYTES + 99] ^= 4;
        run_threads(touch_the_bad_one);
        CHECK_EQ(machine.times_read[40], 1);
        CHECK(pager_is_failed(&pager, &why));
        CHECK(strcmp(why.text, "model.bin: block 40 is not what was signed") == 0);
        end();
    }
}

static void
any_flipped_bit_shows_zeros(void)
{
    uint64_t random = 5;
    begin();
    for (int i = 0; i < FLIPS; i++) {
        uint32_t byte = tap_random(&random, (uint32_t)BYTES);
        uint8_t bit = (uint8_t)(1u << tap_random(&random, 8));
        machine.disk[byte] ^= bit;
        CHECK(touch(byte / TREE_BLOCK_BYTES) == zeros);
        CHECK(pager_is_failed(&pager, NULL));
        machine.disk[byte] ^= bit;
        begin_again();
        CHECK(is_good(byte / TREE_BLOCK_BYTES));
        begin_again();
    }
    end();
}

static void
nothing_is_read_after_a_failure(void)
{
    begin();
    CHECK(is_good(3));
    machine.disk[40 * (size_t)TREE_BLOCK_BYTES] ^= 1;
    CHECK(touch(40) == zeros);
    uint64_t read = pager_counts(&pager).blocks_read;
    for (uint32_t i = 50; i < BLOCKS; i++)
        CHECK(touch(i) == zeros);
    CHECK_EQ(pager_counts(&pager).blocks_read, read);
    CHECK(touch(3) != zeros);
    end();
}

static void
reading_all_ends_at_a_bad_block_with_the_reason(void)
{
    struct why why;
    begin();
    machine.disk[70 * (size_t)TREE_BLOCK_BYTES] ^= 1;
    CHECK(!pager_touch_all(&pager, 0, &why));
    CHECK(strcmp(why.text, "model.bin: block 70 is not what was signed") == 0);
    CHECK(machine.shown[69] != NULL && machine.shown[70] == zeros && machine.shown[71] == NULL);
    end();
}

static void
only_the_block_that_cannot_be_read_is_lost(void)
{
    struct why why;
    begin();
    machine.unreadable = 12;
    for (uint32_t i = 0; i < 12; i++)
        CHECK(is_good(i));
    for (uint32_t i = 13; i < 30; i++)
        CHECK(is_good(i));
    CHECK(!pager_is_failed(&pager, NULL));
    CHECK(touch(12) == zeros);
    CHECK(pager_is_failed(&pager, &why));
    CHECK(strcmp(why.text, "model.bin: block 12 cannot be read from the disk") == 0);
    end();
}

static void
a_device_that_dies_ends_everything(void)
{
    begin();
    CHECK(is_good(0));
    pthread_mutex_lock(&machine.lock);
    machine.dead = true;
    pthread_mutex_unlock(&machine.lock);
    CHECK(touch(20) == zeros);
    CHECK(pager_is_failed(&pager, NULL));
    end();
}

static void
without_memory_zeros_are_shown_and_the_bundle_is_not_at_fault(void)
{
    struct why why;
    begin();
    machine.places_max = 5;
    for (uint32_t i = 0; i < 5; i++)
        CHECK(is_good(2 * i));
    CHECK(touch(20) == zeros);
    CHECK(pager_is_failed(&pager, &why) && pager_is_short(&pager));
    CHECK(strcmp(why.text, "model.bin: block 20 has no memory") == 0);
    end();
}

static void
kept_memory_is_taken_when_nothing_can_be_forgotten(void)
{
    begin();
    machine.places_max = 5;
    machine.places_kept = 2;
    for (uint32_t i = 0; i < 7; i++)
        CHECK(is_good(2 * i));
    CHECK(!pager_is_failed(&pager, NULL));
    CHECK(touch(20) == zeros && pager_is_short(&pager));
    end();
    begin();
    machine.places_max = 5;
    machine.places_kept = 2;
    pager_may_forget(&pager, 0);
    for (uint32_t i = 0; i < BLOCKS; i++)
        CHECK(is_good(i));
    CHECK(pager_counts(&pager).blocks_held <= 5);
    end();
}

static void
without_a_device_zeros_are_shown(void)
{
    struct why why;
    begin();
    CHECK(is_good(3));
    machine.refuses = true;
    CHECK(touch(20) == zeros);
    CHECK(pager_is_failed(&pager, &why) && !pager_is_short(&pager));
    CHECK(strcmp(why.text, "model.bin: block 20 has no disk") == 0);
    end();
}

static void
a_corrupt_block_is_never_shown_where_memory_is_short(void)
{
    begin();
    machine.places_max = 6;
    pager_may_forget(&pager, 0);
    machine.disk[40 * (size_t)TREE_BLOCK_BYTES + 99] ^= 4;
    for (uint32_t i = 0; i < 40; i++)
        CHECK(is_good(i));
    CHECK(touch(40) == zeros && touch(0) == zeros);
    CHECK(pager_is_failed(&pager, NULL) && !pager_is_short(&pager));
    end();
}

static void
a_block_that_cannot_be_mapped_is_said_to_be_missing(void)
{
    struct why why;
    begin();
    machine.cannot_map = true;
    CHECK(!pager_touch(&pager, 0, 1));
    CHECK(!pager_touch_all(&pager, 0, &why));
    CHECK(strcmp(why.text, "model.bin: cannot be mapped") == 0);
    end();
}

static const struct tap_test tests[] = {
    TAP(threads_that_touch_a_corrupt_block_see_zeros),
    TAP(any_flipped_bit_shows_zeros),
    TAP(nothing_is_read_after_a_failure),
    TAP(reading_all_ends_at_a_bad_block_with_the_reason),
    TAP(only_the_block_that_cannot_be_read_is_lost),
    TAP(a_device_that_dies_ends_everything),
    TAP(without_memory_zeros_are_shown_and_the_bundle_is_not_at_fault),
    TAP(kept_memory_is_taken_when_nothing_can_be_forgotten),
    TAP(without_a_device_zeros_are_shown),
    TAP(a_corrupt_block_is_never_shown_where_memory_is_short),
    TAP(a_block_that_cannot_be_mapped_is_said_to_be_missing),
};
TAP_MAIN(tests)

/* Address spaces: protections that change, and what a frame may not be at the same time. */
#include "tap.h"
#include "vspace/space.h"

static void
only_mapping_of_a_frame_can_turn_from_writable_to_executable(void)
{
    setup(100);
    run_on(0, &space);
    CHECK_EQ(map_at(VA, run, 100, RW), EXO_OK);
    for (uint64_t i = 0; i < 100; i++) {
        uint64_t pte;
        CHECK(fake_access(0, VA + i * PAGE_BYTES, &pte));
    }
    CHECK_EQ(protect(run, 100, RX), EXO_OK);
    CHECK_EQ(done, 100);
    for (uint64_t i = 0; i < 100; i++) {
        CHECK(is_mapped(VA + i * PAGE_BYTES, run + i, RX));
        CHECK_EQ(writable(run + i), 0);
        CHECK_EQ(executable(run + i), 1);
    }
    CHECK_EQ(fake_count.stale_writable, 0);
    CHECK_EQ(fake_count.icache_syncs, 100);
}

static void
page_whose_new_use_is_refused_is_unmapped_and_those_behind_it(void)
{
    setup(600);
    CHECK_EQ(map_at(VA, run, 600, RW), EXO_OK);
    CHECK_EQ(vspace_map(&other, VA, run + 7, 1, RW, VSPACE_MEMORY, &budget, &done), EXO_OK);
    CHECK_EQ(protect(run, 600, RX), EXO_E_WX);
    CHECK_EQ(done, 7);
    CHECK(is_mapped(VA + 6 * PAGE_BYTES, run + 6, RX));
    for (uint64_t i = 7; i < 600; i++) {
        CHECK(is_hole(VA + i * PAGE_BYTES));
        CHECK_EQ(writable(run + i), i == 7);
        CHECK_EQ(executable(run + i), 0);
    }
}

static void
block_whose_new_use_is_refused_is_unmapped(void)
{
    setup(512);
    CHECK_EQ(map_at(VA, run, 512, RW | EXO_PROT_BLOCK), EXO_OK);
    CHECK_EQ(vspace_map(&other, VA, run + 7, 1, RW, VSPACE_MEMORY, &budget, &done), EXO_OK);
    CHECK_EQ(protect(run, 512, RX | EXO_PROT_BLOCK), EXO_E_WX);
    CHECK_EQ(done, 0);
    CHECK(is_hole(VA));
    CHECK_EQ(writable(run), 0);
    CHECK_EQ(executable(run), 0);
}

static void
protect_makes_pages_of_a_block_and_a_block_of_pages(void)
{
    setup(512);
    CHECK_EQ(map_at(VA, run, 512, R | EXO_PROT_BLOCK), EXO_OK);
    CHECK_EQ(protect(run, 512, RX), EXO_OK);
    CHECK_EQ(done, 512);
    CHECK(is_mapped(VA + 511 * PAGE_BYTES, run + 511, RX));
    CHECK_EQ(protect(run, 511, RW | EXO_PROT_BLOCK), EXO_E_ALIGN);
    CHECK(is_mapped(VA, run, RX));
    CHECK_EQ(protect(run, 512, RW | EXO_PROT_BLOCK), EXO_OK);
    CHECK(is_mapped(VA + 511 * PAGE_BYTES, run + 511, RW | EXO_PROT_BLOCK));
    CHECK_EQ(writable(run + 511), 1);
}

static void
take_frame_meanwhile(void)
{
    fake_before_flush = NULL;
    unmap_one(run, RW); /* the alias goes, and another space takes the next frame at once */
    CHECK_EQ(map_one(run + 1, RW), EXO_OK);
}

static void
changes_between_hiding_and_counting_are_noticed(void)
{
    setup(2);
    run_on(0, &space);
    CHECK_EQ(map_at(VA, run, 2, RW), EXO_OK);
    CHECK_EQ(map_one(run, RW), EXO_OK);
    fake_before_flush = take_frame_meanwhile;
    CHECK_EQ(protect(run, 2, RX), EXO_E_WX);
    CHECK_EQ(done, 1);
    CHECK(is_mapped(VA, run, RX));
    CHECK(is_hole(VA + PAGE_BYTES));
    CHECK_EQ(writable(run + 1), 1);
}

static void
protect_wants_the_frames_that_are_mapped(void)
{
    setup(8);
    CHECK_EQ(map_at(VA, run, 4, R), EXO_OK);
    CHECK_EQ(protect(run + 1, 4, RW), EXO_E_RANGE);
    CHECK_EQ(done, 0);
    CHECK(is_mapped(VA, run, R));
    CHECK_EQ(protect(run, 5, RW), EXO_E_RANGE);
    CHECK_EQ(done, 4);
    CHECK_EQ(vspace_protect(&space, VA - PAGE_BYTES, run, 2, RW, &done), EXO_E_RANGE);
    CHECK_EQ(done, 0);
    CHECK(is_mapped(VA, run, RW));
}

static const struct tap_test tests[] = {
    TAP(only_mapping_of_a_frame_can_turn_from_writable_to_executable),
    TAP(page_whose_new_use_is_refused_is_unmapped_and_those_behind_it),
    TAP(block_whose_new_use_is_refused_is_unmapped),
    TAP(protect_makes_pages_of_a_block_and_a_block_of_pages),
    TAP(changes_between_hiding_and_counting_are_noticed),
    TAP(protect_wants_the_frames_that_are_mapped),
};
TAP_MAIN(tests)

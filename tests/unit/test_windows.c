/*
 * Windows of payloads whose mappings the kernel refuses (libos/pager/windows.c): what the pager
 * takes for shown is mapped again, or its reader is told; nobody faults for ever.
 */
#include "private.h"

#include <rt/frames.h>
#include <string.h>

#include "tap.h"

#define SLOT  7u
#define INDEX 40u /* of a block in the second window */

static struct payloads payloads;
static struct payloads_run runs[2];
static uint32_t run_of_window[2];

/* The address space of the two windows, in blocks; and what the kernel refuses. */
static bool mapped[2 * PAGER_WINDOW_BLOCKS];
static bool refuses_blocks;
static unsigned maps_left; /* until it has no memory for a table */

static uint64_t
block_of(uint64_t va)
{
    return (va - payloads.region[0].va) / TREE_BLOCK_BYTES;
}

int64_t
rt_protect_pages(uint64_t va, uint32_t slot, uint32_t first, uint32_t pages, uint32_t prot)
{
    CHECK(slot == SLOT && first == 0 && pages == EXO_BLOCK_PAGES && (prot & EXO_PROT_BLOCK));
    for (uint32_t i = 0; refuses_blocks && i < 5; i++)
        mapped[block_of(va) + i] = false; /* as the call may leave it */
    return refuses_blocks ? EXO_E_MEMORY : EXO_OK;
}

int64_t
rt_map_pages(uint64_t va, uint32_t slot, uint32_t first, uint32_t pages, uint32_t prot)
{
    uint64_t block = block_of(va);
    CHECK(slot == SLOT && pages == BLOCK_PAGES && prot == EXO_PROT_READ);
    CHECK_EQ(first, block % PAGER_WINDOW_BLOCKS * BLOCK_PAGES);
    CHECK(!mapped[block]); /* or it would be EXO_E_OCCUPIED */
    if (maps_left == 0)
        return EXO_E_MEMORY;
    maps_left--;
    mapped[block] = true;
    return EXO_OK;
}

int64_t
rt_unmap_pages(uint64_t va, uint32_t pages)
{
    for (uint32_t i = 0; i < pages / BLOCK_PAGES; i++)
        mapped[block_of(va) + i] = false;
    return EXO_OK;
}

struct payloads_run *
memory_empty_run(struct payloads *of)
{
    return &of->run[1];
}

uint32_t
payloads_pages(const struct payloads_region *region, uint64_t index, uint32_t count)
{
    (void)region;
    (void)index;
    return count * BLOCK_PAGES;
}

/* The second window's blocks come, in pages, but for the last one. */
static void
show_all_but_one(void)
{
    memset(&payloads, 0, sizeof payloads);
    memset(mapped, 0, sizeof mapped);
    payloads.region[0] = (struct payloads_region){
        .va = (uint64_t)1 << 32, .bytes = 2 * WINDOW_BYTES, .windows = 2, .run_of = run_of_window};
    memset(run_of_window, 0, sizeof run_of_window);
    runs[1] = (struct payloads_run){.slot = SLOT, .first_place = 32, .blocks = 32};
    payloads.run = runs;
    payloads.run_count = 2;
    payloads.keeps_windows = true;
    CHECK(windows_run(&payloads, 0, INDEX) == &runs[1]);
    for (uint32_t i = 0; i < PAGER_WINDOW_BLOCKS; i++) {
        mapped[PAGER_WINDOW_BLOCKS + i] = true;
        if (i + 1 < PAGER_WINDOW_BLOCKS)
            windows_shown(&payloads, 0, PAGER_WINDOW_BLOCKS + i, 32 + i);
    }
}

static void
show_last(void)
{
    windows_shown(&payloads, 0, 2 * PAGER_WINDOW_BLOCKS - 1, 63);
}

static unsigned
count_mapped(void)
{
    unsigned count = 0;
    for (uint32_t i = 0; i < 2 * PAGER_WINDOW_BLOCKS; i++)
        count += mapped[i];
    return count;
}

static void
a_window_that_cannot_be_one_mapping_stays_pages(void)
{
    show_all_but_one();
    refuses_blocks = true;
    maps_left = PAGER_WINDOW_BLOCKS;
    show_last();
    CHECK_EQ(count_mapped(), PAGER_WINDOW_BLOCKS);
    CHECK_EQ(payloads.windows_whole, 0);
    CHECK_EQ(windows_mend(&payloads, 0, INDEX), EXO_OK);
}

static void
blocks_that_could_not_be_mapped_again_are_when_they_are_touched(void)
{
    show_all_but_one();
    refuses_blocks = true;
    maps_left = 3;
    show_last();
    CHECK_EQ(count_mapped(), 3);
    CHECK_EQ(windows_mend(&payloads, 0, INDEX), EXO_E_MEMORY); /* and its reader is told */
    maps_left = PAGER_WINDOW_BLOCKS;
    CHECK_EQ(windows_mend(&payloads, 0, INDEX), EXO_OK);
    CHECK_EQ(count_mapped(), PAGER_WINDOW_BLOCKS);
    maps_left = 0;
    CHECK_EQ(windows_mend(&payloads, 0, INDEX), EXO_OK); /* nothing is left to be done */
}

/* Its place may be another block's by then. */
static void
what_was_forgotten_meanwhile_is_not_mapped(void)
{
    uint64_t index = INDEX;
    uint32_t count = 1;
    show_all_but_one();
    refuses_blocks = true;
    maps_left = 0;
    show_last();
    CHECK_EQ(windows_hide(&payloads, 0, &index, &count), EXO_OK);
    CHECK(index == INDEX && count == 1);
    maps_left = PAGER_WINDOW_BLOCKS;
    CHECK_EQ(windows_mend(&payloads, 0, INDEX + 1), EXO_OK);
    CHECK_EQ(count_mapped(), PAGER_WINDOW_BLOCKS - 1);
    CHECK(!mapped[INDEX]);
}

static void
a_window_that_is_one_mapping_is_left_alone(void)
{
    show_all_but_one();
    refuses_blocks = false;
    maps_left = 0;
    show_last();
    CHECK_EQ(payloads.windows_whole, 1);
    CHECK_EQ(windows_mend(&payloads, 0, INDEX), EXO_OK);
    CHECK_EQ(windows_mend(&payloads, 0, 0), EXO_OK); /* and where no run is kept */
}

static const struct tap_test tests[] = {
    TAP(a_window_that_cannot_be_one_mapping_stays_pages),
    TAP(blocks_that_could_not_be_mapped_again_are_when_they_are_touched),
    TAP(what_was_forgotten_meanwhile_is_not_mapped),
    TAP(a_window_that_is_one_mapping_is_left_alone),
};
TAP_MAIN(tests)

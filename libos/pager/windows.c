/*
 * Windows of payloads in one mapping. All blocks of a window get their places in one run of 2 MiB,
 * which is kept for them from the first one on; when the last one is shown, 512 entries become one.
 * Who touches the window at that moment faults, finds its block shown, and tries again.
 *
 * Where memory is short, runs are kept for nobody: blocks go where there is a place.
 */
#include "private.h"

#include <rt/frames.h>
#include <stdlib.h>
#include <string.h>

/* With fewer runs, threads that go through a payload in several places would take each other's
 * windows away before they are whole. */
#define RUNS_LEAST 32u

static uint64_t
window_va(const struct payloads *payloads, const struct payloads_run *run)
{
    return payloads->region[run->payload].va + run->window * WINDOW_BYTES;
}

static struct payloads_run *
run_of(const struct payloads *payloads, size_t payload, uint64_t index)
{
    const struct payloads_region *region = &payloads->region[payload];
    uint64_t window = index / PAGER_WINDOW_BLOCKS;
    uint32_t number = window < region->windows ? region->run_of[window] : 0;
    return number == 0 ? NULL : &payloads->run[number - 1];
}

bool
windows_open(struct payloads_region *region, struct why *why)
{
    region->windows = (uint32_t)(region->bytes / WINDOW_BYTES);
    region->run_of = calloc(region->windows + 1, sizeof(region->run_of[0]));
    return region->run_of != NULL || why_set(why, "no memory for a list of windows");
}

void
windows_release(struct payloads *payloads, struct payloads_run *run)
{
    payloads->region[run->payload].run_of[run->window] = 0;
    payloads->places_free += (uint32_t)__builtin_popcount(run->free);
    run->is_kept = false;
}

void
windows_end(struct payloads *payloads)
{
    payloads->keeps_windows = false;
    for (uint32_t i = 0; i < payloads->run_count; i++)
        if (payloads->run[i].is_kept && !payloads->run[i].is_whole)
            windows_release(payloads, &payloads->run[i]);
}

struct payloads_run *
windows_run(struct payloads *payloads, size_t payload, uint64_t index)
{
    struct payloads_run *run = run_of(payloads, payload, index);
    if (run != NULL || !payloads->keeps_windows ||
        index / PAGER_WINDOW_BLOCKS >= payloads->region[payload].windows)
        return run;
    run = memory_empty_run(payloads);
    if (run == NULL && payloads->run_count < RUNS_LEAST)
        windows_end(payloads);
    if (run == NULL)
        return NULL;
    run->is_kept = true;
    run->payload = (uint32_t)payload;
    run->window = (uint32_t)(index / PAGER_WINDOW_BLOCKS);
    run->shown = 0;
    run->is_away = false;
    payloads->places_free -= PAGER_WINDOW_BLOCKS;
    payloads->region[payload].run_of[run->window] = (uint32_t)(run - payloads->run) + 1;
    return run;
}

/* The blocks that are shown, each in pages: whatever of them was mapped. */
static int64_t
map_blocks(const struct payloads *payloads, struct payloads_run *run)
{
    uint64_t va = window_va(payloads, run);
    int64_t err = rt_unmap_pages(va, EXO_BLOCK_PAGES);
    for (uint32_t i = 0; i < PAGER_WINDOW_BLOCKS && err == EXO_OK; i++)
        if (run->shown >> i & 1)
            err = rt_map_pages(va + i * TREE_BLOCK_BYTES, run->slot, i * BLOCK_PAGES, BLOCK_PAGES,
                               EXO_PROT_READ);
    run->is_away = err != EXO_OK;
    return err;
}

/* Its entries are replaced. An error leaves some of the pages as pages, and some away: they are
 * mapped as they were, now or when they are touched. */
static void
make_whole(struct payloads *payloads, struct payloads_run *run)
{
    run->is_whole = rt_protect_pages(window_va(payloads, run), run->slot, 0, EXO_BLOCK_PAGES,
                                     EXO_PROT_READ | EXO_PROT_BLOCK) == EXO_OK;
    payloads->windows_whole += run->is_whole;
    if (!run->is_whole)
        (void)map_blocks(payloads, run);
}

int64_t
windows_mend(struct payloads *payloads, size_t payload, uint64_t index)
{
    struct payloads_run *run = run_of(payloads, payload, index);
    return run != NULL && run->is_away ? map_blocks(payloads, run) : EXO_OK;
}

void
windows_shown(struct payloads *payloads, size_t payload, uint64_t index, uint32_t place)
{
    struct payloads_run *run = run_of(payloads, payload, index);
    uint32_t bit = index % PAGER_WINDOW_BLOCKS;
    if (run == NULL || place != run->first_place + bit)
        return;
    run->shown |= 1u << bit;
    if (run->shown == UINT32_MAX)
        make_whole(payloads, run);
}

int64_t
windows_hide(struct payloads *payloads, size_t payload, uint64_t *index, uint32_t *count)
{
    struct payloads_run *run = run_of(payloads, payload, *index);
    uint32_t first = *index % PAGER_WINDOW_BLOCKS;
    if (run != NULL && run->is_whole) {
        *index -= first;
        *count = PAGER_WINDOW_BLOCKS;
        first = 0;
    }
    const struct payloads_region *region = &payloads->region[payload];
    int64_t err = rt_unmap_pages(region->va + *index * TREE_BLOCK_BYTES,
                                 payloads_pages(region, *index, *count));
    if (run == NULL || err != EXO_OK)
        return err;
    payloads->windows_whole -= run->is_whole;
    run->is_whole = false;
    run->shown &= ~(memory_places(*count) << first);
    return EXO_OK;
}

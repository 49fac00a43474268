/*
 * Frames for blocks, in runs. Each run is mapped once, writable and unseen by others, where blocks
 * are checked and their ends cleared; the blocks' pages are mapped a second time where they are
 * shown. Some runs are kept for windows (windows.c); the others are for any block. So nothing is
 * unmapped before the end, and no TLB is flushed for a block, but for those that are forgotten.
 */
#include "private.h"

#include <rt/frames.h>
#include <stdlib.h>
#include <vm/vm.h>

#define RUN_BLOCKS (EXO_BLOCK_PAGES / BLOCK_PAGES) /* of 2 MiB: mapped by one entry */
#define RUNS_SPARE 1024u /* runs more than there must be, when memory is in pieces */

/* Addresses, whole blocks of them. A block has a place for each time that it is read: twice when a
 * read failed; and places are kept for blocks that are never read. */
static uint32_t
most_places(const struct payloads *payloads)
{
    uint64_t blocks = manifest_leaves(&payloads->bundle->manifest);
    return (uint32_t)(3 * blocks / RUN_BLOCKS + 4) * RUN_BLOCKS;
}

static uint64_t
places_bytes(const struct payloads *payloads)
{
    return (uint64_t)most_places(payloads) * TREE_BLOCK_BYTES;
}

static bool
take_run(struct payloads *payloads, struct payloads_run *run)
{
    uint32_t pages = run->blocks * BLOCK_PAGES, writable = EXO_PROT_READ | EXO_PROT_WRITE;
    bool whole = run->blocks == RUN_BLOCKS;
    if (payloads->run_count > 0 && payloads->spare_frames > 0 &&
        rt_frames_free() < payloads->spare_frames + pages)
        return false;
    run->slot = rt_slot_take();
    struct exo_frames frames = exo_frames_alloc(EXO_BOOT_CELL, run->slot, pages,
                                                whole ? EXO_ALLOC_BLOCK : EXO_ALLOC_CONTIGUOUS, 0);
    uint64_t va = (uint64_t)(uintptr_t)memory_at(payloads, run->first_place);
    if (frames.status == EXO_OK &&
        rt_map_pages(va, run->slot, 0, pages, writable | (whole ? EXO_PROT_BLOCK : 0)) == EXO_OK)
        return true;
    (void)rt_drop(run->slot);
    rt_slot_put(run->slot);
    run->slot = EXO_NONE;
    return false;
}

static void
keep_run(struct payloads *payloads, struct payloads_run *run)
{
    run->free = memory_places(run->blocks);
    run->is_kept = run->is_whole = run->is_away = false;
    payloads->run_last = (uint32_t)(run - payloads->run);
    payloads->places += run->blocks;
    payloads->places_free += run->blocks;
    payloads->blocks_left -=
        payloads->blocks_left < run->blocks ? payloads->blocks_left : run->blocks;
}

/* Room for one more in the list, and addresses: its places begin at a multiple of `align`. */
static struct payloads_run *
next_run(struct payloads *payloads, uint32_t align)
{
    uint32_t most = (uint32_t)(manifest_leaves(&payloads->bundle->manifest) / RUN_BLOCKS);
    uint32_t first = (payloads->next_place + align - 1) / align * align;
    struct payloads_run *run = &payloads->run[payloads->run_count];
    if (payloads->run_count == most + RUNS_SPARE || payloads->places >= payloads->places_most ||
        first + RUN_BLOCKS > most_places(payloads))
        return NULL;
    run->first_place = first;
    return run;
}

static bool
try_run(struct payloads *payloads, struct payloads_run *run, uint32_t blocks)
{
    run->blocks = blocks;
    if (!take_run(payloads, run))
        return false;
    payloads->run_count++;
    payloads->next_place = run->first_place + run->blocks;
    keep_run(payloads, run);
    return true;
}

/* A run that was given back, as it was: one of whole windows. */
static struct payloads_run *
retake_run(struct payloads *payloads)
{
    if (payloads->places >= payloads->places_most)
        return NULL;
    for (uint32_t i = 0; i < payloads->run_count; i++) {
        struct payloads_run *run = &payloads->run[i];
        if (run->slot == EXO_NONE) {
            if (!take_run(payloads, run))
                return NULL;
            keep_run(payloads, run);
            return run;
        }
    }
    return NULL;
}

/* Some places stay: who touches a block finds memory for it, whatever others need. */
uint64_t
memory_give(struct payloads *payloads, uint64_t frames)
{
    uint64_t given = 0;
    for (uint32_t i = 0;
         i < payloads->run_count && given < frames && payloads->places_free > RUN_BLOCKS; i++) {
        struct payloads_run *run = &payloads->run[i];
        if (run->is_kept || run->blocks != RUN_BLOCKS || run->free != UINT32_MAX)
            continue;
        (void)rt_drop(run->slot);
        rt_slot_put(run->slot);
        run->slot = EXO_NONE;
        run->free = 0;
        payloads->places -= RUN_BLOCKS;
        payloads->places_free -= RUN_BLOCKS;
        given += EXO_BLOCK_PAGES;
    }
    return given;
}

/* As long as there are such; from then on shorter ones. */
static bool
add_run(struct payloads *payloads)
{
    if (retake_run(payloads) != NULL)
        return true;
    uint32_t left = payloads->blocks_left > 0 ? payloads->blocks_left : 1;
    uint32_t blocks = left < payloads->run_blocks ? left : payloads->run_blocks;
    struct payloads_run *run = next_run(payloads, blocks == RUN_BLOCKS ? RUN_BLOCKS : 1);
    for (; run != NULL && blocks > 0; blocks /= 2, payloads->run_blocks = blocks)
        if (try_run(payloads, run, blocks))
            return true;
    if (run != NULL)
        payloads->run_blocks = 1;
    return false;
}

struct payloads_run *
memory_empty_run(struct payloads *payloads)
{
    for (uint32_t i = 0; i < payloads->run_count; i++)
        if (payloads->run[i].free == UINT32_MAX && !payloads->run[i].is_kept)
            return &payloads->run[i];
    struct payloads_run *run = retake_run(payloads);
    if (run != NULL || payloads->run_blocks != RUN_BLOCKS)
        return run;
    run = next_run(payloads, RUN_BLOCKS);
    return run != NULL && try_run(payloads, run, RUN_BLOCKS) ? run : NULL;
}

/* The first one that is kept for a window and has a free place. */
static bool
release_any(struct payloads *payloads)
{
    for (uint32_t i = 0; i < payloads->run_count; i++) {
        if (payloads->run[i].is_kept && payloads->run[i].free != 0) {
            windows_release(payloads, &payloads->run[i]);
            return true;
        }
    }
    return false;
}

/* With a free place that is kept for nobody; NULL: there is none, nor memory for one. */
static struct payloads_run *
loose_run(struct payloads *payloads, bool anywhere)
{
    if (payloads->places_free == 0 && !add_run(payloads) && !(anywhere && release_any(payloads)))
        return NULL;
    while (payloads->run[payloads->run_last].free == 0 || payloads->run[payloads->run_last].is_kept)
        payloads->run_last = (payloads->run_last + 1) % payloads->run_count;
    return &payloads->run[payloads->run_last];
}

/* In a window each block has its place, unless a read into that failed. */
const struct payloads_run *
memory_take(struct payloads *payloads, struct pager_read *read)
{
    struct payloads_run *run = windows_run(payloads, read->payload, read->index);
    uint32_t first = read->index % PAGER_WINDOW_BLOCKS, count = 1;
    if (run == NULL || !(run->free >> first & 1)) {
        run = loose_run(payloads, read->anywhere);
        if (run == NULL)
            return NULL;
        first = (uint32_t)__builtin_ctz(run->free);
    }
    while (count < read->count && first + count < run->blocks && (run->free >> first >> count & 1))
        count++;
    run->free &= ~(memory_places(count) << first);
    payloads->places_free -= run->is_kept ? 0 : count;
    read->count = count;
    read->place = run->first_place + first;
    return run;
}

/* Runs are in the order of their places. */
static uint32_t
find_run(const struct payloads *payloads, uint32_t place)
{
    uint32_t low = 0, high = payloads->run_count;
    while (high - low > 1) {
        uint32_t middle = (low + high) / 2;
        if (payloads->run[middle].first_place <= place)
            low = middle;
        else
            high = middle;
    }
    return low;
}

void
memory_put(struct payloads *payloads, uint32_t place)
{
    struct payloads_run *run = &payloads->run[find_run(payloads, place)];
    run->free |= 1u << (place - run->first_place);
    payloads->places_free += run->is_kept ? 0 : 1;
    if (run->is_kept && run->free == UINT32_MAX)
        windows_release(payloads, run);
}

int64_t
memory_show(const struct payloads *payloads, uint32_t place, uint64_t va, uint32_t pages)
{
    if (place == PAGER_ZEROS)
        return rt_map_pages(va, payloads->zeros.slot, 0, pages, EXO_PROT_READ);
    const struct payloads_run *run = &payloads->run[find_run(payloads, place)];
    return rt_map_pages(va, run->slot, (place - run->first_place) * BLOCK_PAGES, pages,
                        EXO_PROT_READ);
}

bool
memory_open(struct payloads *payloads, struct why *why)
{
    uint64_t blocks = manifest_leaves(&payloads->bundle->manifest);
    payloads->blocks_left = (uint32_t)blocks;
    payloads->run_blocks = RUN_BLOCKS;
    payloads->run = calloc((size_t)(blocks / RUN_BLOCKS + RUNS_SPARE), sizeof(payloads->run[0]));
    if (payloads->run == NULL)
        return why_set(why, "no memory for a list of frames");
    int64_t err = vm_map(&payloads->places_va, places_bytes(payloads), VM_NONE, VM_BLOCKS, NULL, 0);
    if (err != EXO_OK)
        return why_set(why, "no addresses for %llu blocks: %s", (unsigned long long)blocks,
                       exo_error_text(err));
    payloads->places_most = UINT32_MAX;
    payloads->keeps_windows = true;
    return (rt_memory_take(BLOCK_PAGES, EXO_PROT_READ, &payloads->zeros) == EXO_OK &&
            add_run(payloads)) ||
           why_set(why, "no memory for blocks");
}

void
memory_close(struct payloads *payloads)
{
    for (uint32_t i = 0; i < payloads->run_count; i++) {
        if (payloads->run[i].slot == EXO_NONE)
            continue;
        (void)rt_drop(payloads->run[i].slot);
        rt_slot_put(payloads->run[i].slot);
    }
    if (payloads->places_va != 0)
        (void)vm_unmap(payloads->places_va, places_bytes(payloads));
    if (payloads->zeros.at != NULL)
        rt_memory_put(&payloads->zeros);
    free(payloads->run);
    payloads->run = NULL;
    payloads->run_count = 0;
}

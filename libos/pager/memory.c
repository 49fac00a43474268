/*
 * Frames for blocks, in runs. Each run is mapped once, writable and unseen by others, where blocks
 * are checked and their ends cleared; the blocks' pages are mapped a second time where they are
 * shown. So nothing is unmapped before the end, and no TLB is flushed for a block, but for those
 * that are forgotten.
 */
#include "private.h"

#include <rt/frames.h>
#include <stdlib.h>
#include <vm/vm.h>

#define RUN_BLOCKS (EXO_BLOCK_PAGES / BLOCK_PAGES) /* of 2 MiB: mapped by one entry */
#define RUNS_SPARE 1024u /* runs more than there must be, when memory is in pieces */

/* Addresses, whole blocks of them. A block has a place for each time that it is read: twice when a
 * read failed. */
static uint64_t
places_bytes(const struct payloads *payloads)
{
    uint64_t blocks = manifest_leaves(&payloads->bundle->manifest);
    return (2 * blocks / RUN_BLOCKS + 2) * EXO_BLOCK_PAGES * EXO_PAGE_BYTES;
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
    return false;
}

/* The first `blocks` bits. */
static uint32_t
all_places(uint32_t blocks)
{
    return blocks == 32 ? UINT32_MAX : (1u << blocks) - 1;
}

static void
keep_run(struct payloads *payloads, struct payloads_run *run)
{
    run->free = all_places(run->blocks);
    payloads->run_last = payloads->run_count++;
    payloads->next_place += run->blocks;
    payloads->places += run->blocks;
    payloads->places_free += run->blocks;
    payloads->blocks_left -=
        payloads->blocks_left < run->blocks ? payloads->blocks_left : run->blocks;
}

/* As long as there are such; from then on shorter ones. */
static bool
add_run(struct payloads *payloads)
{
    uint32_t most = (uint32_t)(manifest_leaves(&payloads->bundle->manifest) / RUN_BLOCKS);
    struct payloads_run *run = &payloads->run[payloads->run_count];
    uint32_t left = payloads->blocks_left > 0 ? payloads->blocks_left : 1;
    if (payloads->run_count == most + RUNS_SPARE || payloads->places >= payloads->places_most)
        return false;
    run->first_place = payloads->next_place;
    for (run->blocks = left < payloads->run_blocks ? left : payloads->run_blocks; run->blocks > 0;
         run->blocks /= 2, payloads->run_blocks = run->blocks) {
        if (take_run(payloads, run)) {
            keep_run(payloads, run);
            return true;
        }
    }
    payloads->run_blocks = 1;
    return false;
}

/* With a free place: there is one. */
static struct payloads_run *
next_free(struct payloads *payloads)
{
    while (payloads->run[payloads->run_last].free == 0)
        payloads->run_last = (payloads->run_last + 1) % payloads->run_count;
    return &payloads->run[payloads->run_last];
}

const struct payloads_run *
memory_take(struct payloads *payloads, struct pager_read *read)
{
    if (payloads->places_free == 0 && !add_run(payloads))
        return NULL;
    struct payloads_run *run = next_free(payloads);
    uint32_t first = (uint32_t)__builtin_ctz(run->free), count = 1;
    while (count < read->count && first + count < run->blocks && (run->free >> first >> count & 1))
        count++;
    run->free &= ~(all_places(count) << first);
    payloads->places_free -= count;
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
    payloads->places_free++;
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
    return (rt_memory_take(BLOCK_PAGES, EXO_PROT_READ, &payloads->zeros) == EXO_OK &&
            add_run(payloads)) ||
           why_set(why, "no memory for blocks");
}

void
memory_close(struct payloads *payloads)
{
    for (uint32_t i = 0; i < payloads->run_count; i++) {
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

/* The pager's host above the kernel: the disk's queue, and regions that fault. */
#include "private.h"

#include <rt/sync.h>
#include <rt/time.h>
#include <stdlib.h>
#include <string.h>
#include <vm/vm.h>

/* --- Locks ------------------------------------------------------------------------------------ */

static void
take_lock(void *context)
{
    mutex_lock(&((struct payloads *)context)->disk->lock);
}

static void
give_lock(void *context)
{
    mutex_unlock(&((struct payloads *)context)->disk->lock);
}

static void
sleep_for_wake(void *context)
{
    struct payloads *payloads = context;
    uint32_t wakes = atomic_load(&payloads->wakes);
    give_lock(payloads);
    (void)futex_wait(&payloads->wakes, wakes, EXO_FOREVER);
    take_lock(payloads);
}

static void
wake_all(void *context)
{
    struct payloads *payloads = context;
    atomic_fetch_add(&payloads->wakes, 1);
    (void)futex_wake(&payloads->wakes, UINT32_MAX);
}

/* --- Reads ------------------------------------------------------------------------------------ */

/* The device gives the memory back before anybody looks at it. */
static void
end_read(struct blk_request *request, void *context)
{
    struct payloads *payloads = context;
    size_t number = (size_t)(request - payloads->request);
    struct blk *blk = &payloads->disk->blk;
    int64_t err = exo_again(exo_queue_release(blk->vq.slot, payloads->device_region[number]));
    struct pager_read *read = &payloads->pager.read[number];
    read->failed = err != EXO_OK || request->result != EXO_OK;
    read->state = PAGER_READ_ENDED;
    payloads->ended++;
    if (!read->failed)
        payloads->disk->bytes_read += (uint64_t)read->count * TREE_BLOCK_BYTES;
}

static bool
submit(struct payloads *payloads, const struct pager_read *read, uint16_t region)
{
    size_t number = (size_t)(read - payloads->pager.read);
    struct blk *blk = &payloads->disk->blk;
    uint64_t at = payloads->bundle->files[read->payload].offset + read->index * TREE_BLOCK_BYTES;
    payloads->device_region[number] = region;
    payloads->request[number] = (struct blk_request){
        .operation = EXO_BLOCK_READ,
        .part_count = 1,
        .sector = at / BLK_SECTOR_BYTES,
        .part = {{region, true, 0, read->count * TREE_BLOCK_BYTES}},
        .done = end_read,
        .context = payloads,
    };
    payloads->deadline_ticks = rt_deadline_ns(DISK_SECONDS * RT_S_NS);
    if (!blk_submit(blk, &payloads->request[number]))
        return false;
    (void)vq_flush(&blk->vq, false); /* an error stays in the queue: poll_reads ends the read */
    return true;
}

static enum pager_begun
begin_read(void *context, struct pager_read *read)
{
    struct payloads *payloads = context;
    struct vq *vq = &payloads->disk->blk.vq;
    const struct payloads_run *run = memory_take(payloads, read);
    if (run == NULL)
        return PAGER_NO_MEMORY;
    int64_t region = vq_region(vq, run->slot, (read->place - run->first_place) * BLOCK_PAGES,
                               read->count * BLOCK_PAGES, EXO_WRITE);
    if (region >= 0 && submit(payloads, read, (uint16_t)region))
        return PAGER_BEGUN;
    if (region >= 0)
        (void)exo_again(exo_queue_release(vq->slot, (uint32_t)region));
    for (uint32_t i = 0; i < read->count; i++)
        memory_put(payloads, read->place + i);
    return PAGER_NO_DEVICE;
}

/* The queue is of no use any more; what was under way did not arrive. */
static void
fail_reads(struct payloads *payloads)
{
    for (unsigned i = 0; i < PAGER_READS; i++) {
        struct pager_read *read = &payloads->pager.read[i];
        if (read->state == PAGER_READ_FLYING) {
            read->failed = true;
            read->state = PAGER_READ_ENDED;
            payloads->ended++;
        }
    }
}

static bool
poll_reads(void *context)
{
    struct payloads *payloads = context;
    struct blk *blk = &payloads->disk->blk;
    int64_t err = disk_listen(payloads->disk);
    payloads->ended = 0;
    (void)blk_poll(blk);
    while (payloads->ended == 0 && err == EXO_OK &&
           (err = vq_flush(&blk->vq, true)) == EXO_E_AGAIN) {
        (void)blk_poll(blk);
        err = EXO_OK;
    }
    if (payloads->ended == 0 && err == EXO_OK && rt_ticks() >= payloads->deadline_ticks)
        err = blk->vq.error = EXO_E_TIMEOUT;
    if (err != EXO_OK)
        fail_reads(payloads);
    return payloads->ended > 0;
}

static void
wait_for_disk(void *context)
{
    struct payloads *payloads = context;
    (void)rt_wait_events(payloads->disk->blk.event, payloads->deadline_ticks);
}

/* --- Regions ---------------------------------------------------------------------------------- */

static uint8_t *
block_at(void *context, uint32_t place)
{
    return memory_at(context, place);
}

uint32_t
payloads_pages(const struct payloads_region *region, uint64_t index, uint32_t count)
{
    uint64_t left = (region->bytes - index * TREE_BLOCK_BYTES) / EXO_PAGE_BYTES;
    return left < count * BLOCK_PAGES ? (uint32_t)left : count * BLOCK_PAGES;
}

static bool
show_block(void *context, size_t payload, uint64_t index, uint32_t place)
{
    struct payloads *payloads = context;
    const struct payloads_region *region = &payloads->region[payload];
    bool shown = memory_show(payloads, place, region->va + index * TREE_BLOCK_BYTES,
                             payloads_pages(region, index, 1)) == EXO_OK;
    if (shown)
        windows_shown(payloads, payload, index, place);
    return shown;
}

static bool
hide_blocks(void *context, size_t payload, uint64_t *index, uint32_t *count)
{
    return windows_hide(context, payload, index, count) == EXO_OK;
}

static void
put_place(void *context, uint32_t place)
{
    memory_put(context, place);
}

static int64_t
bring_page(struct vm_object *object, uint64_t number)
{
    struct payloads_region *region = object->own;
    struct payloads *payloads = region->payloads;
    if (!pager_touch(&payloads->pager, region->number, number / BLOCK_PAGES))
        return EXO_E_MEMORY;
    take_lock(payloads);
    int64_t err = windows_mend(payloads, region->number, number / BLOCK_PAGES);
    give_lock(payloads);
    return err;
}

static void
forget_object(struct vm_object *object)
{
    (void)object;
}

/* Addresses: whole windows of them. */
static uint64_t
region_room(const struct payloads_region *region)
{
    return (region->bytes + WINDOW_BYTES - 1) / WINDOW_BYTES * WINDOW_BYTES;
}

static bool
open_region(struct payloads *payloads, size_t number, struct why *why)
{
    static const struct vm_pager pager = {.gone = forget_object, .bring = bring_page};
    struct payloads_region *region = &payloads->region[number];
    uint64_t bytes = (uint64_t)payloads->bundle->manifest.payloads[number].bytes;
    *region = (struct payloads_region){
        .payloads = payloads, .number = number, .bytes = store_round_up(bytes)};
    region->object = vm_object_make(&pager, region, region->bytes / EXO_PAGE_BYTES);
    int64_t err = EXO_E_MEMORY;
    if (region->object != NULL)
        err = vm_map(&region->va, region_room(region), VM_READ, VM_SHARED | VM_BLOCKS,
                     region->object, 0);
    if (err == EXO_OK)
        return windows_open(region, why);
    return why_set(why, "%s: no room to map it: %s",
                   payloads->bundle->manifest.payloads[number].path, exo_error_text(err));
}

static void
close_regions(struct payloads *payloads)
{
    for (size_t i = 0; i < payloads->bundle->manifest.payload_count; i++) {
        struct payloads_region *region = &payloads->region[i];
        if (region->va != 0)
            (void)vm_unmap(region->va, region_room(region));
        if (region->object != NULL)
            vm_object_drop(region->object);
        free(region->run_of);
    }
}

bool
payloads_open(struct payloads *payloads, struct disk *disk, struct bundle *bundle, struct why *why)
{
    memset(payloads, 0, sizeof(*payloads));
    payloads->disk = disk;
    payloads->bundle = bundle;
    payloads->host = (struct pager_host){
        payloads,   take_lock,     give_lock, sleep_for_wake, wake_all,    begin_read,
        poll_reads, wait_for_disk, block_at,  show_block,     hide_blocks, put_place,
    };
    bool fine = memory_open(payloads, why);
    for (size_t i = 0; i < bundle->manifest.payload_count && fine; i++)
        fine = open_region(payloads, i, why);
    if (fine && pager_open(&payloads->pager, bundle, &payloads->host, why))
        return true;
    memory_close(payloads);
    close_regions(payloads);
    return false;
}

void
payloads_may_forget(struct payloads *payloads, size_t number)
{
    payloads->spare_frames = rt_frames_free() / 8;
    pager_may_forget(&payloads->pager, number);
}

void
payloads_limit(struct payloads *payloads, uint32_t blocks)
{
    take_lock(payloads);
    payloads->places_most = blocks;
    windows_end(payloads);
    give_lock(payloads);
}

uint64_t
payloads_give(struct payloads *payloads, uint64_t frames, uint64_t keep)
{
    take_lock(payloads);
    uint64_t given = memory_give(payloads, frames);
    while (given < frames && payloads->pager.counts.blocks_held > keep &&
           pager_forget(&payloads->pager))
        given += memory_give(payloads, frames - given);
    give_lock(payloads);
    return given;
}

uint32_t
payloads_whole(struct payloads *payloads)
{
    take_lock(payloads);
    uint32_t whole = payloads->windows_whole;
    give_lock(payloads);
    return whole;
}

const void *
payloads_at(const struct payloads *payloads, size_t number)
{
    return (const void *)(uintptr_t)payloads->region[number].va;
}

void
payloads_close(struct payloads *payloads)
{
    pager_close(&payloads->pager);
    memory_close(payloads); /* first: regions are unmapped by the end of their frames */
    close_regions(payloads);
}

/* Reading the store: small things through a buffer, payloads in place. */
#include "disk.h"

#include <rt/time.h>
#include <string.h>

#define BOUNCE_PAGES (TREE_BLOCK_BYTES / EXO_PAGE_BYTES)
#define FLYING       32u
#define READ_SECONDS 30u /* a request that takes longer has failed */
#define RUN_PAGES    (EXO_ALLOC_MAX / BOUNCE_PAGES * BOUNCE_PAGES)

static const uint32_t read_write = EXO_PROT_READ | EXO_PROT_WRITE;

static uint64_t
deadline(void)
{
    return rt_deadline_ns(READ_SECONDS * RT_S_NS);
}

static bool
read_small(struct image_device *device, uint64_t offset, void *to, size_t bytes)
{
    struct disk *disk = (struct disk *)(void *)device;
    for (char *at = to; bytes > 0;) {
        size_t part = bytes < TREE_BLOCK_BYTES ? bytes : TREE_BLOCK_BYTES;
        if (blk_transfer(&disk->blk, EXO_BLOCK_READ, offset / BLK_SECTOR_BYTES, disk->region, 0,
                         (uint32_t)part, deadline()) != EXO_OK)
            return false;
        memcpy(at, disk->bounce.at, part);
        disk->bytes_read += part;
        at += part;
        offset += part;
        bytes -= part;
    }
    return true;
}

static int64_t
open_queue(struct disk *disk, uint32_t slot, uint64_t event)
{
    const struct vq_source source = {.cell = EXO_BOOT_CELL, .device = slot};
    uint64_t sectors = 0;
    int64_t err = exo_device_config(slot, 0, &sectors, sizeof(sectors));
    disk->device = (struct image_device){sectors * BLK_SECTOR_BYTES, read_small};
    if (err == EXO_OK)
        err = vq_open_device(EXO_BOOT_CELL, slot, 1, ~0ull);
    if (err == EXO_OK)
        err = blk_open(&disk->blk, &source, event);
    if (err == EXO_OK)
        err = rt_memory_take(BOUNCE_PAGES, read_write, &disk->bounce);
    if (err != EXO_OK)
        return err;
    err = vq_region(&disk->blk.vq, disk->bounce.slot, 0, BOUNCE_PAGES, EXO_WRITE);
    disk->region = (uint16_t)err;
    return err < 0 ? err : EXO_OK;
}

bool
disk_open(struct disk *disk, uint32_t slot, uint64_t event, struct why *why)
{
    memset(disk, 0, sizeof(*disk));
    int64_t err = open_queue(disk, slot, event);
    if (err != EXO_OK)
        return why_set(why, "the disk in slot %u: %s", slot, exo_error_text(err));
    if (image_open(&disk->image, &disk->device, why))
        return true;
    blk_close(&disk->blk);
    rt_memory_put(&disk->bounce);
    return false;
}

/* --- Payloads
 * -------------------------------------------------------------------------------------- */

/* Part of a payload that lies in one run of frames. */
struct run {
    uint32_t slot, pages;
    char *at;
    uint16_t region;
    uint64_t from, bytes; /* on the disk; bytes are rounded up to whole blocks by the image */
};

static unsigned done;
static int64_t worst;

static void
note(struct blk_request *request, void *context)
{
    (void)context;
    done++;
    worst = request->result < worst ? request->result : worst;
}

/* A block of the tree for each request; `flying` of them at a time, as requests are given back. */
static bool
read_blocks(struct disk *disk, const struct run *run)
{
    static struct blk_request requests[FLYING];
    uint64_t blocks = (run->bytes + TREE_BLOCK_BYTES - 1) / TREE_BLOCK_BYTES;
    worst = EXO_OK;
    for (uint64_t first = 0; first < blocks; first += FLYING) {
        unsigned count = (unsigned)(blocks - first < FLYING ? blocks - first : FLYING);
        done = 0;
        for (unsigned i = 0; i < count; i++) {
            uint64_t at = (first + i) * TREE_BLOCK_BYTES;
            requests[i] = (struct blk_request){
                .operation = EXO_BLOCK_READ,
                .part_count = 1,
                .sector = (run->from + at) / BLK_SECTOR_BYTES,
                .part = {{run->region, true, (uint32_t)at, TREE_BLOCK_BYTES}},
                .done = note,
            };
            if (!blk_submit(&disk->blk, &requests[i]))
                return false;
        }
        while (done < count)
            if (blk_wait(&disk->blk, deadline()) == 0)
                return false;
    }
    disk->bytes_read += run->bytes;
    return worst == EXO_OK;
}

/* Frames at the next addresses of the payload, for the device to write as long as it reads. */
static int64_t
make_run(struct run *run, uint64_t va, uint32_t pages)
{
    run->slot = rt_slot_take();
    run->at = (char *)(uintptr_t)va;
    struct exo_frames frames =
        exo_frames_alloc(EXO_BOOT_CELL, run->slot, pages, EXO_ALLOC_CONTIGUOUS, 0);
    run->pages = pages;
    return frames.status == EXO_OK ? rt_map_pages(va, run->slot, 0, pages, EXO_PROT_READ)
                                   : frames.status;
}

static bool
fill_run(struct disk *disk, struct run *run)
{
    int64_t region = vq_region(&disk->blk.vq, run->slot, 0, run->pages, EXO_WRITE);
    if (region < 0)
        return false;
    run->region = (uint16_t)region;
    bool fine = read_blocks(disk, run);
    return exo_again(exo_queue_release(disk->blk.vq.slot, run->region)) == EXO_OK && fine;
}

static bool
check_run(struct bundle *bundle, size_t number, const struct run *run, uint64_t first_block)
{
    for (uint64_t at = 0; at < run->bytes; at += TREE_BLOCK_BYTES) {
        uint64_t left = run->bytes - at;
        size_t bytes = left < TREE_BLOCK_BYTES ? (size_t)left : TREE_BLOCK_BYTES;
        if (bundle_check_block(bundle, number, first_block++, run->at + at, bytes) !=
            BUNDLE_BLOCK_GOOD)
            return false;
    }
    return true;
}

bool
disk_load(struct disk *disk, struct bundle *bundle, size_t number, struct payload *payload,
          struct why *why)
{
    const struct store_file *file = &bundle->files[number];
    const char *path = bundle->manifest.payloads[number].path;
    uint64_t pages = tree_blocks(file->bytes) * BOUNCE_PAGES, va = rt_va_take(pages, 0);
    *payload = (struct payload){(const void *)(uintptr_t)va, file->bytes};
    for (uint64_t page = 0; page < pages;) {
        struct run run;
        uint64_t part = pages - page < RUN_PAGES ? pages - page : RUN_PAGES;
        uint64_t left = file->bytes - page * EXO_PAGE_BYTES;
        int64_t err = make_run(&run, va + page * EXO_PAGE_BYTES, (uint32_t)part);
        if (err != EXO_OK)
            return why_set(why, "%s: no memory for %llu pages: %s", path, (unsigned long long)part,
                           exo_error_text(err));
        run.from = file->offset + page * EXO_PAGE_BYTES;
        run.bytes = left < part * EXO_PAGE_BYTES ? left : part * EXO_PAGE_BYTES;
        if (!fill_run(disk, &run))
            return why_set(why, "%s: cannot be read from the disk", path);
        if (!check_run(bundle, number, &run, page / BOUNCE_PAGES)) {
            (void)bundle_is_demoted(bundle, why);
            return false;
        }
        page += part;
    }
    return true;
}

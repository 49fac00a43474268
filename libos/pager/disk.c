/* The queue, whoever waits for it, and small reads through a buffer. */
#include <pager/disk.h>

#include <rt/sync.h>
#include <rt/time.h>
#include <string.h>

#define BOUNCE_BYTES 65536u
#define BOUNCE_PAGES (BOUNCE_BYTES / EXO_PAGE_BYTES)

/* A notification that sets the disk's event bits of this vCPU. */
static int64_t
make_notification(struct disk *disk, uint32_t vcpu)
{
    uint32_t root = rt_slot_take(), badged = rt_slot_take();
    int64_t err = exo_notification_create(EXO_BOOT_CELL, root);
    if (err == EXO_OK)
        err = exo_notification_bind(root, sched_vcpu_slot());
    if (err == EXO_OK)
        err = exo_cap_copy(root, EXO_SELF, badged, EXO_WRITE | EXO_COPY, disk->blk.event, 0);
    if (err == EXO_OK) {
        disk->notification[vcpu].root = root;
        disk->notification[vcpu].badged = badged;
        return EXO_OK;
    }
    (void)rt_drop(root);
    rt_slot_put(badged);
    rt_slot_put(root);
    return err;
}

int64_t
disk_listen(struct disk *disk)
{
    uint32_t vcpu = sched_vcpu();
    if (disk->listener == vcpu)
        return EXO_OK;
    int64_t err = disk->notification[vcpu].root == 0 ? make_notification(disk, vcpu) : EXO_OK;
    if (err == EXO_OK)
        err = exo_again(exo_irq_bind(disk->blk.vq.slot, EXO_NONE));
    if (err == EXO_OK)
        err = exo_again(exo_irq_bind(disk->blk.vq.slot, disk->notification[vcpu].badged));
    if (err == EXO_OK)
        disk->listener = vcpu;
    return err;
}

static bool
read_part(struct disk *disk, uint64_t offset, void *to, size_t bytes)
{
    if (disk_listen(disk) != EXO_OK ||
        blk_transfer(&disk->blk, EXO_BLOCK_READ, offset / BLK_SECTOR_BYTES, disk->region, 0,
                     (uint32_t)bytes, rt_deadline_ns(DISK_SECONDS * RT_S_NS)) != EXO_OK)
        return false;
    memcpy(to, disk->bounce.at, bytes);
    disk->bytes_read += bytes;
    return true;
}

static bool
read_small(struct image_device *device, uint64_t offset, void *to, size_t bytes)
{
    struct disk *disk = (struct disk *)(void *)device;
    bool fine = true;
    mutex_lock(&disk->lock);
    for (size_t at = 0; at < bytes && fine; at += BOUNCE_BYTES) {
        size_t part = bytes - at < BOUNCE_BYTES ? bytes - at : BOUNCE_BYTES;
        fine = read_part(disk, offset + at, (char *)to + at, part);
    }
    mutex_unlock(&disk->lock);
    return fine;
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
        err = rt_memory_take(BOUNCE_PAGES, EXO_PROT_READ | EXO_PROT_WRITE, &disk->bounce);
    if (err != EXO_OK)
        return err;
    err = vq_region(&disk->blk.vq, disk->bounce.slot, 0, BOUNCE_PAGES, EXO_WRITE);
    disk->region = (uint16_t)err;
    return err < 0 ? err : EXO_OK;
}

static void
close_queue(struct disk *disk)
{
    blk_close(&disk->blk);
    rt_memory_put(&disk->bounce);
    for (uint32_t i = 0; i < SCHED_VCPUS_MAX; i++) {
        if (disk->notification[i].root == 0)
            continue;
        (void)rt_drop(disk->notification[i].root); /* and with it its copy */
        rt_slot_put(disk->notification[i].root);
        rt_slot_put(disk->notification[i].badged);
    }
}

bool
disk_start(struct disk *disk, uint32_t slot, uint64_t event, struct why *why)
{
    memset(disk, 0, sizeof(*disk));
    disk->listener = EXO_NONE;
    int64_t err = open_queue(disk, slot, event);
    return err == EXO_OK || why_set(why, "the disk in slot %u: %s", slot, exo_error_text(err));
}

bool
disk_open(struct disk *disk, uint32_t slot, uint64_t event, struct why *why)
{
    if (!disk_start(disk, slot, event, why))
        return false;
    if (image_open(&disk->image, &disk->device, why))
        return true;
    close_queue(disk);
    return false;
}

void
disk_close(struct disk *disk)
{
    image_close(&disk->image);
    close_queue(disk);
}

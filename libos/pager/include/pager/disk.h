/*
 * The store on a disk: an image_device over an extent (libos/blk), for any thread of the program.
 */
#ifndef PAGER_DISK_H
#define PAGER_DISK_H

#include <blk/blk.h>
#include <model/image.h>
#include <sched/sync.h>
#include <sched/thread.h>

#define DISK_SECONDS 30u /* a request that takes longer has failed */

struct disk {
    struct image_device device; /* first: what image_open gets */
    struct mutex lock;          /* held by who uses what follows */
    struct blk blk;
    struct rt_memory bounce; /* for what is read into memory that is not the device's to write */
    uint16_t region;
    struct {
        uint32_t root, badged; /* slots of a notification that wakes that vCPU; 0: not made yet */
    } notification[SCHED_VCPUS_MAX];
    uint32_t listener; /* the vCPU that completions wake */
    struct image image;
    uint64_t bytes_read;
};

/*
 * Opens the device in that slot (session and queue, paid by the program's cell) and the store image
 * on it. Completions set `event` bits of the vCPU that listens, which nobody else uses there. False
 * with the reason: it is closed again, and maybe another disk has one.
 */
bool disk_open(struct disk *disk, uint32_t slot, uint64_t event, struct why *why);

/* The same without a look for an image. */
bool disk_start(struct disk *disk, uint32_t slot, uint64_t event, struct why *why);

/* Nothing of it is under way or used any more. */
void disk_close(struct disk *disk);

/* With the lock: from now on completions wake this vCPU. */
int64_t disk_listen(struct disk *disk);

#endif

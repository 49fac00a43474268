/*
 * The store on a disk: an image_device over an extent (libos/blk), and payloads read straight into
 * the frames that they stay in, many requests at a time.
 */
#ifndef LLMD_DISK_H
#define LLMD_DISK_H

#include <blk/blk.h>
#include <model/bundle.h>
#include <model/image.h>

struct disk {
    struct image_device device; /* first: what image_open gets */
    struct blk blk;
    struct rt_memory bounce; /* for what is read into memory that is not the device's to write */
    uint16_t region;
    struct image image;
    uint64_t bytes_read;
};

/*
 * Opens the device in that slot (session and queue, paid by the program's cell) and the store image
 * on it. False with the reason: it is closed again, and maybe another disk has one.
 */
bool disk_open(struct disk *disk, uint32_t slot, uint64_t event, struct why *why);

/* A payload in memory, all of its blocks verified. */
struct payload {
    const void *at;
    uint64_t bytes;
};

/*
 * Reads payload `number` of an opened bundle into fresh frames of this program's cell, and checks
 * every block after the device can no longer write there. False with the reason.
 */
bool disk_load(struct disk *disk, struct bundle *bundle, size_t number, struct payload *payload,
               struct why *why);

#endif

/*
 * The payloads of an opened bundle in memory: a read-only region for each, filled when it is
 * touched (model/pager.h says how), in frames of this program's cell that the device wrote.
 */
#ifndef PAGER_PAYLOADS_H
#define PAGER_PAYLOADS_H

#include <model/pager.h>
#include <pager/disk.h>
#include <vm/object.h>

/* Frames with one capability; blocks have places, which go on from run to run. */
struct payloads_run {
    uint32_t slot, first_place, blocks; /* slot EXO_NONE: its frames were given back */
    uint32_t free;                      /* places: bits */
    uint32_t payload, window;           /* whose blocks they are kept for, if they are; ... */
    uint32_t shown;                     /* ... which of them are shown: bits; ... */
    bool is_kept, is_whole;             /* ... and all by one mapping; or ... */
    bool is_away; /* ... some by none, for want of a table: they are mapped when they are touched */
};

struct payloads_region {
    struct payloads *payloads;
    size_t number; /* of the payload */
    struct vm_object *object;
    uint64_t va, bytes; /* whole pages */
    uint32_t windows;   /* of 2 MiB, and the run that is kept for each: its number and 1, or 0 */
    uint32_t *run_of;
};

/* Its owner reads nothing of it but the pager. */
struct payloads {
    struct pager pager;
    struct pager_host host;
    struct disk *disk;
    struct bundle *bundle;
    struct payloads_region region[MANIFEST_PAYLOADS_MAX];
    _Atomic uint32_t wakes; /* a futex word */
    /* Memory: runs, where a free place was found last, and how long the next run is; and the
     * address at which place 0 is written to. */
    struct payloads_run *run;
    uint32_t run_count, run_last, run_blocks, blocks_left, next_place;
    uint32_t places, places_free, places_most;
    uint64_t spare_frames; /* of the cell, which are left to others */
    bool keeps_windows;
    uint32_t windows_whole;
    uint64_t places_va;
    struct rt_memory zeros; /* a block of them */
    /* Reads, by their number in the pager. */
    struct blk_request request[PAGER_READS];
    uint16_t device_region[PAGER_READS];
    uint32_t ended;
    uint64_t deadline_ticks;
};

/*
 * Makes the regions, and takes memory for some blocks; nothing is read yet. The disk holds the
 * bundle; both outlive it. False with the reason: nothing is left behind.
 */
bool payloads_open(struct payloads *payloads, struct disk *disk, struct bundle *bundle,
                   struct why *why);

/* Before it is touched: blocks of that payload may be forgotten, so that an eighth of the memory
 * that the program has now is left to others. */
void payloads_may_forget(struct payloads *payloads, size_t number);

/* At most so many blocks (but those of the first run of frames at least) are in memory from now on:
 * no more is taken than there is. What is soon forgotten is mapped in pages. */
void payloads_limit(struct payloads *payloads, uint32_t blocks);

/*
 * Forgets blocks that may be, and gives frames that have none back to the cell, until so many are
 * given or no more than `keep` blocks are held: how many were. The blocks are read and verified
 * again when they are touched.
 */
uint64_t payloads_give(struct payloads *payloads, uint64_t frames, uint64_t keep);

/* Windows of 2 MiB that are shown by one mapping each, now. */
uint32_t payloads_whole(struct payloads *payloads);

/* Where a payload is; so many bytes as the manifest says, and zeros up to the next page. */
const void *payloads_at(const struct payloads *payloads, size_t number);

/* Gives everything back. Nobody touches it any more. */
void payloads_close(struct payloads *payloads);

#endif

/* 4 KiB reads at random places of an extent, 32 in flight, through the checked ring: requests a
 * second. The opponent is baremetal/blk_random_read.c, in the same run. */
#include <blk/blk.h>
#include <rt/console.h>
#include <rt/start.h>
#include <rt/time.h>

#include "work.h"

#define BLOCK 2u /* virtio device id */

static struct vq vq;
static struct rt_memory memory;
static uint16_t region;
static uint64_t blocks, seed = 1, sectors[WORK_READS_FLYING];

static void
expect(bool condition, const char *what, int64_t value)
{
    if (!condition) {
        rt_printf("blk_random_read: %s: %lld\n", what, (long long)value);
        rt_exit(1);
    }
}

static uint32_t
find_disk(void)
{
    struct exo_device_info info;
    uint32_t slot = EXO_BOOT_DEVICE;
    while (slot < EXO_BOOT_SLOTS && (exo_device_info(slot, &info) != EXO_OK || info.type != BLOCK))
        slot++;
    expect(slot < EXO_BOOT_SLOTS, "no disk", slot);
    return slot;
}

static void
open_disk(void)
{
    const struct vq_source source = {EXO_BOOT_CELL, find_disk(), 0, 0, 0};
    uint64_t capacity = 0;
    int64_t err = vq_open_device(EXO_BOOT_CELL, source.device, 1, ~0ull);
    expect(err == EXO_OK, "the device does not open", err);
    err = vq_open(&vq, &source);
    expect(err == EXO_OK, "its queue does not open", err);
    err = exo_device_config(source.device, 0, &capacity, sizeof(capacity));
    expect(err == EXO_OK, "its size cannot be read", err);
    blocks = capacity / (WORK_READ_BYTES / BLK_SECTOR_BYTES);
    err = rt_memory_take(WORK_READS_FLYING, EXO_PROT_READ, &memory);
    expect(err == EXO_OK, "no memory", err);
    err = vq_region(&vq, memory.slot, 0, WORK_READS_FLYING, EXO_WRITE);
    expect(err >= 0, "no region", err);
    region = (uint16_t)err;
}

static void
request(uint32_t slot)
{
    sectors[slot] = work_random(&seed) % blocks * (WORK_READ_BYTES / BLK_SECTOR_BYTES);
    const struct vq_part part = {region, true, slot * WORK_READ_BYTES, WORK_READ_BYTES};
    expect(vq_add_block(&vq, EXO_BLOCK_READ, sectors[slot], &part, 1, slot), "the ring is full",
           vq.error);
}

static void
check(const struct vq_done *done)
{
    const uint64_t *word =
        (const uint64_t *)(const void *)((char *)memory.at + done->cookie * WORK_READ_BYTES);
    expect(done->status == 0, "a read failed, status", done->status);
    expect(*word == sectors[done->cookie] * BLK_SECTOR_BYTES,
           "the disk's contents are not what they should be at sector",
           (int64_t)sectors[done->cookie]);
}

/* Requests go in batches of a quarter of what is in flight: the device always has enough to do. */
static void
read_all(void)
{
    struct vq_done done;
    uint32_t sent = 0, finished = 0;
    for (; sent < WORK_READS_FLYING; sent++)
        request(sent);
    while (finished < WORK_READS) {
        if (vq.batched >= WORK_READS_FLYING / 4 || sent == WORK_READS)
            (void)vq_flush(&vq, false);
        for (; vq_poll(&vq, &done); finished++) {
            check(&done);
            if (sent < WORK_READS) {
                request((uint32_t)done.cookie);
                sent++;
            }
        }
        expect(vq.error == EXO_OK, "the queue is broken", vq.error);
    }
}

int
main(void)
{
    open_disk();
    uint64_t start = rt_ticks();
    read_all();
    uint64_t ns = rt_ticks_to_ns(rt_ticks() - start);
    rt_printf("bench: blk_random_read %llu requests/s\n",
              (unsigned long long)(WORK_READS * 1000000000ull / ns));
    return 0;
}

// config: smp=1 cpu=max build=release devices=blk:32M timeout=120
/*
 * 4 KiB reads at random places, WORK_READS_FLYING in flight, as fast as one CPU can that polls:
 * completions are taken in batches and replaced by as many requests, with one doorbell at most.
 */
#include "machine.h"
#include "virtio.h"

#include "../work.h"

#define SECTOR 512u

/* §5.2.6 */
struct header {
    uint32_t type, reserved;
    uint64_t sector;
};

static struct ring ring;
static struct queue queue;
static struct header headers[WORK_READS_FLYING];
static uint8_t status[WORK_READS_FLYING];
static _Alignas(4096) uint64_t buffers[WORK_READS_FLYING][WORK_READ_BYTES / sizeof(uint64_t)];
static uint64_t blocks, seed = 1;

/* Three descriptors for each request in flight, which never change; nor does its header but for the
   sector. */
static void
prepare(uint16_t slot)
{
    uint16_t first = (uint16_t)(3 * slot);
    ring.descriptors[first] = (struct descriptor){(uintptr_t)&headers[slot], sizeof(struct header),
                                                  DESCRIPTOR_NEXT, (uint16_t)(first + 1)};
    ring.descriptors[first + 1] =
        (struct descriptor){(uintptr_t)buffers[slot], WORK_READ_BYTES,
                            DESCRIPTOR_NEXT | DESCRIPTOR_WRITE, (uint16_t)(first + 2)};
    ring.descriptors[first + 2] =
        (struct descriptor){(uintptr_t)&status[slot], 1, DESCRIPTOR_WRITE, 0};
}

static void
request(uint16_t slot)
{
    headers[slot].sector = work_random(&seed) % blocks * (WORK_READ_BYTES / SECTOR);
    queue_add(&queue, (uint16_t)(3 * slot));
}

static void
check(uint16_t slot)
{
    if (status[slot] != 0)
        machine_fail("a read failed, status ", status[slot]);
    if (buffers[slot][0] != headers[slot].sector * SECTOR)
        machine_fail("the disk's contents are not what they should be at sector ",
                     headers[slot].sector);
}

static void
read_all(void)
{
    uint32_t sent = 0, done = 0;
    for (; sent < WORK_READS_FLYING; sent++)
        request((uint16_t)sent);
    queue_publish(&queue);
    while (done < WORK_READS) {
        for (uint16_t used = queue_used(&queue); queue.consumed != used; done++) {
            uint16_t slot = queue_take(&queue) / 3;
            check(slot);
            if (sent < WORK_READS) {
                request(slot);
                sent++;
            }
        }
        queue_publish(&queue);
    }
}

int
main(void)
{
    struct device device;
    device_open(&device, VIRTIO_BLK);
    queue_open(&queue, &device, 0, &ring);
    device_start(&device);
    blocks = *(volatile uint64_t *)device.config / (WORK_READ_BYTES / SECTOR);
    for (uint16_t slot = 0; slot < WORK_READS_FLYING; slot++)
        prepare(slot);
    uint64_t start = machine_ticks();
    read_all();
    machine_print("bench: blk_random_read ", machine_rate(WORK_READS, start, machine_ticks()),
                  " requests/s");
    return 0;
}

// config: smp=1,4 cpu=max,cortex-a72 devices=blk:16M:iops=20@port,net@port
/*
 * A disk that is removed with 60 reads in flight, and a NIC with buffers that wait for frames: both
 * owners are told, nothing that they gave stays with the device, and everything can be dropped.
 */
#include "fixture.h"

#define QUEUE_BIT  0x20ull
#define DEVICE_BIT 0x40ull
#define READS      60u
#define PAGES      60u
#define FEATURES   0 /* beyond what the kernel asks for */

enum { BLOCK = EXO_BOOT_DEVICE, NET };

/* What one has of a queue: its capability, its ring, and memory for the device to write. */
struct use {
    uint32_t queue, ring_slot, frames;
    uint16_t region;
    const struct exo_ring *ring;
};

static bool
is_gone(uint32_t device)
{
    struct exo_device_info info = {0};
    check_equal(exo_device_info(device, &info), EXO_OK);
    return info.state == EXO_DEVICE_GONE;
}

static void
open_device(uint32_t device, uint32_t queues)
{
    struct exo_value opened;
    do {
        opened = exo_device_open(EXO_BOOT_CELL, device, queues, FEATURES, 0);
    } while (opened.status == EXO_E_AGAIN);
    check_equal(opened.status, EXO_OK);
}

static struct use
use_queue(uint32_t device)
{
    int64_t status;
    struct exo_value region;
    struct use use = {.queue = rt_slot_take(), .ring_slot = rt_slot_take()};
    check_equal(exo_queue_open(EXO_BOOT_CELL, use.queue, device, 0, use.ring_slot, 0, 0), EXO_OK);
    use.ring = rt_map_at_any(use.ring_slot, 0, 1, EXO_PROT_READ, &status);
    check_equal(status, EXO_OK);
    use.frames = new_frames(EXO_BOOT_CELL, PAGES);
    do {
        region = exo_queue_region(use.queue, use.frames, 0, PAGES, EXO_WRITE);
    } while (region.status == EXO_E_AGAIN);
    check_equal(region.status, EXO_OK);
    use.region = (uint16_t)region.value;
    return use;
}

static void
submit(const struct use *use, uint32_t count)
{
    struct exo_descriptor descriptors[READS];
    for (uint32_t i = 0; i < count; i++)
        descriptors[i] = (struct exo_descriptor){.id = (uint16_t)i,
                                                 .region = use->region,
                                                 .flags = EXO_DESCRIPTOR_WRITE,
                                                 .offset = i * EXO_PAGE_BYTES,
                                                 .length = EXO_PAGE_BYTES};
    check_equal(exo_queue_submit(use->queue, descriptors, count, use->ring->start, true).status,
                EXO_OK);
}

static void
bind_both(uint32_t device, uint32_t queue)
{
    uint32_t notification = new_notification();
    check_equal(exo_notification_bind(notification, EXO_BOOT_VCPU), EXO_OK);
    check_equal(exo_irq_bind(device, badged(notification, DEVICE_BIT)), EXO_OK);
    check_equal(exo_irq_bind(queue, badged(notification, QUEUE_BIT)), EXO_OK);
}

static void
everything_says_gone(uint32_t device, const struct use *use)
{
    struct exo_descriptor descriptor = {.flags = EXO_DESCRIPTOR_WRITE, .length = 512};
    struct exo_queue_info info = {0};
    check_equal(exo_queue_submit(use->queue, &descriptor, 1, use->ring->start, true).status,
                EXO_E_GONE);
    check_equal(exo_queue_region(use->queue, use->frames, 0, 1, EXO_WRITE).status, EXO_E_GONE);
    check_equal(exo_device_open(EXO_BOOT_CELL, device, 1, FEATURES, 0).status, EXO_E_GONE);
    check_equal(use->ring->state, EXO_RING_GONE);
    check_equal(exo_queue_info(use->queue, &info), EXO_OK);
    check_equal(info.state, EXO_RING_GONE);
    check_equal(info.in_flight, 0);
}

static void
remove_in_use(uint32_t device, const char *name, uint32_t queues, uint32_t buffers)
{
    uint64_t events = 0;
    struct exo_queue_info before = {0};
    if (is_gone(device)) /* a test is repeated when it left traces in its cell's account */
        return;
    open_device(device, queues);
    struct use use = use_queue(device);
    bind_both(device, use.queue);
    submit(&use, buffers);
    check_equal(exo_queue_info(use.queue, &before), EXO_OK);
    check(before.in_flight > 0);
    rt_printf("qmp: device_del id=%s\n", name);
    while (!is_gone(device) || (events & DEVICE_BIT) == 0)
        events |= rt_wait_events(QUEUE_BIT | DEVICE_BIT, test_patience());
    if ((events & QUEUE_BIT) == 0)
        check_equal(rt_wait_events(QUEUE_BIT, test_patience()), QUEUE_BIT);
    everything_says_gone(device, &use);
    check_equal(rt_drop(use.frames), EXO_OK);
    check_equal(rt_drop(use.queue), EXO_OK);
    struct exo_cap_info info;
    check_equal(exo_cap_info(use.ring_slot, &info), EXO_E_SLOT);
    int64_t status;
    while ((status = exo_device_close(device)) == EXO_E_AGAIN) {
    }
    check(status == EXO_OK || status == EXO_E_GONE);
}

static void
disk_with_reads_in_flight_can_be_removed(void)
{
    remove_in_use(BLOCK, "blk0", 8, READS);
}

static void
nic_with_waiting_buffers_can_be_removed(void)
{
    remove_in_use(NET, "net0", 2, READS);
}

static const struct test tests[] = {
    TEST(disk_with_reads_in_flight_can_be_removed),
    TEST(nic_with_waiting_buffers_can_be_removed),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}

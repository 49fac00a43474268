// config: smp=1,4 cpu=max,cortex-a72 build=release,debug devices=rng
/* Queues: buffers that a device fills, completions polled and waited for, regions, and their end.
 */
#include "vring.h"

#define DEVICE EXO_BOOT_DEVICE
#define WRITE  EXO_DESCRIPTOR_WRITE
#define IDS    8u /* of QEMU's entropy device */

static bool
open_entropy(struct vring *vring, uint32_t pages)
{
    return open_device(EXO_BOOT_CELL, DEVICE, 1) &&
           open_vring(vring, EXO_BOOT_CELL, DEVICE, 0, 0, 0, pages);
}

static struct exo_descriptor
buffer(uint16_t id, uint32_t offset, uint32_t length)
{
    return (struct exo_descriptor){.id = id, .flags = WRITE, .offset = offset, .length = length};
}

static bool
is_zero(const unsigned char *at, uint32_t bytes)
{
    for (uint32_t i = 0; i < bytes; i++)
        if (at[i] != 0)
            return false;
    return true;
}

static void
device_fills_the_buffer_and_nothing_else(void)
{
    struct vring vring;
    if (!open_entropy(&vring, 2))
        return;
    const unsigned char *memory = vring.memory.at;
    const struct exo_descriptor batch = buffer(7, 4000, 500);
    check_equal(vring_submit(&vring, &batch, 1).status, EXO_OK);
    if (!vring_wait(&vring, 1))
        return;
    struct exo_used used = vring_used(&vring, 0);
    check_equal(used.id, 7);
    check(used.length > 0 && used.length <= 500);
    check(is_zero(memory, 4000));
    check(!is_zero(memory + 4000, used.length) || used.length < 8);
    check(is_zero(memory + 4500, 2 * EXO_PAGE_BYTES - 4500));
}

static void
ids_are_used_again_when_they_were_consumed(void)
{
    struct vring vring;
    struct exo_descriptor batch[IDS / 2];
    unsigned rounds = test_rounds(100, 10000);
    if (!open_entropy(&vring, 1))
        return;
    check_equal(vring.ring->ids, IDS);
    for (unsigned round = 0; round < rounds; round++) {
        for (uint16_t i = 0; i < IDS / 2; i++)
            batch[i] = buffer((uint16_t)((round + i) % IDS), i * 64, 64);
        check_equal(vring_submit(&vring, batch, IDS / 2).status, EXO_OK);
        if (!vring_wait(&vring, IDS / 2))
            return;
    }
    check_equal(vring_submit(&vring, batch, 1).status, EXO_OK);
    if (!vring_wait(&vring, 1))
        return;
    /* completed, and not told of: in use */
    check_equal(exo_queue_submit(vring.slot, batch, 1, vring.consumed, false).status,
                EXO_E_OCCUPIED);
    struct exo_queue_info info;
    check_equal(exo_queue_info(vring.slot, &info), EXO_OK);
    check_equal(info.submitted, rounds * (IDS / 2) + 1);
    check_equal(info.state, EXO_RING_OPEN);
}

static void
completions_wake_who_waits(void)
{
    struct vring vring;
    const struct exo_descriptor batch = buffer(0, 0, 64);
    uint32_t notification = new_notification();
    if (!open_entropy(&vring, 1))
        return;
    check_equal(exo_notification_bind(notification, EXO_BOOT_VCPU), EXO_OK);
    uint32_t bell = rt_slot_take();
    check_equal(exo_cap_copy(notification, EXO_SELF, bell, EXO_WRITE | EXO_COPY, 1ull << 40, 0),
                EXO_OK);
    check_equal(exo_irq_bind(vring.slot, bell), EXO_OK);
    for (unsigned i = 0; i < test_rounds(100, 10000); i++) {
        uint16_t consumed = vring.consumed = vring.ring->used_index;
        struct exo_submitted submitted = exo_queue_submit(vring.slot, &batch, 1, consumed, true);
        check_equal(submitted.status, EXO_OK);
        while (!submitted.more && vring.ring->used_index == consumed) {
            if (!check_equal(rt_wait_events(1ull << 40, test_patience()), 1ull << 40))
                return;
            submitted = exo_queue_submit(vring.slot, NULL, 0, consumed, true);
        }
        if (!vring_wait(&vring, 1)) /* in a storm polling is asked for */
            return;
    }
}

static void
regions_keep_their_frames(void)
{
    struct vring vring;
    const struct exo_descriptor batch = buffer(0, 0, 64);
    if (!open_entropy(&vring, 4))
        return;
    uint32_t copy = copy_of(vring.memory.slot, EXO_READ | EXO_WRITE | EXO_COPY);
    check_equal(exo_again(exo_queue_region(vring.slot, copy, 1, 2, EXO_WRITE).status), EXO_OK);
    check_equal(exo_frames_split(vring.memory.slot, 2, rt_slot_take()), EXO_E_STATE);
    struct exo_descriptor other = batch;
    other.region = 1;
    check_equal(vring_submit(&vring, &other, 1).status, EXO_OK);
    check_equal(rt_revoke(vring.memory.slot), EXO_OK); /* both regions, and the copy */
    check_equal(vring_submit(&vring, &other, 1).status, EXO_E_RANGE);
    check_equal(vring_submit(&vring, &batch, 1).status, EXO_E_RANGE);
    check_equal(exo_queue_release(vring.slot, 1), EXO_E_SLOT);
    check_equal(info_of(vring.memory.slot).flags & EXO_CAP_CHILDREN, 0);
}

static void
ring_page_goes_with_its_queue(void)
{
    struct vring vring;
    if (!open_entropy(&vring, 1))
        return;
    uint64_t va = (uint64_t)(uintptr_t)vring.ring;
    catch_faults();
    try_write(va, 1);
    check_equal(caught.count, 1);
    check_equal(rt_drop(vring.slot), EXO_OK);
    (void)try_read(va);
    check_equal(caught.count, 2);
    struct exo_cap_info info;
    check_equal(exo_cap_info(vring.ring_slot, &info), EXO_E_SLOT);
}

static void
reset_is_seen_in_the_ring_page(void)
{
    struct vring vring;
    const struct exo_descriptor batch = buffer(0, 0, 64);
    if (!open_entropy(&vring, 1))
        return;
    check_equal(exo_again(exo_device_close(DEVICE)), EXO_OK);
    check_equal(vring.ring->state, EXO_RING_RESET);
    check_equal(vring_submit(&vring, &batch, 1).status, EXO_E_RESET);
    check_equal(rt_drop(vring.slot), EXO_OK);
    if (!open_entropy(&vring, 1))
        return;
    check_equal(vring_submit(&vring, &batch, 1).status, EXO_OK);
    (void)vring_wait(&vring, 1);
}

/* A program that keeps the device busy for ever. */
static int
use_for_ever(uint64_t device)
{
    struct vring vring;
    struct exo_descriptor batch[IDS];
    if (!open_vring(&vring, EXO_BOOT_CELL, (uint32_t)device, 0, 0, 0, 2))
        return __LINE__;
    for (uint16_t i = 0; i < IDS; i++)
        batch[i] = buffer(i, i * 256, 256);
    for (;;) {
        if (vring_submit(&vring, batch, IDS).status != EXO_OK)
            return __LINE__;
        _Atomic uint32_t *told = (void *)((struct rt_child_page *)EXO_BOOT_INFO_VA)->shared;
        atomic_store(told, 1);
        if (!vring_wait(&vring, IDS))
            return __LINE__;
    }
}

/* Killed in traffic, started again: the next one goes on. Nothing is left (the harness looks). */
static void
a_driver_that_dies_is_restarted(void)
{
    if (!open_device(EXO_BOOT_CELL, DEVICE, 1))
        return;
    for (unsigned i = 0; i < test_rounds(5, 200); i++) {
        const struct rt_spawn spawn = {
            .entry = use_for_ever,
            .argument = RT_SLOT_GRANT,
            .cpu = other_cpu(),
            .grant = {{.src = DEVICE, .dst = RT_SLOT_GRANT, .rights = EXO_WRITE}}};
        struct rt_child child;
        if (!start_child(&spawn, &child))
            return;
        check(rt_wait_word((_Atomic uint32_t *)(void *)child.page->shared, 1, test_patience()));
        rt_kill(&child);
        /* alone with it, the child's end reset the device */
        if (!open_device(EXO_BOOT_CELL, DEVICE, 1))
            return;
    }
}

static const struct test tests[] = {
    TEST(device_fills_the_buffer_and_nothing_else),
    TEST(ids_are_used_again_when_they_were_consumed),
    TEST(completions_wake_who_waits),
    TEST(regions_keep_their_frames),
    TEST(ring_page_goes_with_its_queue),
    TEST(reset_is_seen_in_the_ring_page),
    TEST(a_driver_that_dies_is_restarted),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}

// config: smp=1,4 cpu=max,cortex-a72 build=release,debug devices=rng,rng
/* Programs that want the frames, the queue, the ring page or the interrupt of another. */
#include "vring.h"

#define DEVICE EXO_BOOT_DEVICE
#define OTHER  (EXO_BOOT_DEVICE + 1)
#define WRITE  EXO_DESCRIPTOR_WRITE
#define IDS    8u /* of QEMU's entropy device */
#define PAGES  2u

static bool
open_entropy(struct vring *vring)
{
    return open_device(EXO_BOOT_CELL, DEVICE, 1) &&
           open_vring(vring, EXO_BOOT_CELL, DEVICE, 0, 0, 0, PAGES);
}

/* --- Frames
 * ---------------------------------------------------------------------------------------
 */

static int64_t
try_region(uint32_t queue, uint32_t frames, uint32_t first, uint32_t pages, uint32_t access)
{
    return exo_again(exo_queue_region(queue, frames, first, pages, access).status);
}

/* What one may not map writable, no device writes for one. */
static void
frames_of_others_are_not_registered(void)
{
    struct vring vring;
    if (!open_entropy(&vring))
        return;
    uint32_t frames = new_frames(EXO_BOOT_CELL, 4), narrow = rt_slot_take();
    check_equal(exo_cap_copy(frames, EXO_SELF, narrow, EXO_READ | EXO_WRITE,
                             info_of(frames).base_or_badge + 1, 2),
                EXO_OK);
    check_equal(try_region(vring.slot, rt_slot_take(), 0, 1, EXO_WRITE), EXO_E_SLOT);
    check_equal(try_region(vring.slot, EXO_BOOT_CELL, 0, 1, EXO_WRITE), EXO_E_TYPE);
    check_equal(try_region(vring.slot, copy_of(frames, EXO_READ), 0, 1, EXO_WRITE), EXO_E_RIGHT);
    check_equal(try_region(vring.slot, copy_of(frames, EXO_WRITE), 0, 1, EXO_READ), EXO_E_RIGHT);
    check_equal(try_region(vring.slot, narrow, 1, 2, EXO_WRITE), EXO_E_RANGE);
    check_equal(try_region(vring.slot, narrow, 2, 1, EXO_WRITE), EXO_E_RANGE);
    check_equal(try_region(vring.slot, narrow, UINT32_MAX, 1, EXO_WRITE), EXO_E_RANGE);
    check_equal(try_region(vring.slot, EXO_BOOT_CONSOLE, 0, 1, EXO_WRITE), EXO_E_ARG);
    check_equal(try_region(vring.slot, EXO_BOOT_IMAGE, 0, 1, EXO_WRITE), EXO_E_RIGHT);
    check_equal(try_region(vring.slot, vring.ring_slot, 0, 1, EXO_WRITE), EXO_E_RIGHT);
    (void)vring_works(&vring);
}

/* Neither order gets a frame that a device writes and somebody executes. */
static void
device_does_not_write_what_is_executed(void)
{
    struct vring vring;
    int64_t status;
    if (!open_entropy(&vring))
        return;
    uint32_t code = new_frames(EXO_BOOT_CELL, 1), data = new_frames(EXO_BOOT_CELL, 1);
    check(rt_map_at_any(code, 0, 1, EXO_PROT_READ | EXO_PROT_EXEC, &status) != NULL);
    check_equal(try_region(vring.slot, code, 0, 1, EXO_WRITE), EXO_E_WX);
    check_equal(try_region(vring.slot, data, 0, 1, EXO_WRITE), EXO_OK);
    check(rt_map_at_any(data, 0, 1, EXO_PROT_READ | EXO_PROT_EXEC, &status) == NULL);
    check_equal(status, EXO_E_WX);
    check_equal(exo_queue_release(vring.slot, 1), EXO_OK);
    check(rt_map_at_any(data, 0, 1, EXO_PROT_READ | EXO_PROT_EXEC, &status) != NULL);
    (void)vring_works(&vring);
}

/* --- What is another's ---------------------------------------------------------------------------
 */

static void
ring_page_cannot_be_written(void)
{
    struct vring vring;
    int64_t status;
    if (!open_entropy(&vring))
        return;
    uint64_t va = exo_address(vring.ring);
    check(rt_map_at_any(vring.ring_slot, 0, 1, EXO_PROT_READ | EXO_PROT_WRITE, &status) == NULL);
    check_equal(status, EXO_E_RIGHT);
    check_equal(rt_protect_pages(va, vring.ring_slot, 0, 1, EXO_PROT_READ | EXO_PROT_WRITE),
                EXO_E_RIGHT);
    check_equal(rt_protect_pages(va, vring.ring_slot, 0, 1, EXO_PROT_READ | EXO_PROT_EXEC),
                EXO_E_RIGHT);
    check_equal(info_of(vring.ring_slot).rights, EXO_READ | EXO_COPY);
    uint32_t copy = rt_slot_take();
    check(exo_cap_copy(vring.ring_slot, EXO_SELF, copy, EXO_READ | EXO_WRITE, 0, 0) != EXO_OK ||
          info_of(copy).rights == EXO_READ);
    catch_faults();
    for (uint32_t offset = 0; offset < EXO_PAGE_BYTES; offset += 512)
        try_write(va + offset, UINT64_MAX);
    check_equal(caught.count, EXO_PAGE_BYTES / 512);
    (void)vring_works(&vring);
}

/* A device that reads it holds it up for as long as that takes, and no longer. */
static void
ring_page_in_a_region_of_another_queue_goes_with_its_queue(void)
{
    struct vring vring, other;
    if (!open_entropy(&vring) || !open_device(EXO_BOOT_CELL, OTHER, 1) ||
        !open_vring(&other, EXO_BOOT_CELL, OTHER, 0, 0, 0, PAGES))
        return;
    check_equal(try_region(other.slot, vring.ring_slot, 0, 1, EXO_READ), EXO_OK);
    check_equal(try_region(vring.slot, vring.ring_slot, 0, 1, EXO_READ), EXO_OK); /* its own */
    check_equal(vring_info(other.slot).regions, 2);
    check_equal(rt_drop(vring.slot), EXO_OK);
    check_equal(vring_info(other.slot).regions, 1);
    (void)vring_works(&other);
}

static void
virtqueue_has_one_owner(void)
{
    struct vring vring;
    if (!open_entropy(&vring))
        return;
    uint32_t slot = rt_slot_take(), ring = rt_slot_take();
    check_equal(exo_queue_open(EXO_BOOT_CELL, slot, DEVICE, 0, ring, 0, 0), EXO_E_OCCUPIED);
    check_equal(exo_queue_open(EXO_BOOT_CELL, slot, DEVICE, 1, ring, 0, 0), EXO_E_RANGE);
    check_equal(exo_queue_open(EXO_BOOT_CELL, slot, OTHER, 0, ring, 0, 0), EXO_E_STATE);
    struct exo_cap_info info;
    check_equal(exo_cap_info(slot, &info), EXO_E_SLOT);
    check_equal(exo_cap_info(ring, &info), EXO_E_SLOT);
    (void)vring_works(&vring);
}

/* Each right of a copy is good for what it says, and for nothing else. */
static void
copy_of_a_queue_does_what_its_rights_say(void)
{
    struct vring vring;
    if (!open_entropy(&vring))
        return;
    struct exo_queue_info info;
    const struct exo_descriptor good = vring_buffer(0, WRITE, 0, 64);
    uint32_t frames = vring.memory.slot;
    uint32_t idle = copy_of(vring.slot, EXO_READ | EXO_CONTROL | EXO_COPY);
    uint32_t blind = copy_of(vring.slot, EXO_WRITE | EXO_COPY);
    check_equal(exo_queue_submit(idle, &good, 1, vring.consumed, false).status, EXO_E_RIGHT);
    check_equal(exo_queue_submit(idle, NULL, 0, vring.consumed, true).status, EXO_E_RIGHT);
    check_equal(try_region(idle, frames, 0, 1, EXO_WRITE), EXO_E_RIGHT);
    check_equal(exo_queue_release(idle, 0), EXO_E_RIGHT);
    check_equal(exo_queue_info(blind, &info), EXO_E_RIGHT);
    check_equal(exo_irq_bind(blind, EXO_NONE), EXO_E_RIGHT);
    check_equal(exo_irq_ack(blind), EXO_E_RIGHT);
    check_equal(exo_cap_copy(vring.slot, EXO_SELF, rt_slot_take(), EXO_READ, 1, 1), EXO_E_ARG);
    (void)vring_works(&vring);
    check_equal(rt_drop(blind), EXO_OK); /* and leaves the queue to its owner */
    check_equal(rt_drop(idle), EXO_OK);
    check_equal(vring_info(vring.slot).state, EXO_RING_OPEN);
}

static void
device_gives_queues_only_to_who_may(void)
{
    if (!open_device(EXO_BOOT_CELL, DEVICE, 1))
        return;
    uint32_t slot = rt_slot_take(), ring = rt_slot_take();
    uint32_t seen = copy_of(DEVICE, EXO_READ | EXO_COPY);
    uint32_t used = copy_of(DEVICE, EXO_READ | EXO_WRITE | EXO_COPY);
    check_equal(exo_queue_open(EXO_BOOT_CELL, slot, seen, 0, ring, 0, 0), EXO_E_RIGHT);
    check_equal(exo_device_open(EXO_BOOT_CELL, used, 1, 0, 0).status, EXO_E_RIGHT);
    check_equal(exo_device_close(used), EXO_E_RIGHT);
    check_equal(exo_irq_bind(used, EXO_NONE), EXO_E_RIGHT);
    check_equal(exo_queue_open(EXO_BOOT_CELL, slot, used, 0, ring, 0, 0), EXO_OK);
    check_equal(vring_info(slot).state, EXO_RING_OPEN);
}

/* Bound once, it stays with who has it; nor is there another way to the same line. */
static void
interrupt_of_another_cannot_be_taken(void)
{
    struct vring vring;
    if (!open_entropy(&vring))
        return;
    const struct exo_descriptor good = vring_buffer(0, WRITE, 0, 64);
    uint32_t notification = new_notification(), thief = new_notification();
    check_equal(exo_notification_bind(notification, EXO_BOOT_VCPU), EXO_OK);
    check_equal(exo_irq_bind(vring.slot, badged(notification, 1ull << 40)), EXO_OK);
    uint32_t theft = badged(thief, 1ull << 41);
    check_equal(exo_irq_bind(vring.slot, theft), EXO_E_OCCUPIED);
    check_equal(exo_irq_bind(copy_of(vring.slot, EXO_READ | EXO_WRITE), theft), EXO_E_RIGHT);
    for (uint32_t line = 8192; line < 8192 + 64; line++) /* message-signalled ones are no lines */
        check_equal(exo_irq_open(EXO_BOOT_CELL, rt_slot_take(), EXO_BOOT_IRQ, line, 0),
                    EXO_E_RANGE);
    check_equal(exo_queue_submit(vring.slot, &good, 1, vring.consumed, true).status, EXO_OK);
    check_equal(rt_wait_events(3ull << 40, test_patience()), 1ull << 40);
}

/* --- Opening and closing -------------------------------------------------------------------------
 */

/* The harness compares the accounts. */
static void
a_thousand_sessions_leave_nothing(void)
{
    struct vring vring;
    uint64_t va = rt_va_mark();
    uint32_t frames = account_of(EXO_BOOT_CELL).own[EXO_RES_FRAMES], after = frames;
    for (unsigned i = 0; i < 1000; i++) {
        if (!open_entropy(&vring))
            return;
        const struct exo_descriptor good = vring_buffer((uint16_t)(i % IDS), WRITE, 0, 64);
        check_equal(vring_submit(&vring, &good, 1).status, EXO_OK);
        if (i % 2 == 0)
            check_equal(rt_drop(vring.slot), EXO_OK);
        check_equal(exo_again(exo_device_close(DEVICE)), EXO_OK);
        if (i % 2 != 0)
            check_equal(rt_drop(vring.slot), EXO_OK);
        rt_memory_put(&vring.memory);
        rt_slot_put(vring.ring_slot);
        rt_slot_put(vring.slot);
        rt_va_release(va);
        (void)rt_reap(EXO_BOOT_CELL);
        after = account_of(EXO_BOOT_CELL).own[EXO_RES_FRAMES];
        if (i == 0)
            frames = after; /* with the page tables that stay */
    }
    check_equal(after, frames);
}

static const struct test tests[] = {
    TEST(frames_of_others_are_not_registered),
    TEST(device_does_not_write_what_is_executed),
    TEST(ring_page_cannot_be_written),
    TEST(ring_page_in_a_region_of_another_queue_goes_with_its_queue),
    TEST(virtqueue_has_one_owner),
    TEST(copy_of_a_queue_does_what_its_rights_say),
    TEST(device_gives_queues_only_to_who_may),
    TEST(interrupt_of_another_cannot_be_taken),
    TEST(a_thousand_sessions_leave_nothing),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}

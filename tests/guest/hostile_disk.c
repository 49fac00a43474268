// config: smp=1,4 cpu=max,cortex-a72 build=release,debug devices=blk:1M:iops=20 timeout=240
/*
 * Programs that end, or let go of memory, with reads in flight on a disk that takes a twentieth of
 * a second for each: 60 take longer than the kernel waits before it resets the device. Frames are
 * nobody's before the device is quiet, and it writes to none of them later.
 *
 * A host that stops us, and not the disk, or both in the middle of that wait, shows something else:
 * what was asked for is done before we ask, or not when its time is over. Where that decides, it is
 * tried again.
 *
 * QEMU's disk completes what it has into memory before its status reads 0: that the kernel waits
 * for the status is shown here by when it gives frames away, and by doubles in tests/unit.
 */
#include "vring.h"

#define DEVICE EXO_BOOT_DEVICE
#define READS  60u /* too many to be done before the deadline */
#define TRIES  10u
#define FEW    4u
#define PAGE   EXO_PAGE_BYTES

static void
submit_reads(struct vring *vring, uint16_t count)
{
    struct exo_descriptor batch[READS];
    for (uint16_t i = 0; i < count; i++)
        batch[i] = block_request(EXO_BLOCK_READ, i, i, i * PAGE, PAGE);
    check_equal(vring_submit(vring, batch, count).status, EXO_OK);
}

static uint16_t
done(const struct vring *vring)
{
    return (uint16_t)(__atomic_load_n(&vring->ring->used_index, __ATOMIC_ACQUIRE) -
                      vring->consumed);
}

static bool
is_open(void)
{
    struct exo_device_info info = {0};
    check_equal(exo_device_info(DEVICE, &info), EXO_OK);
    return info.state == EXO_DEVICE_OPEN;
}

static bool
open_disk(struct vring *vring, uint32_t index, uint32_t pages)
{
    return open_vring(vring, EXO_BOOT_CELL, DEVICE, index, 0, 0, pages);
}

static bool
begin(struct vring *vring)
{
    return open_device(EXO_BOOT_CELL, DEVICE, 2) && open_disk(vring, 0, READS);
}

/* Frames that somebody else had, as a slot of ours; EXO_NONE: they are not free. */
static uint32_t
take_frames(uint64_t pfn, uint32_t count)
{
    uint32_t slot = rt_slot_take();
    int64_t status = exo_frames_alloc(EXO_BOOT_CELL, slot, count, EXO_ALLOC_AT, pfn).status;
    if (status == EXO_OK)
        return slot;
    check_equal(status, EXO_E_MEMORY);
    rt_slot_put(slot);
    return EXO_NONE;
}

static bool
holds(const uint64_t *words, uint32_t pages, uint64_t value)
{
    for (uint32_t i = 0; i < pages * PAGE / 8; i++)
        if (words[i] != value)
            return check_equal(words[i], value);
    return true;
}

/*
 * Our own from here on: no request of before writes to them. Requests are done one after the other,
 * so that those which come now are done last.
 */
static void
stay_untouched(uint64_t *words, uint32_t pages)
{
    struct vring vring;
    memset(words, 0x5a, pages * PAGE);
    if (!open_device(EXO_BOOT_CELL, DEVICE, 1) || !open_disk(&vring, 0, FEW))
        return;
    submit_reads(&vring, FEW);
    check(vring_wait(&vring, FEW));
    check(holds(words, pages, 0x5a5a5a5a5a5a5a5a));
}

static void
are_reused(uint32_t slot, uint32_t pages)
{
    int64_t status;
    uint64_t *words = rt_map_at_any(slot, 0, pages, EXO_PROT_READ | EXO_PROT_WRITE, &status);
    if (check_equal(status, EXO_OK) && check(holds(words, pages, 0)))
        stay_untouched(words, pages);
}

/* --- Ids and regions -----------------------------------------------------------------------------
 */

static void
id_in_flight_is_not_given_again(void)
{
    struct vring vring;
    if (!begin(&vring))
        return;
    submit_reads(&vring, READS);
    struct exo_descriptor batch[] = {block_request(EXO_BLOCK_READ, READS, 0, 0, PAGE),
                                     block_request(EXO_BLOCK_READ, READS - 1, 0, 0, PAGE)};
    check_equal(exo_queue_submit(vring.slot, batch, 2, vring.consumed, false).status,
                EXO_E_OCCUPIED);
    batch[1] = block_request(EXO_BLOCK_FLUSH, READS - 1, 0, 0, 0);
    check_equal(exo_queue_submit(vring.slot, batch, 2, vring.consumed, false).status,
                EXO_E_OCCUPIED);
    check_equal(exo_queue_submit(vring.slot, batch, 1, vring.consumed, false).status, EXO_OK);
    uint16_t wrong = (uint16_t)(vring.consumed + READS + 2);
    check_equal(exo_queue_submit(vring.slot, NULL, 0, wrong, false).status, EXO_E_RANGE);
}

/* How often it was refused; EXO_NONE: something else is wrong. */
static uint32_t
release_under_reads(void)
{
    struct vring vring;
    int64_t status;
    uint32_t refused = 0, half = rt_slot_take();
    if (!begin(&vring))
        return EXO_NONE;
    submit_reads(&vring, 2 * FEW);
    while ((status = exo_queue_release(vring.slot, 0)) == EXO_E_BUSY) {
        check_equal(exo_frames_split(vring.memory.slot, 1, half), EXO_E_STATE);
        refused++;
        (void)exo_yield();
    }
    check_equal(status, EXO_OK);
    check_equal(done(&vring), 2 * FEW);
    check_equal(exo_frames_split(vring.memory.slot, 1, half), EXO_OK);
    check_equal(exo_again(exo_device_close(DEVICE)), EXO_OK);
    return refused;
}

static void
region_is_not_released_while_reads_fly(void)
{
    uint32_t refused = 0;
    for (uint32_t i = 0; i < TRIES && refused == 0; i++)
        refused = release_under_reads();
    check(refused > 0 && refused != EXO_NONE);
}

/* --- Frames --------------------------------------------------------------------------------------
 */

/* Drops them, and says whether that had to wait. */
static bool
drop_memory(const struct vring *vring)
{
    bool waited = false;
    int64_t status;
    while ((status = exo_cap_drop(vring->memory.slot)) == EXO_E_AGAIN) {
        check_equal(take_frames(vring->memory.pfn, READS), EXO_NONE);
        waited = true;
    }
    check_equal(status, EXO_OK);
    return waited;
}

/* Whether one of some rounds shows what is asked: the host may disturb others. */
static bool
one_of_some(bool (*round)(void))
{
    bool shown = false;
    for (uint32_t i = 0; i < TRIES && !shown; i++)
        shown = round();
    return shown;
}

/* Whether it was waited for them, and no longer than the kernel does. */
static bool
drop_under_few_reads(void)
{
    struct vring vring;
    struct exo_queue_info info = {0};
    if (!begin(&vring))
        return false;
    submit_reads(&vring, FEW);
    bool waited = drop_memory(&vring);
    check_equal(exo_queue_info(vring.slot, &info), EXO_OK);
    if (!waited || info.state != EXO_RING_OPEN) {
        check_equal(exo_again(exo_device_close(DEVICE)), EXO_OK);
        return false;
    }
    check_equal(info.in_flight, 0);
    check_equal(info.completed, FEW);
    uint32_t again = take_frames(vring.memory.pfn, READS);
    if (check(again != EXO_NONE))
        are_reused(again, READS);
    return true;
}

static void
frames_dropped_under_reads_stay_until_those_are_done(void)
{
    check(one_of_some(drop_under_few_reads));
}

static void
is_told_of_the_reset(struct vring *other)
{
    struct exo_descriptor read = block_request(EXO_BLOCK_READ, 0, 0, 0, PAGE);
    check_equal(other->ring->state, EXO_RING_RESET);
    check_equal(vring_submit(other, &read, 1).status, EXO_E_RESET);
    check_equal(exo_queue_region(other->slot, other->memory.slot, 0, 1, EXO_WRITE).status,
                EXO_E_RESET);
    check_equal(exo_queue_release(other->slot, 0), EXO_OK);
    check_equal(rt_drop(other->slot), EXO_OK);
}

/* Whether there was a reset: without one all were done in time. */
static bool
drop_under_many_reads(void)
{
    struct vring vring, other;
    if (!begin(&vring) || !open_disk(&other, 1, 1))
        return false;
    submit_reads(&vring, READS);
    (void)drop_memory(&vring);
    if (vring.ring->state != EXO_RING_RESET) {
        check_equal(done(&vring), READS);
        check_equal(exo_again(exo_device_close(DEVICE)), EXO_OK);
        return false;
    }
    is_told_of_the_reset(&other);
    are_reused(take_frames(vring.memory.pfn, READS), READS);
    return true;
}

/* What the kernel takes from its holder is not waited for without end, whoever else is there. */
static void
reads_that_take_too_long_are_ended_by_a_reset(void)
{
    check(one_of_some(drop_under_many_reads));
}

static void
frames_are_the_owners_when_the_device_was_closed_under_reads(void)
{
    struct vring vring;
    if (!begin(&vring))
        return;
    submit_reads(&vring, READS);
    check_equal(exo_again(exo_device_close(DEVICE)), EXO_OK);
    check_equal(vring.ring->state, EXO_RING_RESET);
    check_equal(exo_queue_release(vring.slot, 0), EXO_OK);
    stay_untouched(vring.memory.at, READS);
}

/* --- Who reads is killed -------------------------------------------------------------------------
 */

struct report {
    _Atomic uint32_t reading;
    uint64_t pfn;
};

static int
read_and_wait(uint64_t own_session)
{
    struct report *report = rt_shared();
    struct vring vring;
    child_expects(!own_session || open_device(EXO_BOOT_CELL, RT_SLOT_GRANT, 1));
    child_expects(open_vring(&vring, EXO_BOOT_CELL, RT_SLOT_GRANT, 0, 0, 0, READS));
    submit_reads(&vring, READS);
    report->pfn = vring.memory.pfn;
    atomic_store(&report->reading, 1);
    for (;;)
        (void)exo_wait(EXO_FOREVER);
}

static bool
start_reader(bool own_session, struct rt_child *child)
{
    const struct rt_spawn spawn = {
        .entry = read_and_wait,
        .argument = own_session,
        .cpu = other_cpu(),
        .limit = {256, 256, 1, 0},
        .grant = {{.src = DEVICE,
                   .dst = RT_SLOT_GRANT,
                   .rights = own_session ? EXO_WRITE | EXO_CONTROL : EXO_WRITE}}};
    if (!start_child(&spawn, child))
        return false;
    struct report *report = rt_shared_of(child);
    return check(rt_wait_word(&report->reading, 1, test_patience()));
}

/* The reader's frames can be had when the device is quiet, and not before. */
static void
try_to_take(uint64_t pfn, uint32_t *taken)
{
    bool open = is_open();
    if (*taken == EXO_NONE && (*taken = take_frames(pfn, READS)) != EXO_NONE)
        check(!open);
}

/* Drops what the reader stands on, and what it left. */
static uint32_t
end_reader(struct rt_child *child, uint32_t root)
{
    uint64_t pfn = ((struct report *)rt_shared_of(child))->pfn;
    uint32_t taken = EXO_NONE;
    int64_t status;
    check(is_open());
    while ((status = exo_cap_drop(root)) == EXO_E_AGAIN)
        try_to_take(pfn, &taken);
    check_equal(status, EXO_OK);
    while (root != child->cell && exo_cell_reap(child->cell) == EXO_E_AGAIN)
        try_to_take(pfn, &taken);
    try_to_take(pfn, &taken);
    check(taken != EXO_NONE);
    return taken;
}

static void
environment_killed_with_reads_in_flight_leaves_frames_untouched(void)
{
    struct rt_child child;
    if (!start_reader(true, &child))
        return;
    uint32_t taken = end_reader(&child, child.env);
    are_reused(taken, READS);
    rt_kill(&child);
}

static void
cell_killed_with_reads_in_flight_leaves_frames_untouched(void)
{
    struct rt_child child;
    if (!start_reader(true, &child))
        return;
    uint32_t taken = end_reader(&child, child.cell);
    are_reused(taken, READS);
    rt_kill(&child);
}

/* Of two cells one is killed: after the deadline the other one has to begin anew, and can. */
static void
reset_for_one_cell_is_told_to_the_other_which_goes_on(void)
{
    struct rt_child child;
    struct vring ours;
    if (!open_device(EXO_BOOT_CELL, DEVICE, 2) || !open_disk(&ours, 1, 1) ||
        !start_reader(false, &child))
        return;
    uint32_t taken = end_reader(&child, child.cell);
    is_told_of_the_reset(&ours);
    are_reused(taken, READS);
    rt_kill(&child);
}

static int
wait_for_ever(uint64_t unused)
{
    (void)unused;
    while (exo_wait(EXO_FOREVER) == EXO_OK) {
    }
    return __LINE__;
}

/* The extent is the granter's; ours is a copy, with memory of our own and reads in flight. */
static void
granter_killed_with_reads_in_flight_leaves_frames_untouched(void)
{
    struct rt_child granter;
    struct vring vring;
    if (!begin(&vring) || !start_child(&(struct rt_spawn){.entry = wait_for_ever}, &granter))
        return;
    uint32_t copy = copy_of(vring.slot, EXO_READ);
    check_equal(exo_again(exo_cap_move(vring.slot, granter.env, RT_SLOT_GRANT)), EXO_OK);
    vring.slot = copy;
    submit_reads(&vring, READS);
    rt_kill(&granter);
    struct exo_cap_info info;
    check_equal(exo_cap_info(copy, &info), EXO_E_SLOT);
    check_equal(exo_queue_submit(copy, NULL, 0, 0, false).status, EXO_E_SLOT);
    check_equal(exo_cap_info(vring.ring_slot, &info), EXO_E_SLOT);
    check(!is_open());
    check_equal(info_of(vring.memory.slot).flags & EXO_CAP_CHILDREN, 0);
    stay_untouched(vring.memory.at, READS);
}

static const struct test tests[] = {
    TEST(id_in_flight_is_not_given_again),
    TEST(region_is_not_released_while_reads_fly),
    TEST(frames_dropped_under_reads_stay_until_those_are_done),
    TEST(reads_that_take_too_long_are_ended_by_a_reset),
    TEST(frames_are_the_owners_when_the_device_was_closed_under_reads),
    TEST(environment_killed_with_reads_in_flight_leaves_frames_untouched),
    TEST(cell_killed_with_reads_in_flight_leaves_frames_untouched),
    TEST(reset_for_one_cell_is_told_to_the_other_which_goes_on),
    TEST(granter_killed_with_reads_in_flight_leaves_frames_untouched),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}

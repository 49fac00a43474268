// config: smp=4 cpu=max,cortex-a72 build=release,debug devices=blk:1M timeout=120
/*
 * Reads submitted on some CPUs while others take away what they go into, and through: frames, the
 * region, the capability, the queue, the session. Whoever took frames has them for itself.
 */
#include "stress/parallel.h"
#include "vring.h"

#define DEVICE     EXO_BOOT_DEVICE
#define READ_WRITE (EXO_PROT_READ | EXO_PROT_WRITE)
#define PAGE       EXO_PAGE_BYTES
#define PAGES      8u
#define SUBMITTERS 2u /* of PARALLEL vCPUs, one on each CPU */
#define PARALLEL   4u
#define MARK       0x6b6b6b6b6b6b6b6bull

static struct {
    struct vring vring;
    struct rt_memory memory; /* region 0 */
    uint32_t copy;           /* an extent's capability that is revoked */
    _Atomic bool over;
    _Atomic uint32_t accepted, refused;
    uint64_t patience;
} race;

static bool
is_expected(int64_t status)
{
    switch (status) {
    case EXO_E_RANGE:    /* the region is closed, or consumed is of another session */
    case EXO_E_OCCUPIED: /* another vCPU uses the id */
    case EXO_E_RESET:
    case EXO_E_SLOT:
    case EXO_E_GONE: return true;
    default: return check_equal(status, EXO_OK);
    }
}

/* How far the device is, whoever else has consumed meanwhile. The sessions here begin at 0. */
static uint16_t
look(uint32_t slot, uint16_t consumed)
{
    struct exo_queue_info info = {0};
    struct exo_submitted done = exo_queue_submit(slot, NULL, 0, consumed, false);
    if (done.status == EXO_OK)
        return done.used;
    check(is_expected(done.status) && is_expected(exo_queue_info(slot, &info)));
    return (uint16_t)info.completed;
}

/* Each with ids of its own, a page for each, whatever becomes of it. */
static void
submit_until_over(uint32_t number, uint32_t slot)
{
    struct exo_descriptor batch[PAGES];
    uint16_t first = (uint16_t)(number * PAGES), consumed = 0;
    for (uint16_t i = 0; i < PAGES; i++)
        batch[i] = block_request(EXO_BLOCK_READ, first + i, i, i * PAGE, PAGE);
    while (!atomic_load(&race.over)) {
        int64_t status = exo_queue_submit(slot, batch, PAGES, consumed, false).status;
        if (!is_expected(status))
            return;
        if (status == EXO_E_OCCUPIED)
            (void)exo_yield();
        else
            atomic_fetch_add(status == EXO_OK ? &race.accepted : &race.refused, 1);
        consumed = look(slot, consumed);
    }
}

/* Whoever takes away goes on until both happened: reads were taken, and refused. */
static bool
goes_on(uint32_t round)
{
    uint32_t accepted = atomic_load(&race.accepted), refused = atomic_load(&race.refused);
    bool many = accepted > 20 && refused > 20;
    bool none = refused == 0 || (accepted == 0 && race.copy == EXO_NONE);
    return round < test_rounds(100, 3000) || (!many && round < 20000) ||
           (none && check(rt_ticks() < race.patience));
}

static bool
begin(void)
{
    race.copy = EXO_NONE;
    race.over = false;
    race.accepted = race.refused = 0;
    race.patience = test_patience();
    return open_device(EXO_BOOT_CELL, DEVICE, 1) &&
           open_vring(&race.vring, EXO_BOOT_CELL, DEVICE, 0, 0, 0, 1) &&
           check_equal(exo_queue_release(race.vring.slot, 0), EXO_OK) &&
           check_equal(rt_memory_take(PAGES, READ_WRITE, &race.memory), EXO_OK);
}

static void
run_race(void (*entry)(uint32_t number))
{
    if (begin()) {
        parallel_run(entry, PARALLEL);
        rt_printf("# %u batches taken, %u refused\n", race.accepted, race.refused);
        check(race.accepted > 0);
        check(race.refused > 0);
    }
}

static bool
open_region(void)
{
    struct exo_value region;
    do
        region = exo_queue_region(race.vring.slot, race.memory.slot, 0, PAGES, EXO_WRITE);
    while (region.status == EXO_E_AGAIN || region.status == EXO_E_BUSY);
    return check_equal(region.status, EXO_OK);
}

static bool
is_marked(const uint64_t *words)
{
    for (uint32_t i = 0; i < PAGES * PAGE / 8; i++)
        if (words[i] != MARK)
            return check_equal(words[i], MARK);
    return true;
}

/* --- The frames ----------------------------------------------------------------------------------
 */

/* Ours again, where they were. */
static bool
drop_and_take(struct rt_memory *memory)
{
    return check_equal(rt_drop(memory->slot), EXO_OK) &&
           check_equal(
               exo_frames_alloc(EXO_BOOT_CELL, memory->slot, PAGES, EXO_ALLOC_AT, memory->pfn)
                   .status,
               EXO_OK) &&
           check_equal(rt_map_pages(exo_address(memory->at), memory->slot, 0, PAGES, READ_WRITE),
                       EXO_OK);
}

/* What was taken back is marked; what the device reads into next are other frames. */
static void
drop_frames(void)
{
    struct rt_memory other;
    check_equal(rt_memory_take(PAGES, READ_WRITE, &other), EXO_OK);
    memset(other.at, 0x6b, PAGES * PAGE);
    for (uint32_t round = 0; goes_on(round); round++) {
        struct rt_memory marked = race.memory;
        if (!open_region() || !drop_and_take(&marked) || !is_marked(other.at))
            break;
        memset(marked.at, 0x6b, PAGES * PAGE);
        race.memory = other;
        other = marked;
    }
    atomic_store(&race.over, true);
}

static void
submit_or_drop_frames(uint32_t number)
{
    if (number < SUBMITTERS)
        submit_until_over(number, race.vring.slot);
    else if (number == SUBMITTERS)
        drop_frames();
}

static void
frames_dropped_under_submission_are_not_written(void)
{
    run_race(submit_or_drop_frames);
}

/* --- The region ----------------------------------------------------------------------------------
 */

static void
release_region(void)
{
    for (uint32_t round = 0; goes_on(round); round++) {
        int64_t status;
        if (!open_region())
            break;
        do
            status = exo_queue_release(race.vring.slot, 0);
        while (status == EXO_E_BUSY || status == EXO_E_AGAIN);
        if (!check_equal(status, EXO_OK))
            break;
        memset(race.memory.at, 0x6b, PAGES * PAGE);
        if (!is_marked(race.memory.at))
            break;
    }
    atomic_store(&race.over, true);
}

static void
submit_or_release(uint32_t number)
{
    if (number < SUBMITTERS)
        submit_until_over(number, race.vring.slot);
    else if (number == SUBMITTERS)
        release_region();
}

static void
region_released_under_submission_is_not_written(void)
{
    run_race(submit_or_release);
}

/* --- The capability ------------------------------------------------------------------------------
 */

static void
revoke_copies(void)
{
    for (uint32_t round = 0; goes_on(round); round++) {
        int64_t status = exo_cap_copy(race.vring.slot, EXO_SELF, race.copy, EXO_READ, 0, 0);
        check(status == EXO_OK || status == EXO_E_BUSY);
        check_equal(rt_revoke(race.vring.slot), EXO_OK);
    }
    atomic_store(&race.over, true);
}

static void
submit_or_revoke(uint32_t number)
{
    if (number < SUBMITTERS)
        submit_until_over(number, race.copy);
    else if (number == SUBMITTERS)
        revoke_copies();
}

static void
capability_revoked_under_submission_is_none(void)
{
    if (!begin() || !open_region())
        return;
    race.copy = rt_slot_take();
    parallel_run(submit_or_revoke, PARALLEL);
    rt_printf("# %u batches taken, %u refused\n", race.accepted, race.refused);
    check(race.refused > 0);
}

/* --- The session ---------------------------------------------------------------------------------
 */

static bool
open_again(void)
{
    struct vring *vring = &race.vring;
    return check_equal(exo_again(exo_device_open(EXO_BOOT_CELL, DEVICE, 1, 0, 0).status), EXO_OK) &&
           check_equal(rt_drop(vring->slot), EXO_OK) &&
           check_equal(
               exo_queue_open(EXO_BOOT_CELL, vring->slot, DEVICE, 0, vring->ring_slot, 0, 0),
               EXO_OK) &&
           open_region();
}

static void
close_sessions(void)
{
    for (uint32_t round = 0; goes_on(round); round++) {
        if (!check_equal(exo_again(exo_device_close(DEVICE)), EXO_OK))
            break;
        memset(race.memory.at, 0x6b, PAGES * PAGE);
        if (!is_marked(race.memory.at) || !open_again())
            break;
    }
    atomic_store(&race.over, true);
}

static void
submit_or_close(uint32_t number)
{
    if (number < SUBMITTERS)
        submit_until_over(number, race.vring.slot);
    else if (number == SUBMITTERS)
        close_sessions();
}

static void
device_closed_under_submission_writes_nothing(void)
{
    run_race(submit_or_close);
}

/* --- Everything ----------------------------------------------------------------------------------
 */

/* Two at once, each of whom would be right alone. */
static void
open_and_close(uint32_t number)
{
    for (uint32_t round = 0; round < test_rounds(200, 5000); round++) {
        int64_t status = number % 2 == 0 ? exo_device_open(EXO_BOOT_CELL, DEVICE, 1, 0, 0).status
                                         : exo_device_close(DEVICE);
        check(status == EXO_OK || status == EXO_E_AGAIN);
        uint32_t slot = race.vring.slot, ring = race.vring.ring_slot;
        status = exo_queue_open(EXO_BOOT_CELL, slot, DEVICE, 0, ring, 0, 0);
        check(status == EXO_OK || status == EXO_E_STATE || status == EXO_E_OCCUPIED ||
              status == EXO_E_BUSY || status == EXO_E_GONE);
        status = exo_cap_drop(slot);
        check(status == EXO_OK || status == EXO_E_AGAIN || status == EXO_E_SLOT ||
              status == EXO_E_BUSY);
    }
}

static void
sessions_and_queues_end_under_each_other(void)
{
    if (begin())
        parallel_run(open_and_close, PARALLEL);
}

static const struct test tests[] = {
    TEST(frames_dropped_under_submission_are_not_written),
    TEST(region_released_under_submission_is_not_written),
    TEST(capability_revoked_under_submission_is_none),
    TEST(device_closed_under_submission_writes_nothing),
    TEST(sessions_and_queues_end_under_each_other),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}

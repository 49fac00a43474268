// config: smp=4 cpu=max,cortex-a72 build=release,debug devices=blk:1M timeout=120
/* Descriptors that other vCPUs change, or unmap, while the kernel reads them. */
#include "stress/parallel.h"
#include "vring.h"

#define DEVICE     EXO_BOOT_DEVICE
#define READ_WRITE (EXO_PROT_READ | EXO_PROT_WRITE)
#define PAGE       EXO_PAGE_BYTES
#define SECTORS    8u /* of the extent: a page */
#define PARALLEL   4u
#define MARK       0x6b6b6b6b6b6b6b6bull

static struct {
    struct vring vring;
    struct rt_memory memory; /* three pages, of which the middle one is a region */
    struct rt_memory batch;  /* struct exo_descriptor */
    _Atomic bool over;
    uint32_t accepted, refused;
} race;

static bool
begin(void)
{
    struct vring *vring = &race.vring;
    race.over = false;
    race.accepted = race.refused = 0;
    if (!open_device(EXO_BOOT_CELL, DEVICE, 1) ||
        !open_vring(vring, EXO_BOOT_CELL, DEVICE, 0, 16, SECTORS, 1) ||
        !check_equal(exo_queue_release(vring->slot, 0), EXO_OK) ||
        !check_equal(rt_memory_take(3, READ_WRITE, &race.memory), EXO_OK) ||
        !check_equal(rt_memory_take(1, READ_WRITE, &race.batch), EXO_OK))
        return false;
    memset(race.memory.at, 0x6b, 3 * PAGE);
    return check_equal(exo_queue_region(vring->slot, race.memory.slot, 1, 1, EXO_WRITE).status,
                       EXO_OK);
}

static const struct exo_descriptor good = {
    .flags = EXO_DESCRIPTOR_WRITE, .operation = EXO_BLOCK_READ, .length = EXO_SECTOR_BYTES};

/* What is accepted is waited for, and lies in the region. */
static void
submit_until_over(int64_t refusal)
{
    const uint64_t *words = race.memory.at;
    unsigned rounds = test_rounds(300, 10000);
    while (race.accepted < rounds || race.refused < rounds) {
        int64_t status = vring_submit(&race.vring, race.batch.at, 1).status;
        if (status != EXO_OK && !check_equal(status, refusal))
            break;
        race.accepted += status == EXO_OK;
        race.refused += status != EXO_OK;
        if (status == EXO_OK &&
            (!vring_wait(&race.vring, 1) || !check_equal(race.vring.ring->status[0], 0)))
            break;
    }
    atomic_store(&race.over, true);
    for (uint32_t i = 0; i < PAGE / 8; i++)
        if (!check_equal(words[i], MARK) || !check_equal(words[2 * PAGE / 8 + i], MARK))
            return;
}

/* --- Changed ------------------------------------------------------------------------------------
 */

/* Each is good or bad, whatever the kernel sees of the one and the other. */
static void
change(uint32_t number)
{
    volatile struct exo_descriptor *at = race.batch.at;
    while (!atomic_load(&race.over)) {
        switch (number) {
        case 1: at->offset = at->offset == 0 ? PAGE : 0; break;
        case 2: at->sector = at->sector == 0 ? SECTORS : 0; break;
        default: at->length = at->length == EXO_SECTOR_BYTES ? 2 * PAGE : EXO_SECTOR_BYTES; break;
        }
    }
}

static void
submit_or_change(uint32_t number)
{
    if (number == 0)
        submit_until_over(EXO_E_RANGE);
    else
        change(number);
}

static void
descriptors_are_read_once(void)
{
    if (!begin())
        return;
    *(struct exo_descriptor *)race.batch.at = good;
    parallel_run(submit_or_change, PARALLEL);
}

/* --- Unmapped -----------------------------------------------------------------------------------
 */

static void
unmap(void)
{
    uint64_t va = exo_address(race.batch.at);
    while (!atomic_load(&race.over)) {
        check_equal(rt_unmap_pages(va, 1), EXO_OK);
        check_equal(rt_map_pages(va, race.batch.slot, 0, 1, READ_WRITE), EXO_OK);
    }
}

static void
submit_or_unmap(uint32_t number)
{
    if (number == 0)
        submit_until_over(EXO_E_FAULT);
    else if (number == 1)
        unmap();
}

static void
descriptors_unmapped_under_submission_are_a_fault_or_whole(void)
{
    if (!begin())
        return;
    *(struct exo_descriptor *)race.batch.at = good;
    parallel_run(submit_or_unmap, PARALLEL);
}

static const struct test tests[] = {
    TEST(descriptors_are_read_once),
    TEST(descriptors_unmapped_under_submission_are_a_fault_or_whole),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}

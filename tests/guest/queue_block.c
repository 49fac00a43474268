// config: smp=1,4 cpu=max,cortex-a72 build=release,debug devices=blk:1M
/*
 * Extents of a disk whose 64-bit word at each byte offset has that offset as its value: requests
 * arrive where they should, whole, and no further than the extent.
 */
#include "interrupts.h"
#include "vring.h"

#define DEVICE  EXO_BOOT_DEVICE
#define SECTOR  EXO_SECTOR_BYTES
#define SECTORS 2048u
#define FIRST   100u /* of the extent */
#define COUNT   512u
#define REQUEST 4096u

#define FIRST_LPI 8192u /* INTIDs of message-signalled interrupts */

static bool
open_extent(struct vring *vring, uint32_t pages)
{
    return open_device(EXO_BOOT_CELL, DEVICE, 2) &&
           open_vring(vring, EXO_BOOT_CELL, DEVICE, 0, FIRST, COUNT, pages);
}

/* Whether memory holds what the disk held at first, from that sector of it on. */
static bool
is_original(const uint64_t *memory, uint64_t sector, uint32_t bytes)
{
    for (uint32_t i = 0; i < bytes / 8; i++)
        if (memory[i] != sector * SECTOR + i * 8ull)
            return check_equal(memory[i], sector * SECTOR + i * 8ull);
    return true;
}

static bool
does(struct vring *vring, struct exo_descriptor request)
{
    return check_equal(vring_submit(vring, &request, 1).status, EXO_OK) && vring_wait(vring, 1) &&
           check_equal(vring->ring->status[request.id], 0) &&
           check_equal(vring_used(vring, 0).id, request.id + vring->ring->ids);
}

static void
reads_arrive_where_they_should(void)
{
    struct vring vring;
    struct exo_descriptor batch[32];
    if (!open_extent(&vring, 32))
        return;
    for (unsigned round = 0; round < test_rounds(20, 2000); round++) {
        uint64_t sector[32];
        for (uint16_t i = 0; i < 32; i++) {
            sector[i] = test_random() % (COUNT - REQUEST / SECTOR + 1);
            batch[i] = block_request(EXO_BLOCK_READ, i, sector[i], i * REQUEST, REQUEST);
        }
        check_equal(vring_submit(&vring, batch, 32).status, EXO_OK);
        if (!vring_wait(&vring, 32))
            return;
        for (uint32_t i = 0; i < 32; i++) {
            const char *at = (const char *)vring.memory.at + i * REQUEST;
            check_equal(vring.ring->status[i], 0);
            if (!is_original((const uint64_t *)(const void *)at, FIRST + sector[i], REQUEST))
                return;
        }
    }
}

/* A request of several buffers, one in the middle of a page. */
static void
chains_are_one_request(void)
{
    struct vring vring;
    if (!open_extent(&vring, 4))
        return;
    struct exo_descriptor chain[3] = {block_request(EXO_BLOCK_READ, 9, 3, 0, 512),
                                      block_request(EXO_BLOCK_READ, 2, 0, 6000, 1000),
                                      block_request(EXO_BLOCK_READ, 5, 0, 9000, 536)};
    chain[0].flags |= EXO_DESCRIPTOR_NEXT;
    chain[1].flags |= EXO_DESCRIPTOR_NEXT;
    check_equal(vring_submit(&vring, chain, 3).status, EXO_OK);
    if (!vring_wait(&vring, 1))
        return;
    const char *memory = vring.memory.at;
    check_equal(vring_used(&vring, 0).length, 2048 + 1);
    uint64_t word;
    memcpy(&word, memory + 6000, sizeof(word));
    check_equal(word, (FIRST + 4) * SECTOR);
    memcpy(&word, memory + 9000, sizeof(word));
    check_equal(word, (FIRST + 4) * SECTOR + 1000);
    memcpy(&word, memory + 9528, sizeof(word));
    check_equal(word, (FIRST + 7) * SECTOR - 8);
}

static void
writes_are_read_back_and_neighbours_are_untouched(void)
{
    struct vring vring, all;
    if (!open_extent(&vring, 4))
        return;
    memset(vring.memory.at, 0x5a, SECTOR);
    check(does(&vring, block_request(EXO_BLOCK_WRITE, 0, 10, 0, SECTOR)));
    check(does(&vring, block_request(EXO_BLOCK_FLUSH, 1, 0, 0, 0)));
    check(does(&vring, block_request(EXO_BLOCK_READ, 2, 9, 4096, 3 * SECTOR)));
    const char *memory = (const char *)vring.memory.at + 4096;
    check(is_original((const uint64_t *)(const void *)memory, FIRST + 9, SECTOR));
    check_equal(memcmp(memory + SECTOR, vring.memory.at, SECTOR), 0);
    check(is_original((const uint64_t *)(const void *)(memory + 2 * SECTOR), FIRST + 11, SECTOR));
    /* the same, seen through another queue */
    if (!open_vring(&all, EXO_BOOT_CELL, DEVICE, 1, 0, 0, 1))
        return;
    struct exo_queue_info info;
    check_equal(exo_queue_info(all.slot, &info), EXO_OK);
    check_equal(info.count, SECTORS);
    check(does(&all, block_request(EXO_BLOCK_READ, 0, FIRST + 10, 0, SECTOR)));
    check_equal(memcmp(all.memory.at, vring.memory.at, SECTOR), 0);
    /* put back for the other tests */
    check(does(&all, block_request(EXO_BLOCK_READ, 0, 0, 0, SECTOR)));
    uint64_t *words = vring.memory.at;
    for (uint32_t i = 0; i < SECTOR / 8; i++)
        words[i] = (FIRST + 10) * SECTOR + i * 8ull;
    check(does(&vring, block_request(EXO_BLOCK_WRITE, 0, 10, 0, SECTOR)));
}

static void
discarded_sectors_are_of_the_extent(void)
{
    struct vring vring;
    if (!open_extent(&vring, 1))
        return;
    check(does(&vring, block_request(EXO_BLOCK_DISCARD, 0, COUNT - 8, 0, 8 * SECTOR)));
    struct exo_descriptor beyond = block_request(EXO_BLOCK_DISCARD, 0, COUNT - 7, 0, 8 * SECTOR);
    check_equal(vring_submit(&vring, &beyond, 1).status, EXO_E_RANGE);
}

static void
extent_ends_at_its_sectors(void)
{
    struct vring vring;
    if (!open_extent(&vring, 1))
        return;
    check(does(&vring, block_request(EXO_BLOCK_READ, 0, 0, 0, SECTOR)));
    check(is_original(vring.memory.at, FIRST, SECTOR));
    check(does(&vring, block_request(EXO_BLOCK_READ, 0, COUNT - 1, 0, SECTOR)));
    struct exo_descriptor before = block_request(EXO_BLOCK_READ, 0, UINT64_MAX, 0, SECTOR);
    struct exo_descriptor across = block_request(EXO_BLOCK_READ, 0, COUNT - 1, 0, 2 * SECTOR);
    struct exo_descriptor behind = block_request(EXO_BLOCK_WRITE, 0, COUNT, 0, SECTOR);
    check_equal(vring_submit(&vring, &before, 1).status, EXO_E_RANGE);
    check_equal(vring_submit(&vring, &across, 1).status, EXO_E_RANGE);
    check_equal(vring_submit(&vring, &behind, 1).status, EXO_E_RANGE);
}

/* The owner gets a copy that reads the second half; the root stays here. */
static int
read_half(uint64_t first)
{
    struct vring vring = {.slot = RT_SLOT_GRANT, .ring_slot = RT_SLOT_GRANT + 1};
    int64_t status;
    vring.ring = rt_map_at_any(vring.ring_slot, 0, 1, EXO_PROT_READ, &status);
    child_expects(vring.ring != NULL);
    child_expects(rt_memory_take(1, EXO_PROT_READ | EXO_PROT_WRITE, &vring.memory) == EXO_OK);
    child_expects(
        exo_queue_region(vring.slot, vring.memory.slot, 0, 1, EXO_READ | EXO_WRITE).status ==
        EXO_OK);
    vring.consumed = vring.ring->start;
    child_expects(does(&vring, block_request(EXO_BLOCK_READ, 0, 0, 0, SECTOR)));
    child_expects(is_original(vring.memory.at, first, SECTOR));
    struct exo_descriptor write = block_request(EXO_BLOCK_WRITE, 0, 0, 0, SECTOR);
    struct exo_descriptor behind = block_request(EXO_BLOCK_READ, 0, COUNT / 2, 0, SECTOR);
    child_expects(vring_submit(&vring, &write, 1).status == EXO_E_RIGHT);
    child_expects(vring_submit(&vring, &behind, 1).status == EXO_E_RANGE);
    return 0;
}

static void
extent_is_narrowed_for_who_gets_it(void)
{
    struct vring vring;
    if (!open_extent(&vring, 1))
        return;
    check_equal(exo_queue_release(vring.slot, 0), EXO_OK);
    const struct rt_spawn spawn = {
        .entry = read_half,
        .argument = FIRST + COUNT / 2,
        .cpu = other_cpu(),
        .grant = {{.src = vring.slot,
                   .dst = RT_SLOT_GRANT,
                   .rights = EXO_READ,
                   .base_or_badge = FIRST + COUNT / 2,
                   .count = COUNT / 2},
                  {.src = vring.ring_slot, .dst = RT_SLOT_GRANT + 1, .rights = EXO_READ}}};
    struct rt_child child;
    if (start_child(&spawn, &child))
        check(child_succeeds(&child));
}

/* Reads in flight do not hold up the end, nor the other owner. */
static void
owner_that_ends_leaves_the_other_in_peace(void)
{
    struct vring vring, other;
    struct exo_descriptor batch[32];
    if (!open_extent(&vring, 32) || !open_vring(&other, EXO_BOOT_CELL, DEVICE, 1, 1000, 100, 1))
        return;
    for (uint16_t i = 0; i < 32; i++)
        batch[i] = block_request(EXO_BLOCK_READ, i, i, i * REQUEST, REQUEST);
    for (unsigned round = 0; round < test_rounds(10, 500); round++) {
        check_equal(vring_submit(&vring, batch, 32).status, EXO_OK);
        check_equal(rt_drop(vring.slot), EXO_OK);
        check(does(&other, block_request(EXO_BLOCK_READ, 0, 5, 0, SECTOR)));
        check(is_original(other.memory.at, 1005, SECTOR));
        rt_memory_put(&vring.memory);
        if (!open_vring(&vring, EXO_BOOT_CELL, DEVICE, 0, FIRST, COUNT, 32))
            return;
    }
}

/* A bit of the vCPU on that CPU for what completes in the queue. */
static void
bind_to(const struct vring *vring, uint32_t vcpu, uint64_t bit)
{
    uint32_t notification = new_notification();
    check_equal(exo_notification_bind(notification, vcpu), EXO_OK);
    check_equal(exo_irq_bind(vring->slot, badged(notification, bit)), EXO_OK);
}

static _Atomic uint32_t told;

static void
wait_for_bit(void *bit)
{
    atomic_store(&told, rt_wait_events(*(uint64_t *)bit, test_patience()) == *(uint64_t *)bit);
}

/* Each has a vector of its own, which comes to the CPU of whom it tells. */
static void
queues_of_a_disk_interrupt_for_themselves(void)
{
    static uint64_t bits[] = {1ull << 40, 1ull << 41};
    const struct exo_descriptor read = block_request(EXO_BLOCK_READ, 0, 0, 0, SECTOR);
    struct rt_thread other;
    struct vring vring[2];
    if (!open_extent(&vring[0], 1) || !open_vring(&vring[1], EXO_BOOT_CELL, DEVICE, 1, 0, 0, 1))
        return;
    atomic_store(&told, 0);
    check_equal(rt_vcpu_start(other_cpu(), wait_for_bit, &bits[1], &other), EXO_OK);
    bind_to(&vring[0], EXO_BOOT_VCPU, bits[0]);
    bind_to(&vring[1], other.slot, bits[1]);
    trace_interrupts();
    check_equal(exo_queue_submit(vring[1].slot, &read, 1, vring[1].consumed, true).status, EXO_OK);
    check(rt_vcpu_wait(&other, test_patience()));
    check_equal(atomic_load(&told), 1);
    check_equal(rt_take_events(bits[0] | bits[1]), 0);
    for (uint32_t cpu = 0; cpu < rt_machine.cpus; cpu++)
        check_equal(interrupts_taken(cpu, FIRST_LPI, UINT32_MAX), cpu == other_cpu());
    check_equal(exo_queue_submit(vring[0].slot, &read, 1, vring[0].consumed, true).status, EXO_OK);
    check_equal(rt_wait_events(bits[0] | bits[1], test_patience()), bits[0]);
    check_equal(vring_info(vring[0].slot).interrupts, 1);
    check_equal(vring_info(vring[1].slot).interrupts, 1);
    rt_vcpu_end(&other);
}

static const struct test tests[] = {
    TEST(reads_arrive_where_they_should),
    TEST(chains_are_one_request),
    TEST(writes_are_read_back_and_neighbours_are_untouched),
    TEST(extent_ends_at_its_sectors),
    TEST(extent_is_narrowed_for_who_gets_it),
    TEST(owner_that_ends_leaves_the_other_in_peace),
    TEST(discarded_sectors_are_of_the_extent),
    TEST(queues_of_a_disk_interrupt_for_themselves),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}

// config: smp=1,4 cpu=max,cortex-a72 mem=128M devices=blk:8M
/*
 * Payloads that fault: libos/pager on a disk that the harness made (each word says where it is),
 * with a bundle made here, whose leaves are those of the disk's blocks, or are not.
 */
#include "test.h"

#include <pager/payloads.h>
#include <sched/thread.h>
#include <sched/timer.h>
#include <string.h>

#define BLOCKS      80u
#define TAIL        5000u
#define BYTES       ((BLOCKS - 1) * (uint64_t)TREE_BLOCK_BYTES + TAIL)
#define WORDS       (TREE_BLOCK_BYTES / sizeof(uint64_t))
#define EVENT_DISK  2u
#define FLIPS       30u
#define ROUNDS      6u
#define BAD         37u
#define BLOCK_PAGES (TREE_BLOCK_BYTES / EXO_PAGE_BYTES)

static struct disk disk;
static struct bundle bundle;
static struct payloads payloads;
static uint8_t leaves[BLOCKS][HASH_BYTES];
static uint64_t block[WORDS];

static uint64_t
frames_free(void)
{
    struct exo_cell_info info;
    check_equal(rt_reap(EXO_BOOT_CELL), EXO_OK);
    check_equal(exo_cell_info(EXO_BOOT_CELL, &info), EXO_OK);
    return info.limit[EXO_RES_FRAMES] - info.own[EXO_RES_FRAMES] - info.carved[EXO_RES_FRAMES];
}

static void
make_leaves(void)
{
    for (uint32_t i = 0; i < BLOCKS; i++) {
        for (uint64_t word = 0; word < WORDS; word++)
            block[word] = i * (uint64_t)TREE_BLOCK_BYTES + word * sizeof(uint64_t);
        tree_leaf(block, tree_block_bytes(BYTES, i), leaves[i]);
    }
}

static bool
begin(void)
{
    struct why why;
    hash_use(rt_machine.features & EXO_FEATURE_SHA256 ? &hash_arm : &hash_portable);
    if (bundle.leaves == NULL)
        make_leaves();
    memset(&bundle, 0, sizeof(bundle));
    bundle.leaves = leaves;
    bundle.manifest.payload_count = 1;
    bundle.manifest.payloads[0].bytes = (int64_t)BYTES;
    strcpy(bundle.manifest.payloads[0].path, "payload.bin");
    return check(disk_start(&disk, EXO_BOOT_DEVICE, EVENT_DISK, &why)) &&
           check(payloads_open(&payloads, &disk, &bundle, &why));
}

static void
end(void)
{
    payloads_close(&payloads);
    disk_close(&disk);
}

static const uint64_t *
words_of(uint32_t number)
{
    return (const uint64_t *)payloads_at(&payloads, 0) + number * WORDS;
}

/* What of the block is mapped has the bytes of the disk, and zeros behind the payload. */
static bool
is_good(uint32_t number)
{
    const volatile uint64_t *words = words_of(number);
    uint64_t bytes = tree_block_bytes(BYTES, number), mapped = store_round_up(bytes);
    bool good = true;
    for (uint64_t word = 0; word < mapped / sizeof(uint64_t); word++) {
        uint64_t at = word * sizeof(uint64_t);
        good = good && words[word] == (at < bytes ? number * (uint64_t)TREE_BLOCK_BYTES + at : 0);
    }
    return good;
}

static bool
is_zero(uint32_t number)
{
    const volatile uint64_t *words = words_of(number);
    uint64_t seen = 0;
    for (uint64_t word = 0; word < WORDS; word++)
        seen |= words[word];
    return seen == 0;
}

/* One thread on each vCPU; they begin together. */
static struct {
    void (*work)(uint32_t vcpu);
    _Atomic uint32_t arrived;
} threads;

static void *
run_one(void *argument)
{
    (void)argument;
    atomic_fetch_add(&threads.arrived, 1);
    while (atomic_load(&threads.arrived) < sched_vcpus())
        thread_yield();
    threads.work(sched_vcpu());
    return NULL;
}

static void
run_on_all(void (*work)(uint32_t vcpu))
{
    struct thread *thread[SCHED_VCPUS_MAX];
    threads.work = work;
    atomic_store(&threads.arrived, 0);
    for (uint32_t i = 0; i < sched_vcpus(); i++) {
        const struct thread_attributes attributes = {.vcpu = i};
        check_equal(thread_create(&thread[i], &attributes, run_one, NULL), EXO_OK);
    }
    for (uint32_t i = 0; i < sched_vcpus(); i++)
        (void)thread_join(thread[i]);
}

static void
only_what_is_touched_is_read_and_resident(void)
{
    if (!begin())
        return;
    for (uint32_t i = 4; i < BLOCKS; i += 5)
        check(is_good(i));
    struct pager_counts counts = pager_counts(&payloads.pager);
    check_equal(counts.blocks_held, BLOCKS / 5);
    check_equal(counts.blocks_read, BLOCKS / 5);
    check_equal(counts.blocks_ahead, 0);
    check(!pager_is_failed(&payloads.pager, NULL));
    end();
}

static void
a_payload_is_read_as_a_whole_and_ahead(void)
{
    struct why why;
    if (!begin())
        return;
    check(pager_touch_all(&payloads.pager, 0, &why));
    for (uint32_t i = 0; i < BLOCKS; i++)
        check(is_good(i));
    struct pager_counts counts = pager_counts(&payloads.pager);
    check_equal(counts.blocks_read, BLOCKS);
    check(counts.blocks_ahead > BLOCKS / 2);
    end();
}

static _Atomic uint32_t wrong;

/* From both ends, so that they meet. */
static void
read_all(uint32_t vcpu)
{
    for (uint32_t i = 0; i < BLOCKS; i++)
        if (!is_good(vcpu % 2 == 0 ? i : BLOCKS - 1 - i))
            atomic_fetch_add(&wrong, 1);
}

static void
vcpus_that_fault_the_same_blocks_read_each_once(void)
{
    if (!begin())
        return;
    atomic_store(&wrong, 0);
    run_on_all(read_all);
    check_equal(atomic_load(&wrong), 0);
    check_equal(pager_counts(&payloads.pager).blocks_read, BLOCKS);
    end();
}

static void
read_the_bad_one(uint32_t vcpu)
{
    (void)vcpu;
    if (!is_zero(BAD))
        atomic_fetch_add(&wrong, 1);
}

static void
vcpus_that_fault_one_corrupt_block_read_no_byte_of_it(void)
{
    struct why why;
    atomic_store(&wrong, 0);
    leaves[BAD][3] ^= 1;
    for (uint32_t i = 0; i < ROUNDS && begin(); i++) {
        run_on_all(read_the_bad_one);
        check(pager_is_failed(&payloads.pager, &why));
        check(strcmp(why.text, "payload.bin: block 37 is not what was signed") == 0);
        check_equal(pager_counts(&payloads.pager).blocks_read, 1);
        end();
    }
    leaves[BAD][3] ^= 1;
    check_equal(atomic_load(&wrong), 0);
}

static void
any_flipped_bit_shows_zeros_there_and_from_then_on(void)
{
    for (uint32_t i = 0; i < FLIPS && begin(); i++) {
        uint32_t number = (uint32_t)(test_random() % (BLOCKS - 1)), bit = (uint32_t)test_random();
        leaves[number][bit / 8 % HASH_BYTES] ^= (uint8_t)(1u << bit % 8);
        check(is_zero(number) && is_zero((number + 9) % (BLOCKS - 1)));
        leaves[number][bit / 8 % HASH_BYTES] ^= (uint8_t)(1u << bit % 8);
        end();
    }
}

static void
vcpus_with_memory_for_a_part_read_what_was_signed(void)
{
    if (!begin())
        return;
    payloads_may_forget(&payloads, 0);
    payloads_limit(&payloads, 1); /* a run of frames */
    atomic_store(&wrong, 0);
    for (uint32_t i = 0; i < 3; i++)
        run_on_all(read_all);
    struct pager_counts counts = pager_counts(&payloads.pager);
    check_equal(atomic_load(&wrong), 0);
    check(counts.blocks_held < BLOCKS / 2);
    check_equal(counts.blocks_forgotten, counts.blocks_read - counts.blocks_held);
    check(counts.blocks_read > 3 * BLOCKS / 2);
    check(!pager_is_failed(&payloads.pager, NULL));
    end();
}

/* The kernel does not cut a 2 MiB mapping. Pages lose one by that: nobody reads there again. */
static bool
is_one_mapping(uint32_t window)
{
    uint64_t va = (uint64_t)(uintptr_t)words_of(window * PAGER_WINDOW_BLOCKS);
    return rt_unmap_pages(va, 1) == EXO_E_ALIGN;
}

/* The two windows that the payload has whole; what is behind them stays pages. */
static void
windows_that_are_whole_are_one_mapping_each(void)
{
    if (!begin())
        return;
    payloads_may_forget(&payloads, 0);
    run_on_all(read_all);
    check_equal(payloads_whole(&payloads), 2);
    check(is_one_mapping(0) && is_one_mapping(1));
    atomic_store(&wrong, 0);
    run_on_all(read_all);
    check_equal(atomic_load(&wrong), 0);
    check(is_one_mapping(0) && is_one_mapping(1) && !is_one_mapping(2));
    end();
}

/* A window's frames: not the first ones that were taken, and what is loose may go before. */
static void
memory_that_is_wanted_back_is_given_and_what_it_showed_is_read_again(void)
{
    if (!begin())
        return;
    payloads_may_forget(&payloads, 0);
    run_on_all(read_all);
    uint64_t free = frames_free();
    check_equal(payloads_give(&payloads, EXO_BLOCK_PAGES, 0), EXO_BLOCK_PAGES);
    check_equal(frames_free(), free + EXO_BLOCK_PAGES);
    uint64_t forgotten = pager_counts(&payloads.pager).blocks_forgotten;
    check(forgotten >= PAGER_WINDOW_BLOCKS && forgotten < BLOCKS);
    check_equal(payloads_give(&payloads, BLOCKS * BLOCK_PAGES, BLOCKS), 0);
    atomic_store(&wrong, 0);
    run_on_all(read_all);
    check_equal(atomic_load(&wrong), 0);
    check_equal(pager_counts(&payloads.pager).blocks_read, BLOCKS + forgotten);
    check_equal(payloads_whole(&payloads), 2);
    check(frames_free() <= free + 1);
    check(!pager_is_failed(&payloads.pager, NULL));
    end();
}

/* Backwards: nothing is read ahead. */
static void
read_back(uint32_t first, uint32_t end)
{
    while (end > first)
        check(is_good(--end));
}

/* Only the second window may be forgotten; all other memory is full, and there is no more of it. */
static void
memory_that_is_given_leaves_places_for_who_reads_on(void)
{
    if (!begin())
        return;
    read_back(0, PAGER_WINDOW_BLOCKS);
    payloads_may_forget(&payloads, 0);
    read_back(PAGER_WINDOW_BLOCKS, 2 * PAGER_WINDOW_BLOCKS);
    payloads.pager.may_forget = 0;
    read_back(2 * PAGER_WINDOW_BLOCKS, BLOCKS);
    (void)payloads_give(&payloads, BLOCKS * BLOCK_PAGES, 0);
    check_equal(pager_counts(&payloads.pager).blocks_forgotten, PAGER_WINDOW_BLOCKS);
    payloads.spare_frames = frames_free();
    read_back(0, BLOCKS);
    check(!pager_is_failed(&payloads.pager, NULL));
    end();
}

static void
with_little_memory_everything_is_in_pages(void)
{
    if (!begin())
        return;
    payloads_may_forget(&payloads, 0);
    payloads_limit(&payloads, 2 * PAGER_WINDOW_BLOCKS + BLOCKS);
    atomic_store(&wrong, 0);
    run_on_all(read_all);
    check_equal(atomic_load(&wrong), 0);
    check_equal(payloads_whole(&payloads), 0);
    check(!is_one_mapping(0) && !is_one_mapping(1));
    end();
}

static void
nothing_of_a_payload_stays(void)
{
    struct why why;
    if (!begin())
        return;
    check(pager_touch_all(&payloads.pager, 0, &why));
    end();
    uint64_t free = frames_free();
    for (uint32_t i = 0; i < ROUNDS && begin(); i++) {
        check(pager_touch_all(&payloads.pager, 0, &why));
        check(frames_free() + BLOCKS * BLOCK_PAGES <= free);
        end();
    }
    check(frames_free() + ROUNDS >= free); /* tables of addresses that are not used again */
}

static const struct test tests[] = {
    TEST(only_what_is_touched_is_read_and_resident),
    TEST(a_payload_is_read_as_a_whole_and_ahead),
    TEST(vcpus_that_fault_the_same_blocks_read_each_once),
    TEST(vcpus_that_fault_one_corrupt_block_read_no_byte_of_it),
    TEST(any_flipped_bit_shows_zeros_there_and_from_then_on),
    TEST(vcpus_with_memory_for_a_part_read_what_was_signed),
    TEST(windows_that_are_whole_are_one_mapping_each),
    TEST(memory_that_is_wanted_back_is_given_and_what_it_showed_is_read_again),
    TEST(memory_that_is_given_leaves_places_for_who_reads_on),
    TEST(with_little_memory_everything_is_in_pages),
    TEST(nothing_of_a_payload_stays),
};

int
main(void)
{
    return test_main_libos(tests, sizeof(tests) / sizeof(tests[0]));
}

/* Address spaces (core/vspace*.c, core/asid.c) on a machine with TLBs that must be kept clean. */
#include "core/pagetable.h"
#include "fake_arch.h"
#include "fake_cell.h"
#include "tap.h"

#define R  EXO_PROT_READ
#define RW (EXO_PROT_READ | EXO_PROT_WRITE)
#define RX (EXO_PROT_READ | EXO_PROT_EXEC)

#define VA     0x40000000ull
#define FRAMES 8192u

static struct vspace space, other;
static pfn_t run; /* frames of the test, clean */
static int owner;
static uint32_t budget;
static uint64_t done;

static pfn_t
take(uint64_t count)
{
    uint64_t got;
    pfn_t base;
    CHECK_EQ(frame_take(count, EXO_ALLOC_BLOCK, 0, &owner, &base, &got), EXO_OK);
    return base;
}

static void
setup(uint64_t frames)
{
    fake_machine(FRAMES, 4);
    fake_cell_frames = 1000;
    CHECK_EQ(vspace_init(&space, NULL), EXO_OK);
    CHECK_EQ(vspace_init(&other, NULL), EXO_OK);
    run = take(frames);
    budget = FRAMES;
    CHECK_EQ(frame_clean(run, frames, &budget), EXO_OK);
    budget = FRAMES;
}

static err_t
map_at(va_t va, pfn_t base, uint64_t pages, uint32_t prot)
{
    return vspace_map(&space, va, base, pages, prot, VSPACE_MEMORY, &budget, &done);
}

static err_t
protect(pfn_t base, uint64_t pages, uint32_t prot)
{
    return vspace_protect(&space, VA, base, pages, prot, &done);
}

static err_t
unmap(va_t va, uint64_t pages)
{
    return vspace_unmap(&space, va, pages, false, &done);
}

static bool
is_mapped(va_t va, pfn_t expected, uint32_t prot)
{
    pfn_t pfn;
    uint32_t found;
    return vspace_find(&space, va, &pfn, &found) == EXO_OK && pfn == expected && found == prot;
}

static bool
is_hole(va_t va)
{
    pfn_t pfn;
    uint32_t found;
    return vspace_find(&space, va, &pfn, &found) == EXO_E_FAULT;
}

static uint64_t
writable(pfn_t pfn)
{
    return frame_of(pfn)->use & 0xffff;
}

static uint64_t
executable(pfn_t pfn)
{
    return frame_of(pfn)->use >> 16 & 0xffff;
}

static void
run_on(uint32_t cpu, struct vspace *active)
{
    uint32_t before = fake_cpu;
    fake_cpu = cpu;
    vspace_activate(active);
    fake_cpu = before;
}

static void
mapped_pages_are_found(void)
{
    setup(600);
    CHECK_EQ(map_at(VA + 500 * PAGE_BYTES, run, 600, RW), EXO_OK);
    CHECK_EQ(done, 600);
    for (uint64_t i = 0; i < 600; i++) {
        CHECK(is_mapped(VA + (500 + i) * PAGE_BYTES, run + i, RW));
        CHECK_EQ(writable(run + i), 1);
    }
    CHECK(is_hole(VA + 499 * PAGE_BYTES));
    CHECK(is_hole(VA + 1100 * PAGE_BYTES));
    CHECK(is_hole(EXO_VA_END + VA));
}

static void
entry_says_what_the_program_may_do(void)
{
    const uint32_t prots[] = {R, RW, RX};
    setup(3);
    run_on(0, &space);
    for (uint64_t i = 0; i < 3; i++) {
        uint64_t pte;
        CHECK_EQ(map_at(VA + i * PAGE_BYTES, run + i, 1, prots[i]), EXO_OK);
        CHECK(fake_access(0, VA + i * PAGE_BYTES, &pte));
        CHECK_EQ((pte & PTE_READ_ONLY) == 0, prots[i] == RW);
        CHECK_EQ((pte & PTE_UXN) == 0, prots[i] == RX);
        CHECK_EQ(pte & PTE_EL0_COMMON, PTE_EL0_COMMON);
        CHECK_EQ(pte & PTE_ADDRESS, (run + i) << PAGE_SHIFT);
    }
}

static void
page_that_is_mapped_cannot_be_mapped_again(void)
{
    setup(16);
    CHECK_EQ(map_at(VA + 5 * PAGE_BYTES, run, 1, R), EXO_OK);
    CHECK_EQ(map_at(VA, run, 16, RW), EXO_E_OCCUPIED);
    CHECK_EQ(done, 5);
    CHECK_EQ(writable(run + 4), 1);
    CHECK_EQ(writable(run + 5), 0);
    CHECK(is_mapped(VA + 5 * PAGE_BYTES, run, R));
}

static void
arguments_are_checked(void)
{
    setup(1);
    CHECK_EQ(map_at(VA, run, 1, RW | RX), EXO_E_WX);
    CHECK_EQ(map_at(VA + 1, run, 1, R), EXO_E_ALIGN);
    CHECK_EQ(map_at(VA, run, 1, R | EXO_PROT_BLOCK), EXO_E_ALIGN);
    CHECK_EQ(map_at(EXO_VA_END - PAGE_BYTES, run, 2, R), EXO_E_RANGE);
    CHECK_EQ(map_at(UINT64_MAX & ~(PAGE_BYTES - 1), run, 2, R), EXO_E_RANGE);
    CHECK_EQ(unmap(VA, UINT64_MAX), EXO_E_RANGE);
    CHECK_EQ(protect(run, UINT64_MAX, R), EXO_E_RANGE);
    CHECK_EQ(protect(run, 1, RW | RX), EXO_E_WX);
    CHECK_EQ(map_at(EXO_VA_END - PAGE_BYTES, run, 1, R), EXO_OK);
}

static void
writable_frame_cannot_be_mapped_executable(void)
{
    setup(8);
    CHECK_EQ(vspace_map(&other, VA, run + 3, 1, RW, VSPACE_MEMORY, &budget, &done), EXO_OK);
    CHECK_EQ(map_at(VA, run, 8, RX), EXO_E_WX);
    CHECK_EQ(done, 3);
    CHECK(is_hole(VA + 3 * PAGE_BYTES));
    CHECK_EQ(executable(run + 2), 1);
    CHECK_EQ(executable(run + 3), 0);
}

static void
dirty_frames_are_zeroed_before_they_are_seen(void)
{
    setup(1);
    pfn_t dirty = take(8);
    budget = 3;
    CHECK_EQ(map_at(VA, dirty, 8, R), EXO_E_AGAIN);
    CHECK_EQ(done, 3);
    CHECK(is_hole(VA + 3 * PAGE_BYTES));
    budget = 100;
    CHECK_EQ(map_at(VA + 3 * PAGE_BYTES, dirty + 3, 5, RW), EXO_OK);
    CHECK_EQ(budget, 95);
    for (uint64_t i = 0; i < 8 * PAGE_BYTES; i++)
        CHECK_EQ(((unsigned char *)frame_to_kernel(dirty))[i], 0);
}

static void
tables_are_paid_by_the_cell(void)
{
    setup(2);
    fake_cell_frames = 1;
    CHECK_EQ(map_at(VA, run, 1, R), EXO_E_LIMIT);
    CHECK_EQ(done, 0);
    fake_cell_frames = 1;
    CHECK_EQ(map_at(VA, run, 1, R), EXO_OK);
    CHECK_EQ(space.tables, 3);
    fake_cell_frames = 0;
    CHECK_EQ(map_at(VA + 511 * PAGE_BYTES, run, 2, R), EXO_E_LIMIT);
    CHECK_EQ(done, 1);
}

static void
unmap_skips_holes(void)
{
    setup(4);
    CHECK_EQ(map_at(VA + PAGE_BYTES, run, 1, RW), EXO_OK);
    CHECK_EQ(map_at(VA + 700 * PAGE_BYTES, run + 1, 1, RX), EXO_OK);
    CHECK_EQ(unmap(0, (VA >> PAGE_SHIFT) + 1000), EXO_OK);
    CHECK_EQ(done, (VA >> PAGE_SHIFT) + 1000);
    CHECK(is_hole(VA + PAGE_BYTES));
    CHECK(is_hole(VA + 700 * PAGE_BYTES));
    CHECK_EQ(writable(run), 0);
    CHECK_EQ(executable(run + 1), 0);
}

/* --- Blocks ---------------------------------------------------------------------------------- */

static void
block_counts_each_of_its_frames(void)
{
    setup(1024);
    CHECK_EQ(map_at(VA, run, 1024, RW | EXO_PROT_BLOCK), EXO_OK);
    CHECK_EQ(space.tables, 2);
    CHECK(is_mapped(VA + 777 * PAGE_BYTES, run + 777, RW | EXO_PROT_BLOCK));
    CHECK_EQ(writable(run + 1023), 1);
    CHECK_EQ(vspace_map(&other, VA, run + 600, 1, RX, VSPACE_MEMORY, &budget, &done), EXO_E_WX);
    CHECK_EQ(unmap(VA, 1024), EXO_OK);
    for (uint64_t i = 0; i < 1024; i++)
        CHECK_EQ(writable(run + i), 0);
}

static void
block_with_a_frame_in_other_use_is_not_mapped(void)
{
    setup(512);
    CHECK_EQ(vspace_map(&other, VA, run + 100, 1, RX, VSPACE_MEMORY, &budget, &done), EXO_OK);
    CHECK_EQ(map_at(VA, run, 512, RW | EXO_PROT_BLOCK), EXO_E_WX);
    CHECK_EQ(done, 0);
    CHECK_EQ(writable(run + 99), 0);
    CHECK(is_hole(VA));
}

static void
block_cannot_be_cut(void)
{
    setup(512);
    CHECK_EQ(map_at(VA, run, 512, R | EXO_PROT_BLOCK), EXO_OK);
    CHECK_EQ(unmap(VA, 511), EXO_E_ALIGN);
    CHECK_EQ(unmap(VA + PAGE_BYTES, 511), EXO_E_ALIGN);
    CHECK_EQ(unmap(VA + PAGE_BYTES, 512), EXO_E_ALIGN);
    CHECK_EQ(done, 0);
    CHECK_EQ(protect(run, 1, RX), EXO_E_ALIGN);
    CHECK_EQ(map_at(VA + PAGE_BYTES, run, 1, R), EXO_E_OCCUPIED);
    CHECK_EQ(protect(run, 512, RX | EXO_PROT_BLOCK), EXO_OK);
    CHECK_EQ(executable(run + 511), 1);
    CHECK(is_mapped(VA, run, RX | EXO_PROT_BLOCK));
}

static void
block_takes_the_place_of_emptied_tables(void)
{
    setup(512);
    run_on(0, &space);
    CHECK_EQ(map_at(VA + 3 * PAGE_BYTES, run, 1, R), EXO_OK);
    CHECK_EQ(map_at(VA, run, 512, R | EXO_PROT_BLOCK), EXO_E_OCCUPIED);
    CHECK_EQ(unmap(VA + 3 * PAGE_BYTES, 1), EXO_OK);
    uint32_t before = fake_cell_frames, flushes = fake_count.asid_flushes;
    CHECK_EQ(map_at(VA, run, 512, R | EXO_PROT_BLOCK), EXO_OK);
    CHECK_EQ(fake_cell_frames, before + 1);
    CHECK_EQ(fake_count.asid_flushes, flushes + 1); /* walkers may have cached the table */
}

static void
blocks_of_one_call_are_bounded(void)
{
    setup(2048);
    for (uint64_t i = 0; i < 10; i++) { /* the same frames again: readable only */
        va_t va = VA + i * BLOCK_PAGES * PAGE_BYTES;
        CHECK_EQ(map_at(va, run, 512, R | EXO_PROT_BLOCK), EXO_OK);
    }
    CHECK_EQ(unmap(VA, 10 * BLOCK_PAGES), EXO_E_AGAIN);
    CHECK_EQ(done, VSPACE_BLOCKS_MAX * BLOCK_PAGES);
    CHECK_EQ(unmap(VA + done * PAGE_BYTES, 10 * BLOCK_PAGES - done), EXO_OK);
    budget = 20;
    CHECK_EQ(map_at(VA, run, 2048, RW | EXO_PROT_BLOCK), EXO_E_AGAIN);
    CHECK_EQ(done, 2 * BLOCK_PAGES);
}

/* --- Protection ------------------------------------------------------------------------------ */

static void
only_mapping_of_a_frame_can_turn_from_writable_to_executable(void)
{
    setup(100);
    run_on(0, &space);
    CHECK_EQ(map_at(VA, run, 100, RW), EXO_OK);
    for (uint64_t i = 0; i < 100; i++) {
        uint64_t pte;
        CHECK(fake_access(0, VA + i * PAGE_BYTES, &pte));
    }
    CHECK_EQ(protect(run, 100, RX), EXO_OK);
    CHECK_EQ(done, 100);
    for (uint64_t i = 0; i < 100; i++) {
        CHECK(is_mapped(VA + i * PAGE_BYTES, run + i, RX));
        CHECK_EQ(writable(run + i), 0);
        CHECK_EQ(executable(run + i), 1);
    }
    CHECK_EQ(fake_count.stale_writable, 0);
    CHECK_EQ(fake_count.icache_syncs, 100);
}

static void
page_whose_new_use_is_refused_is_unmapped_and_those_behind_it(void)
{
    setup(600);
    CHECK_EQ(map_at(VA, run, 600, RW), EXO_OK);
    CHECK_EQ(vspace_map(&other, VA, run + 7, 1, RW, VSPACE_MEMORY, &budget, &done), EXO_OK);
    CHECK_EQ(protect(run, 600, RX), EXO_E_WX);
    CHECK_EQ(done, 7);
    CHECK(is_mapped(VA + 6 * PAGE_BYTES, run + 6, RX));
    for (uint64_t i = 7; i < 600; i++) {
        CHECK(is_hole(VA + i * PAGE_BYTES));
        CHECK_EQ(writable(run + i), i == 7);
        CHECK_EQ(executable(run + i), 0);
    }
}

static void
block_whose_new_use_is_refused_is_unmapped(void)
{
    setup(512);
    CHECK_EQ(map_at(VA, run, 512, RW | EXO_PROT_BLOCK), EXO_OK);
    CHECK_EQ(vspace_map(&other, VA, run + 7, 1, RW, VSPACE_MEMORY, &budget, &done), EXO_OK);
    CHECK_EQ(protect(run, 512, RX | EXO_PROT_BLOCK), EXO_E_WX);
    CHECK_EQ(done, 0);
    CHECK(is_hole(VA));
    CHECK_EQ(writable(run), 0);
    CHECK_EQ(executable(run), 0);
}

static void
protect_makes_pages_of_a_block_and_a_block_of_pages(void)
{
    setup(512);
    CHECK_EQ(map_at(VA, run, 512, R | EXO_PROT_BLOCK), EXO_OK);
    CHECK_EQ(protect(run, 512, RX), EXO_OK);
    CHECK_EQ(done, 512);
    CHECK(is_mapped(VA + 511 * PAGE_BYTES, run + 511, RX));
    CHECK_EQ(protect(run, 511, RW | EXO_PROT_BLOCK), EXO_E_ALIGN);
    CHECK(is_mapped(VA, run, RX));
    CHECK_EQ(protect(run, 512, RW | EXO_PROT_BLOCK), EXO_OK);
    CHECK(is_mapped(VA + 511 * PAGE_BYTES, run + 511, RW | EXO_PROT_BLOCK));
    CHECK_EQ(writable(run + 511), 1);
}

static void
take_frame_meanwhile(void)
{
    fake_before_flush = NULL;
    unmap_one(run, RW); /* the alias goes, and another space takes the next frame at once */
    CHECK_EQ(map_one(run + 1, RW), EXO_OK);
}

static void
changes_between_hiding_and_counting_are_noticed(void)
{
    setup(2);
    run_on(0, &space);
    CHECK_EQ(map_at(VA, run, 2, RW), EXO_OK);
    CHECK_EQ(map_one(run, RW), EXO_OK);
    fake_before_flush = take_frame_meanwhile;
    CHECK_EQ(protect(run, 2, RX), EXO_E_WX);
    CHECK_EQ(done, 1);
    CHECK(is_mapped(VA, run, RX));
    CHECK(is_hole(VA + PAGE_BYTES));
    CHECK_EQ(writable(run + 1), 1);
}

static void
protect_wants_the_frames_that_are_mapped(void)
{
    setup(8);
    CHECK_EQ(map_at(VA, run, 4, R), EXO_OK);
    CHECK_EQ(protect(run + 1, 4, RW), EXO_E_RANGE);
    CHECK_EQ(done, 0);
    CHECK(is_mapped(VA, run, R));
    CHECK_EQ(protect(run, 5, RW), EXO_E_RANGE);
    CHECK_EQ(done, 4);
    CHECK_EQ(vspace_protect(&space, VA - PAGE_BYTES, run, 2, RW, &done), EXO_E_RANGE);
    CHECK_EQ(done, 0);
    CHECK(is_mapped(VA, run, RW));
}

/* --- Other kinds ----------------------------------------------------------------------------- */

static void
device_registers_are_not_counted_and_never_executable(void)
{
    uint64_t pte;
    setup(1);
    run_on(0, &space);
    CHECK_EQ(vspace_map(&space, VA, 0x9000, 1, RX, VSPACE_DEVICE, &budget, &done), EXO_OK);
    CHECK(fake_access(0, VA, &pte));
    CHECK(pte & PTE_UXN);
    CHECK_EQ(unmap(VA, 1), EXO_OK);
    CHECK_EQ(vspace_map(&space, VA, 0x9000, 2, RW, VSPACE_DEVICE, &budget, &done), EXO_OK);
    CHECK(fake_access(0, VA, &pte));
    CHECK_EQ(pte & PTE_ATTR_MASK, PTE_ATTR_DEVICE);
    CHECK(is_hole(VA)); /* for those who want memory */
    CHECK_EQ(protect(0x9000, 2, R), EXO_E_RANGE);
    CHECK_EQ(unmap(VA, 2), EXO_OK);
    CHECK(!fake_access(0, VA, &pte));
}

static void
control_page_stays_until_the_kernel_takes_it(void)
{
    setup(8);
    pfn_t control = frame_from_kernel(frame_take_kernel(NULL));
    va_t va = VA + 2 * PAGE_BYTES;
    CHECK_EQ(map_at(VA, run, 2, RW), EXO_OK);
    CHECK_EQ(vspace_map(&space, va, control, 1, RW, VSPACE_CONTROL, &budget, &done), EXO_OK);
    CHECK_EQ(writable(control), 1);
    CHECK_EQ(unmap(VA, 4), EXO_E_STATE);
    CHECK_EQ(done, 2);
    CHECK_EQ(vspace_protect(&space, va, control, 1, R, &done), EXO_E_STATE);
    CHECK(is_mapped(va, control, RW));
    CHECK_EQ(vspace_unmap(&space, va, 1, true, &done), EXO_OK);
    CHECK_EQ(writable(control), 0);
}

/* --- TLBs ------------------------------------------------------------------------------------ */

static void
count_is_still_there(void)
{
    CHECK_EQ(writable(run), 1);
}

static void
count_drops_only_after_the_flush(void)
{
    uint32_t lo = (uint32_t)(VA >> PAGE_SHIFT);
    setup(1);
    run_on(0, &space);
    CHECK_EQ(map_at(VA, run, 1, RW), EXO_OK);
    fake_before_flush = count_is_still_there;
    CHECK_EQ(unmap(VA, 1), EXO_OK);
    CHECK_EQ(writable(run), 0);
    CHECK_EQ(map_at(VA, run, 1, RW), EXO_OK);
    CHECK_EQ(protect(run, 1, R), EXO_OK);
    CHECK_EQ(writable(run), 0);
    fake_before_flush = NULL;
    CHECK_EQ(protect(run, 1, RW), EXO_OK);
    fake_before_flush = count_is_still_there;
    CHECK_EQ(vspace_sweep(&space, run, 1, &lo, lo + 1, 10), EXO_OK);
    CHECK_EQ(writable(run), 0);
    CHECK_EQ(fake_count.page_flushes, 4);
}

static void
few_pages_are_flushed_one_by_one_and_many_at_once(void)
{
    setup(64);
    run_on(0, &space);
    CHECK_EQ(map_at(VA, run, 64, RW), EXO_OK);
    fake_count = (struct fake_count){0};
    CHECK_EQ(unmap(VA, FLUSH_PAGES), EXO_OK);
    CHECK_EQ(fake_count.page_flushes, FLUSH_PAGES);
    CHECK_EQ(fake_count.asid_flushes, 0);
    CHECK_EQ(unmap(VA + FLUSH_PAGES * PAGE_BYTES, FLUSH_PAGES + 1), EXO_OK);
    CHECK_EQ(fake_count.page_flushes, FLUSH_PAGES);
    CHECK_EQ(fake_count.asid_flushes, 1);
}

static void
flush_reaches_other_cpus_only_where_the_space_ran_there(void)
{
    setup(4);
    run_on(0, &space);
    CHECK_EQ(map_at(VA, run, 4, RW), EXO_OK);
    fake_count = (struct fake_count){0};
    CHECK_EQ(unmap(VA, 1), EXO_OK);
    CHECK_EQ(fake_count.everywhere, 0);
    run_on(2, &space);
    run_on(2, NULL);
    CHECK_EQ(unmap(VA + PAGE_BYTES, 1), EXO_OK);
    CHECK_EQ(fake_count.everywhere, 1);
}

static void
space_that_never_ran_needs_no_flush(void)
{
    setup(64);
    CHECK_EQ(map_at(VA, run, 64, RW), EXO_OK);
    CHECK_EQ(unmap(VA, 64), EXO_OK);
    CHECK_EQ(fake_count.page_flushes + fake_count.asid_flushes, 0);
}

static void
asid_is_flushed_when_a_space_first_runs_on_a_cpu(void)
{
    setup(1);
    fake_count = (struct fake_count){0};
    run_on(1, &space);
    run_on(1, NULL);
    run_on(1, &space);
    CHECK_EQ(fake_count.asid_flushes, 1);
    run_on(2, &space);
    CHECK_EQ(fake_count.asid_flushes, 2);
    CHECK_EQ(space.cpus, 6);
    CHECK(cpus[2].space == &space);
}

/* --- Sweep and destroy ----------------------------------------------------------------------- */

static void
sweep_removes_the_frames_of_the_run_and_no_others(void)
{
    uint32_t lo = 0, steps = 0;
    setup(1024);
    CHECK_EQ(map_at(VA, run, 512, RW), EXO_OK);
    CHECK_EQ(map_at(VA + (1ull << 33), run + 512, 512, R | EXO_PROT_BLOCK), EXO_OK);
    CHECK_EQ(map_at(VA + (1ull << 34), run + 100, 20, R), EXO_OK);
    err_t err;
    do {
        err = vspace_sweep(&space, run + 90, 20, &lo, 1u << 27, 100);
        steps++;
    } while (err == EXO_E_AGAIN);
    CHECK_EQ(err, EXO_OK);
    CHECK_EQ(lo, 1u << 27);
    CHECK(steps > 1 && steps < 60);
    for (uint64_t i = 0; i < 512; i++) {
        bool swept = i >= 90 && i < 110;
        CHECK_EQ(is_hole(VA + i * PAGE_BYTES), swept);
        CHECK_EQ(writable(run + i), swept ? 0 : 1);
    }
    CHECK(is_hole(VA + (1ull << 34) + 9 * PAGE_BYTES));
    CHECK(is_mapped(VA + (1ull << 34) + 10 * PAGE_BYTES, run + 110, R));
    CHECK(is_mapped(VA + (1ull << 33), run + 512, R | EXO_PROT_BLOCK));
    lo = (uint32_t)((VA + (1ull << 33)) >> PAGE_SHIFT) + 5;
    CHECK_EQ(vspace_sweep(&space, run + 1000, 1, &lo, lo + 1, 1), EXO_OK);
    CHECK(is_hole(VA + (1ull << 33))); /* blocks go whole */
}

static void
sweep_finds_device_registers(void)
{
    uint64_t pte;
    uint32_t lo = (uint32_t)(VA >> PAGE_SHIFT);
    setup(1);
    run_on(0, &space);
    CHECK_EQ(vspace_map(&space, VA, 0x9000, 1, RW, VSPACE_DEVICE, &budget, &done), EXO_OK);
    CHECK(fake_access(0, VA, &pte));
    CHECK_EQ(vspace_sweep(&space, 0x9000, 1, &lo, lo + 1, 1), EXO_OK);
    CHECK(!fake_access(0, VA, &pte));
}

static void
destroyed_space_leaves_nothing_behind(void)
{
    setup(1024);
    uint32_t before = fake_cell_frames, steps = 0;
    uint64_t free_before = frame_free_count();
    run_on(1, &space);
    CHECK_EQ(map_at(VA, run, 300, RW), EXO_OK);
    CHECK_EQ(map_at(VA + (1ull << 35), run, 300, RW), EXO_OK);
    CHECK_EQ(map_at(VA + (1ull << 36), run + 512, 512, RX | EXO_PROT_BLOCK), EXO_OK);
    CHECK_EQ(vspace_map(&space, 0x10000, 0x9000, 1, RW, VSPACE_DEVICE, &budget, &done), EXO_OK);
    CHECK(PANICS(vspace_destroy(&space))); /* it still runs */
    run_on(1, NULL);
    fake_count = (struct fake_count){0};
    while (vspace_destroy(&space) == EXO_E_AGAIN)
        steps++;
    CHECK_EQ(steps, 8); /* 3 tables of pages, 1 block, 4 tables above */
    CHECK_EQ(fake_count.asid_flushes, 1);
    CHECK_EQ(fake_cell_frames, before + 1); /* the root was taken before */
    CHECK_EQ(frame_free_count(), free_before + 1);
    for (uint64_t i = 0; i < 1024; i++)
        CHECK_EQ(writable(run + i) + executable(run + i), 0);
    frame_put(run, 1024);
}

static void
asids_run_out_and_come_back(void)
{
    static struct vspace many[300];
    uint64_t seen[4] = {0};
    int count = 0;
    setup(1);
    while (vspace_init(&many[count], NULL) == EXO_OK) {
        uint16_t asid = many[count].asid;
        CHECK(asid > 0 && asid < 256 && (seen[asid / 64] >> asid % 64 & 1) == 0);
        seen[asid / 64] |= 1ull << asid % 64;
        count++;
    }
    CHECK(count > 100 && count < 256);
    CHECK_EQ(vspace_destroy(&many[7]), EXO_OK);
    CHECK_EQ(vspace_init(&many[7], NULL), EXO_OK);
    for (int i = 0; i < count; i++)
        CHECK_EQ(vspace_destroy(&many[i]), EXO_OK);
    fake_cell_frames = 0;
    CHECK_EQ(vspace_init(&many[0], NULL), EXO_E_LIMIT);
}

/* --- Against a shadow of what should be mapped -------------------------------------------------
 */

#define SHADOW_PAGES  1500u /* crosses two tables */
#define SHADOW_FRAMES 1024u
#define SHADOW_STEPS  60000

static struct {
    uint64_t random;
    struct {
        uint32_t pfn, prot; /* prot 0: nothing */
    } page[2][SHADOW_PAGES];
    uint32_t writable[SHADOW_FRAMES], executable[SHADOW_FRAMES];
} shadow;

static struct vspace *const spaces[2] = {&space, &other};

static uint32_t
random_below(uint32_t below)
{
    return tap_random(&shadow.random, below);
}

static void
shadow_count(uint32_t pfn, uint32_t prot, int change)
{
    shadow.writable[pfn] += (prot & EXO_PROT_WRITE) ? (uint32_t)change : 0;
    shadow.executable[pfn] += (prot & EXO_PROT_EXEC) ? (uint32_t)change : 0;
}

static bool
shadow_may(uint32_t pfn, uint32_t prot)
{
    return !((prot & EXO_PROT_WRITE) && shadow.executable[pfn]) &&
           !((prot & EXO_PROT_EXEC) && shadow.writable[pfn]);
}

static void
shadow_set(uint32_t s, uint32_t page, uint32_t pfn, uint32_t prot)
{
    shadow_count(shadow.page[s][page].pfn, shadow.page[s][page].prot, -1);
    shadow.page[s][page].pfn = pfn;
    shadow.page[s][page].prot = prot;
    shadow_count(pfn, prot, 1);
}

static void
step_map(uint32_t s, uint32_t page, uint32_t pages, uint32_t pfn, uint32_t prot)
{
    err_t expected = EXO_OK;
    uint32_t i = 0;
    for (; i < pages && expected == EXO_OK; i++) {
        if (shadow.page[s][page + i].prot != 0) {
            expected = EXO_E_OCCUPIED;
        } else if (!shadow_may(pfn + i, prot)) {
            expected = EXO_E_WX;
        } else {
            shadow_set(s, page + i, pfn + i, prot);
            continue;
        }
        break;
    }
    err_t err = vspace_map(spaces[s], VA + page * PAGE_BYTES, run + pfn, pages, prot, VSPACE_MEMORY,
                           &budget, &done);
    CHECK_EQ(err, expected);
    CHECK_EQ(done, i);
}

static void
step_unmap(uint32_t s, uint32_t page, uint32_t pages)
{
    for (uint32_t i = 0; i < pages; i++)
        shadow_set(s, page + i, 0, 0);
    err_t err = vspace_unmap(spaces[s], VA + page * PAGE_BYTES, pages, false, &done);
    CHECK_EQ(err, EXO_OK);
    CHECK_EQ(done, pages);
}

/* The longest piece from `page` on that maps frames in order. */
static void
step_protect(uint32_t s, uint32_t page, uint32_t pages, uint32_t prot)
{
    uint32_t pfn = shadow.page[s][page].pfn, n = 0;
    while (n < pages && shadow.page[s][page + n].prot && shadow.page[s][page + n].pfn == pfn + n)
        n++;
    err_t expected = n == 0 ? EXO_E_RANGE : EXO_OK;
    uint32_t i = 0;
    for (uint32_t j = 0; j < n; j++)
        shadow_set(s, page + j, 0, 0);
    for (; i < n && expected == EXO_OK; i++) {
        if (!shadow_may(pfn + i, prot)) {
            expected = EXO_E_WX;
            break;
        }
        shadow_set(s, page + i, pfn + i, prot);
    }
    err_t err =
        vspace_protect(spaces[s], VA + page * PAGE_BYTES, run + pfn, n ? n : 1, prot, &done);
    CHECK_EQ(err, expected);
    CHECK_EQ(done, i);
}

static void
step_sweep(uint32_t s, uint32_t pfn, uint32_t count)
{
    uint32_t lo = (uint32_t)(VA >> PAGE_SHIFT), hi = lo + SHADOW_PAGES;
    for (uint32_t page = 0; page < SHADOW_PAGES; page++)
        if (shadow.page[s][page].prot && shadow.page[s][page].pfn - pfn < count)
            shadow_set(s, page, 0, 0);
    while (vspace_sweep(spaces[s], run + pfn, count, &lo, hi, 200) == EXO_E_AGAIN)
        CHECK(lo < hi);
}

/* Programs run and walkers fill TLBs at any time: also while entries are hidden. */
static void
use_memory(void)
{
    uint64_t pte;
    for (int i = 0; i < 8; i++)
        fake_access(random_below(4), VA + random_below(SHADOW_PAGES) * PAGE_BYTES, &pte);
}

static void
shadow_compare(void)
{
    for (uint32_t s = 0; s < 2; s++) {
        for (uint32_t page = 0; page < SHADOW_PAGES; page++) {
            uint32_t prot = 0;
            pfn_t pfn = run;
            vspace_find(spaces[s], VA + page * PAGE_BYTES, &pfn, &prot);
            CHECK_EQ(prot, shadow.page[s][page].prot);
            CHECK(prot == 0 || pfn == run + shadow.page[s][page].pfn);
        }
    }
    for (uint32_t i = 0; i < SHADOW_FRAMES; i++) {
        CHECK_EQ(writable(run + i), shadow.writable[i]);
        CHECK_EQ(executable(run + i), shadow.executable[i]);
    }
}

static void
shadow_step(void)
{
    const uint32_t prots[] = {R, RW, RX};
    uint32_t s = random_below(2), pages = 1 + random_below(random_below(4) ? 12 : 300);
    uint32_t page = random_below(SHADOW_PAGES - pages), prot = prots[random_below(3)];
    uint32_t pfn = random_below(SHADOW_FRAMES - pages);
    fake_cpu = random_below(4);
    switch (random_below(12)) {
    case 0: step_unmap(s, page, pages); break;
    case 1: step_sweep(s, pfn, pages); break;
    case 2: vspace_activate(spaces[s]); break;
    case 3: vspace_activate(NULL); break;
    case 4:
    case 5:
    case 6:
    case 7: step_protect(s, page, pages, prot); break;
    default: step_map(s, page, pages, pfn, prot); break;
    }
}

static void
space_agrees_with_its_shadow_and_the_tlbs_with_both(void)
{
    setup(SHADOW_FRAMES);
    memset(&shadow, 0, sizeof(shadow));
    shadow.random = 42;
    fake_before_flush = use_memory;
    for (int step = 0; step < SHADOW_STEPS; step++) {
        use_memory();
        shadow_step();
        CHECK(fake_tlbs_are_right());
        CHECK_EQ(fake_count.stale_writable, 0);
        if (step % 500 == 0)
            shadow_compare();
    }
    CHECK(fake_count.asid_flushes > 100 && fake_count.page_flushes > 100);
}

static const struct tap_test tests[] = {
    TAP(mapped_pages_are_found),
    TAP(entry_says_what_the_program_may_do),
    TAP(page_that_is_mapped_cannot_be_mapped_again),
    TAP(arguments_are_checked),
    TAP(writable_frame_cannot_be_mapped_executable),
    TAP(dirty_frames_are_zeroed_before_they_are_seen),
    TAP(tables_are_paid_by_the_cell),
    TAP(unmap_skips_holes),
    TAP(block_counts_each_of_its_frames),
    TAP(block_with_a_frame_in_other_use_is_not_mapped),
    TAP(block_cannot_be_cut),
    TAP(block_takes_the_place_of_emptied_tables),
    TAP(blocks_of_one_call_are_bounded),
    TAP(only_mapping_of_a_frame_can_turn_from_writable_to_executable),
    TAP(page_whose_new_use_is_refused_is_unmapped_and_those_behind_it),
    TAP(block_whose_new_use_is_refused_is_unmapped),
    TAP(protect_makes_pages_of_a_block_and_a_block_of_pages),
    TAP(changes_between_hiding_and_counting_are_noticed),
    TAP(protect_wants_the_frames_that_are_mapped),
    TAP(device_registers_are_not_counted_and_never_executable),
    TAP(control_page_stays_until_the_kernel_takes_it),
    TAP(count_drops_only_after_the_flush),
    TAP(few_pages_are_flushed_one_by_one_and_many_at_once),
    TAP(flush_reaches_other_cpus_only_where_the_space_ran_there),
    TAP(space_that_never_ran_needs_no_flush),
    TAP(asid_is_flushed_when_a_space_first_runs_on_a_cpu),
    TAP(sweep_removes_the_frames_of_the_run_and_no_others),
    TAP(sweep_finds_device_registers),
    TAP(destroyed_space_leaves_nothing_behind),
    TAP(asids_run_out_and_come_back),
    TAP(space_agrees_with_its_shadow_and_the_tlbs_with_both),
};
TAP_MAIN(tests)

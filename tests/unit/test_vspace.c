/* Address spaces (core/vspace*.c): what is mapped, as pages, as blocks, and as other kinds. */
#include "tap.h"
#include "vspace/space.h"

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
    pfn_t control = frame_from_kernel(frame_take_kernel(NULL, 1));
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
    TAP(device_registers_are_not_counted_and_never_executable),
    TAP(control_page_stays_until_the_kernel_takes_it),
};
TAP_MAIN(tests)

/* Address spaces: what TLBs are told, and how mappings and whole spaces end (core/asid.c). */
#include "tap.h"
#include "vspace/space.h"

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

static const struct tap_test tests[] = {
    TAP(count_drops_only_after_the_flush),
    TAP(few_pages_are_flushed_one_by_one_and_many_at_once),
    TAP(flush_reaches_other_cpus_only_where_the_space_ran_there),
    TAP(space_that_never_ran_needs_no_flush),
    TAP(asid_is_flushed_when_a_space_first_runs_on_a_cpu),
    TAP(sweep_removes_the_frames_of_the_run_and_no_others),
    TAP(sweep_finds_device_registers),
    TAP(destroyed_space_leaves_nothing_behind),
    TAP(asids_run_out_and_come_back),
};
TAP_MAIN(tests)

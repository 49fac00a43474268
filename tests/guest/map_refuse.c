// config: smp=1,4 cpu=max timeout=60
/* map, unmap, protect: every way in which they refuse. */
#include "fixture.h"
#include "refuse.h"

static const uint32_t read_write = EXO_PROT_READ | EXO_PROT_WRITE;
static const uint32_t read_exec = EXO_PROT_READ | EXO_PROT_EXEC;

/* One entry that map accepts, in a fresh slot at a fresh address. */
static struct exo_map
good_entry(uint32_t pages)
{
    uint32_t slot = new_frames(EXO_BOOT_CELL, pages);
    return (struct exo_map){rt_va_take(pages, 0), slot, 0, pages, read_write};
}

static int64_t
map_one(struct exo_map entry)
{
    struct exo_progress step = exo_map(EXO_SELF, &entry, 1, NULL);
    check(step.status == EXO_OK || step.done == 0);
    return step.status;
}

static int64_t
protect_one(struct exo_map entry)
{
    struct exo_progress step = exo_protect(EXO_SELF, &entry, 1);
    check(step.status == EXO_OK || step.done == 0);
    return step.status;
}

static int64_t
unmap_one(uint64_t va, uint32_t pages, uint32_t prot)
{
    const struct exo_map entry = {.va = va, .pages = pages, .prot = prot};
    return exo_unmap(EXO_SELF, &entry, 1).status;
}

static void
calls_refuse_bad_environment(void)
{
    static const enum exo_call numbers[] = {EXO_CALL_map, EXO_CALL_unmap, EXO_CALL_protect};
    struct exo_map entry = good_entry(1);
    for (unsigned i = 0; i < 3; i++) {
        struct call call = {numbers[i], {EXO_BOOT_ENV, exo_address(&entry), 1}};
        refuses_bad_environment(call, 0, EXO_WRITE);
    }
}

static void
calls_refuse_bad_entries_address_and_count(void)
{
    static const enum exo_call numbers[] = {EXO_CALL_map, EXO_CALL_unmap, EXO_CALL_protect};
    struct exo_map entry = good_entry(1);
    for (unsigned i = 0; i < 3; i++) {
        struct call call = {numbers[i], {EXO_SELF, exo_address(&entry), 1}};
        refuses_bad_address(call, 1);
        call.x[2] = 0;
        check_equal(call_raw(&call), EXO_E_ARG);
        call.x[2] = EXO_MAP_ENTRIES_MAX + 1;
        check_equal(call_raw(&call), EXO_E_ARG);
        call.x[2] = 1ull << 32 | 1;
        check_equal(call_raw(&call), EXO_E_ARG);
    }
}

static void
map_refuses_page_counts(void)
{
    struct exo_map entry = good_entry(513);
    check_equal(map_one(entry), EXO_E_ARG); /* more than EXO_MAP_PAGES_MAX */
    entry.pages = 0;
    check_equal(map_one(entry), EXO_E_ARG);
    check_equal(unmap_one(entry.va, 0, 0), EXO_E_ARG);
    check_equal(unmap_one(entry.va, 513, 0), EXO_E_ARG);
}

static void
map_refuses_protections_that_make_no_sense(void)
{
    struct exo_map entry = good_entry(1);
    static const uint32_t without_read[] = {0,  EXO_PROT_WRITE,     EXO_PROT_EXEC,
                                            16, EXO_PROT_READ | 16, EXO_PROT_READ | 1u << 31};
    for (unsigned i = 0; i < sizeof(without_read) / sizeof(without_read[0]); i++) {
        entry.prot = without_read[i];
        check_equal(map_one(entry), EXO_E_ARG);
        check_equal(protect_one(entry), EXO_E_ARG);
    }
    check_equal(unmap_one(entry.va, 1, 16), EXO_E_ARG);
}

static void
map_refuses_writable_and_executable_together(void)
{
    struct exo_map entry = good_entry(1);
    entry.prot = read_write | EXO_PROT_EXEC;
    check_equal(map_one(entry), EXO_E_WX);
    check_equal(protect_one(entry), EXO_E_WX);
}

static void
frame_mapped_writable_cannot_be_mapped_executable(void)
{
    struct exo_map writable = good_entry(1), executable = writable;
    executable.va = rt_va_take(1, 0);
    executable.prot = read_exec;
    check_equal(map_one(writable), EXO_OK);
    check_equal(map_one(executable), EXO_E_WX);
    check_equal(unmap_one(writable.va, 1, 0), EXO_OK);
    check_equal(map_one(executable), EXO_OK);
    check_equal(map_one(writable), EXO_E_WX);
}

static void
frame_executable_in_another_environment_cannot_be_written(void)
{
    struct exo_map entry = good_entry(1), there = {0x50000000, 5, 0, 1, read_exec};
    uint32_t env = new_env(EXO_BOOT_CELL);
    check_equal(exo_cap_copy(entry.slot, env, 5, EXO_READ | EXO_EXEC, 0, 0), EXO_OK);
    check_equal(exo_map(env, &there, 1, NULL).status, EXO_OK);
    check_equal(map_one(entry), EXO_E_WX);
    entry.prot = EXO_PROT_READ;
    check_equal(map_one(entry), EXO_OK);
    entry.prot = read_write;
    check_equal(protect_one(entry), EXO_E_WX); /* which leaves the page unmapped */
    check_equal(rt_drop(env), EXO_OK);
    check_equal(map_one(entry), EXO_OK);
}

static void
map_refuses_misaligned_addresses(void)
{
    struct exo_map entry = good_entry(1);
    entry.va += 8;
    check_equal(map_one(entry), EXO_E_ALIGN);
    check_equal(protect_one(entry), EXO_E_ALIGN);
    check_equal(unmap_one(entry.va, 1, 0), EXO_E_ALIGN);
}

static void
map_refuses_addresses_outside(void)
{
    static const uint64_t places[] = {0,
                                      EXO_VA_START - EXO_PAGE_BYTES,
                                      EXO_VA_END,
                                      EXO_VA_END - EXO_PAGE_BYTES,
                                      0xffffff8000000000ull,
                                      UINT64_MAX - EXO_PAGE_BYTES + 1};
    struct exo_map entry = good_entry(2);
    for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        entry.va = places[i];
        check_equal(map_one(entry), EXO_E_RANGE);
        check_equal(protect_one(entry), EXO_E_RANGE);
        check_equal(unmap_one(places[i], 2, 0), EXO_E_RANGE);
    }
}

static void
map_refuses_frames_outside_the_capability(void)
{
    struct exo_map entry = good_entry(4);
    entry.first = 1;
    check_equal(map_one(entry), EXO_E_RANGE);
    entry.first = UINT32_MAX;
    check_equal(map_one(entry), EXO_E_RANGE);
    entry.first = 4;
    entry.pages = 1;
    check_equal(map_one(entry), EXO_E_RANGE);
}

static void
map_refuses_bad_capabilities(void)
{
    struct exo_map entry = good_entry(1);
    uint32_t good = entry.slot;
    entry.slot = rt_slot_take();
    check_equal(map_one(entry), EXO_E_SLOT);
    entry.slot = EXO_NONE;
    check_equal(map_one(entry), EXO_E_SLOT);
    entry.slot = EXO_BOOT_CELL;
    check_equal(map_one(entry), EXO_E_TYPE);
    entry.slot = copy_of(good, EXO_READ | EXO_EXEC);
    check_equal(map_one(entry), EXO_E_RIGHT);
    entry.slot = copy_of(good, EXO_WRITE);
    check_equal(map_one(entry), EXO_E_RIGHT);
    entry.slot = copy_of(good, EXO_READ | EXO_WRITE);
    entry.prot = read_exec;
    check_equal(map_one(entry), EXO_E_RIGHT);
}

static void
map_refuses_an_occupied_address_and_says_how_far_it_came(void)
{
    struct exo_map entry = good_entry(6);
    const struct exo_map fourth = {entry.va + 3 * EXO_PAGE_BYTES, entry.slot, 0, 1, EXO_PROT_READ};
    check_equal(map_one(fourth), EXO_OK);
    struct exo_progress step = exo_map(EXO_SELF, &entry, 1, NULL);
    check_equal(step.status, EXO_E_OCCUPIED);
    check_equal(step.done, 3);
}

static void
map_refuses_what_covers_a_block_and_the_other_way_round(void)
{
    struct exo_map page = good_entry(1);
    uint32_t slot = rt_slot_take();
    check_equal(exo_frames_alloc(EXO_BOOT_CELL, slot, 512, EXO_ALLOC_BLOCK, 0).status, EXO_OK);
    uint64_t va = rt_va_take(512, 512 * EXO_PAGE_BYTES);
    struct exo_map block = {va, slot, 0, 512, read_write | EXO_PROT_BLOCK};
    page.va = va + 9 * EXO_PAGE_BYTES;
    check_equal(map_one(page), EXO_OK);
    check_equal(rt_map(EXO_SELF, &block, 1), EXO_E_OCCUPIED);
    check_equal(unmap_one(page.va, 1, 0), EXO_OK);
    check_equal(rt_map(EXO_SELF, &block, 1), EXO_OK);
    check_equal(map_one(page), EXO_E_OCCUPIED);
}

static void
block_refuses_what_is_not_aligned(void)
{
    uint32_t slot = rt_slot_take();
    check_equal(exo_frames_alloc(EXO_BOOT_CELL, slot, 1024, EXO_ALLOC_BLOCK, 0).status, EXO_OK);
    uint64_t va = rt_va_take(1024, 512 * EXO_PAGE_BYTES);
    const uint32_t prot = read_write | EXO_PROT_BLOCK;
    check_equal(map_one((struct exo_map){va + EXO_PAGE_BYTES, slot, 0, 512, prot}), EXO_E_ALIGN);
    check_equal(map_one((struct exo_map){va, slot, 1, 512, prot}), EXO_E_ALIGN);
    check_equal(map_one((struct exo_map){va, slot, 0, 511, prot}), EXO_E_ALIGN);
}

static void
block_is_not_cut(void)
{
    uint32_t slot = rt_slot_take();
    check_equal(exo_frames_alloc(EXO_BOOT_CELL, slot, 512, EXO_ALLOC_BLOCK, 0).status, EXO_OK);
    uint64_t va = rt_va_take(512, 512 * EXO_PAGE_BYTES);
    const struct exo_map block = {va, slot, 0, 512, read_write | EXO_PROT_BLOCK};
    check_equal(rt_map(EXO_SELF, &block, 1), EXO_OK);
    check_equal(unmap_one(va, 1, 0), EXO_E_ALIGN);
    check_equal(unmap_one(va + EXO_PAGE_BYTES, 511, 0), EXO_E_ALIGN);
    check_equal(protect_one((struct exo_map){va, slot, 0, 3, EXO_PROT_READ}), EXO_E_ALIGN);
    check_equal(unmap_one(va, 512, EXO_PROT_BLOCK), EXO_OK);
}

static void
device_registers_are_data_only(void)
{
    struct exo_map entry = {rt_va_take(1, 0), EXO_BOOT_CONSOLE, 0, 1, EXO_PROT_READ};
    check_equal(map_one(entry), EXO_OK);
    check_equal(protect_one(entry), EXO_E_ARG);
    check_equal(unmap_one(entry.va, 1, 0), EXO_OK);
    entry.prot = read_exec;
    check_equal(map_one(entry), EXO_E_RIGHT); /* init's capability has no EXO_EXEC */
    entry.pages = 2;
    entry.prot = EXO_PROT_READ;
    check_equal(map_one(entry), EXO_E_RANGE);
}

static void
control_page_cannot_be_unmapped_or_protected(void)
{
    struct exo_map entry = good_entry(1);
    check_equal(unmap_one(EXO_BOOT_CONTROL_VA, 1, 0), EXO_E_STATE);
    entry.va = EXO_BOOT_CONTROL_VA;
    entry.prot = EXO_PROT_READ;
    check(protect_one(entry) != EXO_OK);
    check_equal(map_one(entry), EXO_E_OCCUPIED);
}

static void
protect_refuses_pages_that_are_not_mapped_so(void)
{
    struct exo_map entry = good_entry(4);
    check_equal(protect_one(entry), EXO_E_RANGE);
    check_equal(map_one(entry), EXO_OK);
    struct exo_map moved = {entry.va + EXO_PAGE_BYTES, entry.slot, 0, 1, EXO_PROT_READ};
    check_equal(protect_one(moved), EXO_E_RANGE); /* another frame is there */
    check_equal(unmap_one(entry.va + 2 * EXO_PAGE_BYTES, 1, 0), EXO_OK);
    struct exo_progress step = exo_protect(EXO_SELF, &entry, 1);
    check_equal(step.status, EXO_E_RANGE);
    check(step.done <= 2);
}

static void
map_refuses_bad_context_after_mapping(void)
{
    struct exo_map entry = good_entry(1);
    struct call call = {EXO_CALL_map, {EXO_SELF, exo_address(&entry), 1, 4}};
    check_equal(call_raw(&call), EXO_E_ALIGN);
    check_equal(map_one(entry), EXO_E_OCCUPIED); /* it was mapped */
    check_equal(unmap_one(entry.va, 1, 0), EXO_OK);
    call.x[3] = 8;
    check_equal(call_raw(&call), EXO_E_FAULT);
    check_equal(map_one(entry), EXO_E_OCCUPIED);
}

static void
cell_without_frames_gets_no_page_tables(void)
{
    uint32_t cell = new_cell(EXO_BOOT_CELL, 5), env = new_env(cell);
    uint32_t slot = new_frames(EXO_BOOT_CELL, 1);
    const struct exo_map entry = {0x50000000, 5, 0, 1, read_write};
    check_equal(exo_cap_copy(slot, env, 5, EXO_READ | EXO_WRITE, 0, 0), EXO_OK);
    check_equal(exo_map(env, &entry, 1, NULL).status, EXO_E_LIMIT);
}

static const struct test tests[] = {
    TEST(calls_refuse_bad_environment),
    TEST(calls_refuse_bad_entries_address_and_count),
    TEST(map_refuses_page_counts),
    TEST(map_refuses_protections_that_make_no_sense),
    TEST(map_refuses_writable_and_executable_together),
    TEST(frame_mapped_writable_cannot_be_mapped_executable),
    TEST(frame_executable_in_another_environment_cannot_be_written),
    TEST(map_refuses_misaligned_addresses),
    TEST(map_refuses_addresses_outside),
    TEST(map_refuses_frames_outside_the_capability),
    TEST(map_refuses_bad_capabilities),
    TEST(map_refuses_an_occupied_address_and_says_how_far_it_came),
    TEST(map_refuses_what_covers_a_block_and_the_other_way_round),
    TEST(block_refuses_what_is_not_aligned),
    TEST(block_is_not_cut),
    TEST(device_registers_are_data_only),
    TEST(control_page_cannot_be_unmapped_or_protected),
    TEST(protect_refuses_pages_that_are_not_mapped_so),
    TEST(map_refuses_bad_context_after_mapping),
    TEST(cell_without_frames_gets_no_page_tables),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}

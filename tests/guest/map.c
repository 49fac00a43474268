// config: smp=1,4 cpu=max,cortex-a72 timeout=120
/* map, unmap, protect: what they accept, and what they do to memory. map_refuse.c has the rest. */
#include "fixture.h"

static const uint32_t read_write = EXO_PROT_READ | EXO_PROT_WRITE;
static const uint32_t read_exec = EXO_PROT_READ | EXO_PROT_EXEC;

static void
mapped_memory_holds_what_is_written(void)
{
    struct rt_memory memory;
    check_equal(rt_memory_take(3, read_write, &memory), EXO_OK);
    uint64_t *words = memory.at;
    for (unsigned i = 0; i < 3 * 512; i++) {
        check(words[i] == 0);
        words[i] = i;
    }
    check_equal(words[1535], 1535);
    check(info_of(memory.slot).flags & EXO_CAP_MAPPED);
}

static void
two_mappings_show_the_same_frame(void)
{
    struct rt_memory memory;
    int64_t err;
    check_equal(rt_memory_take(2, read_write, &memory), EXO_OK);
    const volatile uint64_t *alias = rt_map_at_any(memory.slot, 1, 1, EXO_PROT_READ, &err);
    if (check_equal(err, EXO_OK)) {
        ((uint64_t *)memory.at)[512] = 99;
        check_equal(alias[0], 99);
    }
}

static void
read_only_mapping_refuses_writes(void)
{
    struct rt_memory memory;
    check_equal(rt_memory_take(1, EXO_PROT_READ, &memory), EXO_OK);
    catch_faults();
    (void)try_read(exo_address(memory.at));
    check_equal(caught.count, 0);
    try_write(exo_address(memory.at) + 8, 1);
    check_equal(caught.count, 1);
    check_equal(caught.upcall.a, exo_address(memory.at) + 8);
    check_equal(caught.upcall.c, EXO_ACCESS_WRITE);
}

static void
data_mapping_refuses_execution(void)
{
    struct rt_memory memory;
    check_equal(rt_memory_take(1, read_write, &memory), EXO_OK);
    catch_faults();
    try_call(exo_address(memory.at));
    check_equal(caught.count, 1);
    check_equal(caught.upcall.a, exo_address(memory.at));
    check_equal(caught.upcall.c, EXO_ACCESS_EXEC);
}

/* bti c; mov w0, #imm; ret */
static void
write_code(uint32_t *at, uint32_t value)
{
    at[0] = 0xd503245f;
    at[1] = 0x52800000 | value << 5;
    at[2] = 0xd65f03c0;
}

static uint64_t
run_code(uint64_t va)
{
    uint64_t (*function)(void) = (uint64_t (*)(void))(uintptr_t)va;
    return function();
}

/* The kernel makes instruction fetches see what was written: no cache maintenance here. */
static void
written_code_runs_once_mapped_executable(void)
{
    struct rt_memory memory;
    check_equal(rt_memory_take(1, read_write, &memory), EXO_OK);
    uint64_t va = exo_address(memory.at);
    for (uint32_t i = 0; i < test_rounds(50, 2000); i++) {
        write_code(memory.at, i);
        check_equal(rt_protect_pages(va, memory.slot, 0, 1, read_exec), EXO_OK);
        check_equal(run_code(va), i);
        check_equal(rt_protect_pages(va, memory.slot, 0, 1, read_write), EXO_OK);
    }
}

static void
executable_mapping_refuses_writes(void)
{
    struct rt_memory memory;
    check_equal(rt_memory_take(1, read_exec, &memory), EXO_OK);
    catch_faults();
    try_write(exo_address(memory.at), 0);
    check_equal(caught.count, 1);
    check_equal(caught.upcall.c, EXO_ACCESS_WRITE);
}

static void
unmapped_page_faults_and_frame_keeps_its_content(void)
{
    struct rt_memory memory;
    check_equal(rt_memory_take(2, read_write, &memory), EXO_OK);
    uint64_t va = exo_address(memory.at);
    ((uint64_t *)memory.at)[0] = 7;
    check_equal(rt_unmap_pages(va, 1), EXO_OK);
    catch_faults();
    (void)try_read(va);
    check_equal(caught.count, 1);
    check_equal(caught.upcall.c, EXO_ACCESS_READ);
    (void)try_read(va + EXO_PAGE_BYTES);
    check_equal(caught.count, 1);
    check_equal(rt_map_pages(va, memory.slot, 0, 1, EXO_PROT_READ), EXO_OK);
    check_equal(try_read(va), 7);
}

static void
unmap_skips_holes(void)
{
    struct rt_memory memory;
    check_equal(rt_memory_take(1, read_write, &memory), EXO_OK);
    uint64_t va = exo_address(memory.at);
    const struct exo_map entry = {.va = va - 4 * EXO_PAGE_BYTES, .pages = 9};
    struct exo_progress step = exo_unmap(EXO_SELF, &entry, 1);
    check_equal(step.status, EXO_OK);
    check_equal(step.done, 9);
    step = exo_unmap(EXO_SELF, &entry, 1);
    check_equal(step.status, EXO_OK);
    catch_faults();
    (void)try_read(va);
    check_equal(caught.count, 1);
}

static void
protect_takes_writing_away_and_gives_it_back(void)
{
    struct rt_memory memory;
    check_equal(rt_memory_take(3, read_write, &memory), EXO_OK);
    uint64_t va = exo_address(memory.at);
    check_equal(rt_protect_pages(va + EXO_PAGE_BYTES, memory.slot, 1, 1, EXO_PROT_READ), EXO_OK);
    catch_faults();
    try_write(va, 1);
    try_write(va + 2 * EXO_PAGE_BYTES, 1);
    check_equal(caught.count, 0);
    try_write(va + EXO_PAGE_BYTES, 1);
    check_equal(caught.count, 1);
    check_equal(rt_protect_pages(va + EXO_PAGE_BYTES, memory.slot, 1, 1, read_write), EXO_OK);
    try_write(va + EXO_PAGE_BYTES, 1);
    check_equal(caught.count, 1);
}

static void
block_maps_two_mebibytes(void)
{
    uint32_t slot = rt_slot_take();
    int64_t err = exo_frames_alloc(EXO_BOOT_CELL, slot, 1024, EXO_ALLOC_BLOCK, 0).status;
    check_equal(err, EXO_OK);
    uint32_t before = account_of(EXO_BOOT_CELL).own[EXO_RES_FRAMES];
    volatile uint64_t *words = rt_map_at_any(slot, 0, 1024, read_write | EXO_PROT_BLOCK, &err);
    if (!check_equal(err, EXO_OK))
        return;
    check(account_of(EXO_BOOT_CELL).own[EXO_RES_FRAMES] <= before + 1); /* no table of pages */
    words[0] = 1;
    words[1024 * 512 - 1] = 2;
    check_equal(words[1024 * 512 - 1], 2);
    const struct exo_map entry = {(uintptr_t)words, slot, 0, 512, EXO_PROT_READ | EXO_PROT_BLOCK};
    check_equal(rt_protect(EXO_SELF, &entry, 1), EXO_OK);
    catch_faults();
    try_write((uintptr_t)words, 1);
    check_equal(caught.count, 1);
    try_write((uintptr_t)&words[512 * 512], 1);
    check_equal(caught.count, 1);
}

static void
block_takes_the_place_of_an_emptied_table(void)
{
    uint32_t slot = rt_slot_take();
    check_equal(exo_frames_alloc(EXO_BOOT_CELL, slot, 512, EXO_ALLOC_BLOCK, 0).status, EXO_OK);
    uint64_t va = rt_va_take(512, 512 * EXO_PAGE_BYTES);
    check_equal(rt_map_pages(va, slot, 0, 512, read_write), EXO_OK);
    *(volatile uint64_t *)(uintptr_t)(va + 8) = 5;
    check_equal(rt_unmap_pages(va, 512), EXO_OK);
    check_equal(rt_map_pages(va, slot, 0, 512, read_write | EXO_PROT_BLOCK), EXO_OK);
    check_equal(try_read(va + 8), 5);
}

static struct rt_memory fault_memory;

/* A pager's whole work: two traps for a page fault. */
static void
map_and_resume(const struct rt_upcall *upcall, struct exo_context *context)
{
    const struct exo_map entry = {upcall->a & ~4095ull, fault_memory.slot, 0, 1, read_write};
    caught.count++;
    (void)exo_map(EXO_SELF, &entry, 1, context);
    (void)test_check(false, "map with a context does not return", __FILE__, __LINE__);
}

static void
fault_handler_maps_and_resumes_in_one_call(void)
{
    check_equal(rt_memory_take(1, read_write, &fault_memory), EXO_OK);
    uint64_t va = exo_address(fault_memory.at);
    try_write(va, 77);
    check_equal(rt_unmap_pages(va, 1), EXO_OK);
    caught.count = 0;
    (void)rt_on(EXO_UPCALL_FAULT, map_and_resume);
    check_equal(try_read(va), 77);
    check_equal(caught.count, 1);
    check_equal(rt_control()->inside, 0);
}

static void
dropped_capability_takes_its_mappings_along(void)
{
    struct rt_memory memory;
    int64_t err;
    check_equal(rt_memory_take(1, read_write, &memory), EXO_OK);
    uint32_t copy = copy_of(memory.slot, EXO_READ);
    const void *at = rt_map_at_any(copy, 0, 1, EXO_PROT_READ, &err);
    check_equal(err, EXO_OK);
    check_equal(rt_drop(copy), EXO_OK);
    catch_faults();
    (void)try_read(exo_address(at));
    check_equal(caught.count, 1);
}

static void
frames_are_mapped_into_another_environment(void)
{
    uint32_t env = new_env(EXO_BOOT_CELL), slot = new_frames(EXO_BOOT_CELL, 1);
    const struct exo_map entry = {0x50000000, 5, 0, 1, read_write};
    uint64_t word = 1234, back = 0;
    check_equal(exo_map(env, &entry, 1, NULL).status, EXO_E_SLOT); /* looked up in *its* table */
    check_equal(exo_cap_copy(slot, env, 5, EXO_READ | EXO_WRITE, 0, 0), EXO_OK);
    check_equal(exo_map(env, &entry, 1, NULL).status, EXO_OK);
    check_equal(exo_env_write(env, 0x50000010, &word, 8).status, EXO_OK);
    check_equal(exo_env_read(env, 0x50000010, &back, 8).status, EXO_OK);
    check_equal(back, 1234);
    int64_t err;
    const uint64_t *here = rt_map_at_any(slot, 0, 1, EXO_PROT_READ, &err);
    check_equal(err, EXO_OK);
    check_equal(here[2], 1234);
}

static void
batch_maps_entry_after_entry(void)
{
    enum { COUNT = EXO_MAP_ENTRIES_MAX };
    struct exo_map entries[COUNT];
    uint32_t slot = new_frames(EXO_BOOT_CELL, COUNT);
    uint64_t va = rt_va_take(2 * COUNT, 0);
    for (uint32_t i = 0; i < COUNT; i++) {
        entries[i] =
            (struct exo_map){va + 2ull * i * EXO_PAGE_BYTES, slot, COUNT - 1 - i, 1, read_write};
    }
    check_equal(rt_map(EXO_SELF, entries, COUNT), EXO_OK);
    for (uint64_t i = 0; i < COUNT; i++)
        try_write(va + 2 * i * EXO_PAGE_BYTES, i);
    int64_t err;
    const uint64_t *run = rt_map_at_any(slot, 0, COUNT, EXO_PROT_READ, &err);
    check_equal(err, EXO_OK);
    for (unsigned i = 0; i < COUNT; i++)
        check_equal(run[i * 512], COUNT - 1 - i);
}

static const struct test tests[] = {
    TEST(mapped_memory_holds_what_is_written),
    TEST(two_mappings_show_the_same_frame),
    TEST(read_only_mapping_refuses_writes),
    TEST(data_mapping_refuses_execution),
    TEST(written_code_runs_once_mapped_executable),
    TEST(executable_mapping_refuses_writes),
    TEST(unmapped_page_faults_and_frame_keeps_its_content),
    TEST(unmap_skips_holes),
    TEST(protect_takes_writing_away_and_gives_it_back),
    TEST(block_maps_two_mebibytes),
    TEST(block_takes_the_place_of_an_emptied_table),
    TEST(fault_handler_maps_and_resumes_in_one_call),
    TEST(dropped_capability_takes_its_mappings_along),
    TEST(frames_are_mapped_into_another_environment),
    TEST(batch_maps_entry_after_entry),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}

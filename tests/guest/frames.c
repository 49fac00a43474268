// config: smp=1,4 cpu=max,cortex-a72 timeout=120
/* Runs of frames: taking, splitting, giving back; who pays; what one cell leaves to the next. */
#include "fixture.h"
#include "refuse.h"

static const uint32_t read_write = EXO_PROT_READ | EXO_PROT_WRITE;

static void
contiguous_run_has_the_frames_asked_for(void)
{
    uint32_t slot = rt_slot_take();
    struct exo_frames frames = exo_frames_alloc(EXO_BOOT_CELL, slot, 7, EXO_ALLOC_CONTIGUOUS, 0);
    check_equal(frames.status, EXO_OK);
    check_equal(frames.count, 7);
    struct exo_cap_info info = info_of(slot);
    check_equal(info.type, EXO_TYPE_FRAMES);
    check_equal(info.rights, EXO_RIGHTS_ALL);
    check_equal(info.base_or_badge, frames.pfn);
    check_equal(info.count, 7);
    check_equal(info.flags, EXO_CAP_ROOT);
}

static void
any_run_has_at_most_the_frames_asked_for(void)
{
    uint32_t slot = rt_slot_take();
    struct exo_frames frames = exo_frames_alloc(EXO_BOOT_CELL, slot, 4096, EXO_ALLOC_ANY, 0);
    check_equal(frames.status, EXO_OK);
    check(frames.count >= 1 && frames.count <= 4096);
    check_equal(info_of(slot).count, frames.count);
}

static void
block_run_begins_on_two_mebibytes(void)
{
    uint32_t slot = rt_slot_take();
    struct exo_frames frames = exo_frames_alloc(EXO_BOOT_CELL, slot, 513, EXO_ALLOC_BLOCK, 0);
    check_equal(frames.status, EXO_OK);
    check_equal(frames.count, 513);
    check_equal(frames.pfn % EXO_BLOCK_PAGES, 0);
}

static void
run_at_a_place_can_be_taken_again(void)
{
    uint32_t slot = rt_slot_take();
    struct exo_frames first = exo_frames_alloc(EXO_BOOT_CELL, slot, 16, EXO_ALLOC_CONTIGUOUS, 0);
    check_equal(rt_drop(slot), EXO_OK);
    check_equal(rt_reap(EXO_BOOT_CELL), EXO_OK);
    struct exo_frames again = exo_frames_alloc(EXO_BOOT_CELL, slot, 5, EXO_ALLOC_AT, first.pfn + 3);
    check_equal(again.status, EXO_OK);
    check_equal(again.pfn, first.pfn + 3);
    check_equal(again.count, 5);
}

static void
frames_in_use_cannot_be_taken_at_their_place(void)
{
    uint32_t slot = rt_slot_take(), second = rt_slot_take();
    struct exo_frames first = exo_frames_alloc(EXO_BOOT_CELL, slot, 4, EXO_ALLOC_CONTIGUOUS, 0);
    check_equal(first.status, EXO_OK);
    for (uint64_t at = first.pfn - 1; at < first.pfn + 4; at++) {
        check_equal(exo_frames_alloc(EXO_BOOT_CELL, second, 2, EXO_ALLOC_AT, at).status,
                    EXO_E_MEMORY);
    }
}

static void
frames_that_are_no_memory_cannot_be_taken(void)
{
    static const uint64_t places[] = {0, 0x9000000 / EXO_PAGE_BYTES, 1ull << 36, UINT64_MAX,
                                      UINT64_MAX - 1};
    uint32_t slot = rt_slot_take();
    for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        check_equal(exo_frames_alloc(EXO_BOOT_CELL, slot, 2, EXO_ALLOC_AT, places[i]).status,
                    EXO_E_MEMORY);
    }
}

static void
frames_alloc_refuses_count_and_flags(void)
{
    uint32_t slot = rt_slot_take();
    struct call call = {EXO_CALL_frames_alloc, {EXO_BOOT_CELL, slot, 0, EXO_ALLOC_ANY}};
    check_equal(call_raw(&call), EXO_E_ARG);
    call.x[2] = EXO_ALLOC_MAX + 1;
    check_equal(call_raw(&call), EXO_E_ARG);
    call.x[2] = 1ull << 32;
    check_equal(call_raw(&call), EXO_E_ARG);
    call.x[2] = 1;
    call.x[3] = EXO_ALLOC_AT + 1;
    check_equal(call_raw(&call), EXO_E_ARG);
}

static void
frames_alloc_refuses_bad_slots(void)
{
    uint32_t slot = rt_slot_take();
    struct call call = {EXO_CALL_frames_alloc, {EXO_BOOT_CELL, slot, 1, EXO_ALLOC_ANY}};
    refuses_bad_capability(call, 0, EXO_WRITE);
    refuses_bad_destination(call, 1);
}

static void
cell_pays_for_its_frames_and_gets_them_back(void)
{
    uint32_t cell = new_cell(EXO_BOOT_CELL, 64), slot = rt_slot_take();
    uint32_t before = account_of(cell).own[EXO_RES_FRAMES];
    check_equal(exo_frames_alloc(cell, slot, 20, EXO_ALLOC_CONTIGUOUS, 0).status, EXO_OK);
    uint32_t during = account_of(cell).own[EXO_RES_FRAMES];
    check(during == before + 20 || during == before + 21); /* one for the object */
    check_equal(rt_drop(slot), EXO_OK);
    check_equal(rt_reap(cell), EXO_OK);
    check_equal(account_of(cell).own[EXO_RES_FRAMES], before);
}

static void
frames_beyond_the_limit_of_the_cell_are_refused(void)
{
    uint32_t cell = new_cell(EXO_BOOT_CELL, 16), slot = rt_slot_take();
    check_equal(exo_frames_alloc(cell, slot, 17, EXO_ALLOC_CONTIGUOUS, 0).status, EXO_E_LIMIT);
    check_equal(exo_frames_alloc(cell, slot, 17, EXO_ALLOC_ANY, 0).status, EXO_E_LIMIT);
    check_equal(account_of(cell).own[EXO_RES_FRAMES], 0);
    check_equal(exo_frames_alloc(cell, slot, 15, EXO_ALLOC_CONTIGUOUS, 0).status, EXO_OK);
}

/* --- Splitting -------------------------------------------------------------------------------- */

static void
split_run_ends_in_two_halves(void)
{
    struct rt_memory memory;
    uint32_t second = rt_slot_take();
    check_equal(rt_memory_take(8, read_write, &memory), EXO_OK);
    volatile uint64_t *word = memory.at;
    word[0] = 1;
    word[7 * 512] = 2;
    check_equal(exo_frames_split(memory.slot, 3, second), EXO_OK);
    check_equal(info_of(memory.slot).count, 3);
    check_equal(info_of(second).count, 5);
    check_equal(info_of(second).base_or_badge, memory.pfn + 3);
    check(info_of(second).object != info_of(memory.slot).object);
    check_equal(word[0], 1); /* the mappings stayed */
    check_equal(word[7 * 512], 2);
    check_equal(rt_drop(memory.slot), EXO_OK);
    check_equal(word[7 * 512], 2);
    catch_faults();
    (void)try_read(exo_address(memory.at));
    check_equal(caught.count, 1);
}

static void
second_half_of_a_split_run_unmaps_when_dropped(void)
{
    struct rt_memory memory;
    uint32_t second = rt_slot_take();
    check_equal(rt_memory_take(8, read_write, &memory), EXO_OK);
    check_equal(exo_frames_split(memory.slot, 3, second), EXO_OK);
    check_equal(rt_drop(second), EXO_OK);
    catch_faults();
    (void)try_read(exo_address(memory.at) + 2 * EXO_PAGE_BYTES);
    check_equal(caught.count, 0);
    (void)try_read(exo_address(memory.at) + 3 * EXO_PAGE_BYTES);
    check_equal(caught.count, 1);
}

static void
split_refuses_places_outside(void)
{
    uint32_t slot = new_frames(EXO_BOOT_CELL, 4), second = rt_slot_take();
    check_equal(exo_frames_split(slot, 0, second), EXO_E_RANGE);
    check_equal(exo_frames_split(slot, 4, second), EXO_E_RANGE);
    check_equal(exo_frames_split(slot, UINT32_MAX, second), EXO_E_RANGE);
    check_equal(exo_svc3(EXO_CALL_frames_split, slot, 1ull << 32, second), EXO_E_ARG);
}

static void
split_refuses_bad_slots(void)
{
    uint32_t slot = new_frames(EXO_BOOT_CELL, 4);
    struct call call = {EXO_CALL_frames_split, {slot, 2, rt_slot_take()}};
    refuses_missing_destination(call, 2);
    call.x[2] = slot;
    check_equal(call_raw(&call), EXO_E_OCCUPIED);
    call.x[2] = EXO_BOOT_MACHINE;
    check_equal(call_raw(&call), EXO_E_OCCUPIED);
    call.x[2] = rt_slot_take();
    refuses_bad_capability(call, 0, EXO_CONTROL);
}

static void
only_a_root_without_children_is_split(void)
{
    uint32_t slot = new_frames(EXO_BOOT_CELL, 4), second = rt_slot_take();
    uint32_t copy = copy_of(slot, EXO_RIGHTS_ALL);
    check_equal(exo_frames_split(slot, 2, second), EXO_E_STATE);
    check_equal(exo_frames_split(copy, 2, second), EXO_E_STATE);
    check_equal(rt_drop(copy), EXO_OK);
    check_equal(exo_frames_split(slot, 2, second), EXO_OK);
}

static void
device_registers_and_the_boot_image_are_not_split(void)
{
    uint32_t second = rt_slot_take();
    check(info_of(EXO_BOOT_CONSOLE).flags & EXO_CAP_DEVICE);
    check_equal(exo_frames_split(EXO_BOOT_CONSOLE, 1, second), EXO_E_RIGHT);
    check_equal(exo_frames_split(EXO_BOOT_IMAGE, 1, second), EXO_E_RIGHT);
}

/* --- From one cell to the next ------------------------------------------------------------------
 */

static int
write_secret(uint64_t pages)
{
    struct rt_memory memory;
    child_expects(rt_memory_take((uint32_t)pages, read_write, &memory) == EXO_OK);
    memset(memory.at, 0x5e, pages * EXO_PAGE_BYTES);
    *(uint64_t *)rt_shared() = memory.pfn;
    return 0;
}

static void
frames_of_an_ended_cell_are_zero_for_the_next(void)
{
    const uint32_t pages = 100;
    struct rt_child child;
    struct rt_spawn spawn = {.entry = write_secret, .argument = pages, .limit = {512}};
    if (!start_child(&spawn, &child))
        return;
    check_equal(rt_child_wait(&child, test_patience()), RT_CHILD_EXITED);
    uint64_t pfn = *(uint64_t *)rt_shared_of(&child);
    check(child_succeeds(&child));
    uint32_t slot = rt_slot_take();
    int64_t err = exo_frames_alloc(EXO_BOOT_CELL, slot, pages, EXO_ALLOC_AT, pfn).status;
    check_equal(err, EXO_OK);
    const uint64_t *words = rt_map_at_any(slot, 0, pages, EXO_PROT_READ, &err);
    uint64_t all = 0;
    for (unsigned i = 0; words != NULL && i < pages * 512; i++)
        all |= words[i];
    check_equal(err, EXO_OK);
    check_equal(all, 0);
}

/* Taking and giving back in many sizes leaves the pool as it was (the harness compares). */
static void
pool_survives_random_sizes(void)
{
    uint32_t slots[16];
    for (unsigned i = 0; i < 16; i++)
        slots[i] = rt_slot_take();
    for (unsigned round = 0; round < test_rounds(200, 20000); round++) {
        uint32_t slot = slots[test_random() % 16];
        uint32_t count = (uint32_t)(test_random() % 600 + 1);
        enum exo_alloc how = (enum exo_alloc)(test_random() % 3);
        int64_t err = exo_frames_alloc(EXO_BOOT_CELL, slot, count, how, 0).status;
        if (err == EXO_E_OCCUPIED)
            check_equal(rt_drop(slot), EXO_OK);
        else if (err != EXO_E_MEMORY)
            check_equal(err, EXO_OK);
    }
}

static const struct test tests[] = {
    TEST(contiguous_run_has_the_frames_asked_for),
    TEST(any_run_has_at_most_the_frames_asked_for),
    TEST(block_run_begins_on_two_mebibytes),
    TEST(run_at_a_place_can_be_taken_again),
    TEST(frames_in_use_cannot_be_taken_at_their_place),
    TEST(frames_that_are_no_memory_cannot_be_taken),
    TEST(frames_alloc_refuses_count_and_flags),
    TEST(frames_alloc_refuses_bad_slots),
    TEST(cell_pays_for_its_frames_and_gets_them_back),
    TEST(frames_beyond_the_limit_of_the_cell_are_refused),
    TEST(split_run_ends_in_two_halves),
    TEST(second_half_of_a_split_run_unmaps_when_dropped),
    TEST(split_refuses_places_outside),
    TEST(split_refuses_bad_slots),
    TEST(only_a_root_without_children_is_split),
    TEST(device_registers_and_the_boot_image_are_not_split),
    TEST(frames_of_an_ended_cell_are_zero_for_the_next),
    TEST(pool_survives_random_sizes),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}

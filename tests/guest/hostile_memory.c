// config: smp=1,4 cpu=max,cortex-a72
/* Programs that reach for memory that is not theirs, or use theirs as they must
 * not. */
#include "fixture.h"

#define SECRET 0x5ec4e75ec4e75ec4ull

/* --- Frames of others ----------------------------------------------------------------------- */

/*
 * Asks for every frame of the machine, of device space, and beyond, one at a
 * time; argument: a frame of the parent. What it gets is free memory: zero, and
 * not the parent's.
 */
static int
ask_for_every_frame(uint64_t parents_pfn)
{
    const uint64_t first = 0x40000, last = first + (256ull << 20) / EXO_PAGE_BYTES;
    const uint64_t step = test_rounds(7, 1);
    uint32_t slot = rt_slot_take();
    uint64_t va = rt_va_take(1, 0), got = 0;
    for (uint64_t pfn = first; pfn < last; pfn += step) {
        struct exo_frames frames = exo_frames_alloc(EXO_BOOT_CELL, slot, 1, EXO_ALLOC_AT, pfn);
        if (frames.status == EXO_OK) {
            child_expects(frames.pfn == pfn && frames.count == 1 && pfn != parents_pfn);
            child_expects(pfn % 64 != 0 || rt_map_pages(va, slot, 0, 1, EXO_PROT_READ) == EXO_OK);
            child_expects(pfn % 64 != 0 || pages_are_zero((void *)(uintptr_t)va, 1));
            child_expects(rt_drop(slot) == EXO_OK);
            (void)rt_reap(EXO_BOOT_CELL);
            got++;
        }
    }
    child_expects(got > 0 && got <= rt_machine.frames_free);
    const uint64_t nowhere[] = {0,
                                1,
                                0x8000,
                                0x9000,
                                0x9010,
                                0xa000,
                                first - 1,
                                last,
                                1u << 20,
                                1ull << 32,
                                (1ull << 32) + first,
                                1ull << 36,
                                1ull << 52,
                                1ull << 63,
                                UINT64_MAX};
    for (unsigned i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++) {
        child_expects(exo_frames_alloc(EXO_BOOT_CELL, slot, 1, EXO_ALLOC_AT, nowhere[i]).status <
                      0);
        child_expects(
            exo_frames_alloc(EXO_BOOT_CELL, slot, EXO_ALLOC_MAX, EXO_ALLOC_AT, nowhere[i]).status <
            0);
    }
    return 0;
}

static void
only_free_frames_are_given(void)
{
    struct rt_memory mine;
    check_equal(rt_memory_take(1, EXO_PROT_READ | EXO_PROT_WRITE, &mine), EXO_OK);
    *(uint64_t *)mine.at = SECRET;
    run_child(ask_for_every_frame, mine.pfn);
    check_equal(*(uint64_t *)mine.at, SECRET);
}

static void
frames_in_use_are_not_given(void)
{
    uint32_t slots[] = {EXO_BOOT_IMAGE, EXO_BOOT_DATA, new_frames(EXO_BOOT_CELL, 4)};
    uint32_t slot = rt_slot_take();
    for (unsigned i = 0; i < sizeof(slots) / sizeof(slots[0]); i++) {
        struct exo_cap_info info = info_of(slots[i]);
        for (uint32_t n = 0; n < info.count; n++) {
            struct exo_frames frames =
                exo_frames_alloc(EXO_BOOT_CELL, slot, 1, EXO_ALLOC_AT, info.base_or_badge + n);
            if (!check(frames.status < 0))
                return;
        }
    }
}

static int
map_a_device(uint64_t unused)
{
    (void)unused;
    for (uint32_t slot = 0; slot < EXO_CAPS_PER_PAGE; slot++) {
        const struct exo_map entry = {rt_va_take(1, 0), slot, 0, 1, EXO_PROT_READ | EXO_PROT_WRITE};
        int64_t status = exo_map(EXO_SELF, &entry, 1, NULL).status;
        child_expects((status == EXO_OK) == (slot == EXO_BOOT_DATA));
    }
    return 0;
}

static void
device_memory_needs_its_capability(void)
{
    run_child(map_a_device, 0);
}

static void
device_capabilities_stay_what_they_are(void)
{
    struct exo_cap_info info = info_of(EXO_BOOT_RTC);
    uint32_t copy = rt_slot_take();
    uint64_t va = rt_va_take(1, 0);
    check(info.flags & EXO_CAP_DEVICE);
    check_equal(info.count, 1);
    check_equal(exo_cap_copy(EXO_BOOT_RTC, EXO_SELF, copy, EXO_READ | EXO_EXEC, 0, 0), EXO_E_RIGHT);
    check_equal(exo_cap_copy(EXO_BOOT_RTC, EXO_SELF, copy, EXO_READ, info.base_or_badge, 2),
                EXO_E_RANGE);
    check(exo_frames_split(EXO_BOOT_RTC, 1, copy) < 0);
    check(rt_map_pages(va, EXO_BOOT_RTC, 0, 1, EXO_PROT_READ | EXO_PROT_EXEC) < 0);
    check_equal(rt_map_pages(va, EXO_BOOT_RTC, 1, 1, EXO_PROT_READ), EXO_E_RANGE);
    check_equal(rt_map_pages(va, EXO_BOOT_RTC, 0, 1, EXO_PROT_READ), EXO_OK);
    catch_faults();
    try_write(va, 0);
    try_call(va);
    check_equal(caught.count, 2);
    check_equal(rt_unmap_pages(va, 1), EXO_OK);
}

/* --- Writable or executable ----------------------------------------------------------------- */

static void
aliases_of_two_environments_are_never_writable_and_executable(void)
{
    const uint32_t prots[] = {EXO_PROT_READ | EXO_PROT_WRITE, EXO_PROT_READ | EXO_PROT_EXEC};
    uint32_t frames = new_frames(EXO_BOOT_CELL, 1), env = new_env(EXO_BOOT_CELL);
    uint64_t va = rt_va_take(1, 0), theirs = EXO_VA_START;
    check_equal(exo_cap_copy(frames, env, 5, EXO_RIGHTS_ALL, 0, 0), EXO_OK);
    for (int i = 0; i < 2; i++) {
        const struct exo_map entry = {theirs, 5, 0, 1, prots[1 - i]};
        const struct exo_map read = {theirs, 5, 0, 1, EXO_PROT_READ};
        check_equal(rt_map_pages(va, frames, 0, 1, prots[i]), EXO_OK);
        check_equal(rt_map(env, &entry, 1), EXO_E_WX);
        check_equal(rt_map(env, &read, 1), EXO_OK);
        check_equal(rt_protect(env, &entry, 1), EXO_E_WX);
        (void)rt_unmap(env, &read, 1);
        check_equal(rt_unmap_pages(va, 1), EXO_OK);
        check_equal(rt_map(env, &entry, 1), EXO_OK);
        check_equal(rt_map_pages(va, frames, 0, 1, prots[i]), EXO_E_WX);
        check_equal(rt_unmap(env, &read, 1), EXO_OK);
    }
}

static struct {
    uint32_t frames;
    uint64_t va[2];
    _Atomic uint32_t now[2]; /* 1: mapped in the way of this side */
    _Atomic uint32_t both, stop;
    unsigned mapped[2];
} race;

/* Side 0 maps writable, side 1 executable. Both at a time would be a hole. */
static void
map_my_way(uint32_t side)
{
    uint32_t prot = EXO_PROT_READ | (side == 0 ? EXO_PROT_WRITE : EXO_PROT_EXEC);
    if (rt_map_pages(race.va[side], race.frames, 0, 1, prot) == EXO_OK) {
        atomic_store(&race.now[side], 1);
        if (atomic_load(&race.now[1 - side]))
            atomic_store(&race.both, 1);
        race.mapped[side]++;
        atomic_store(&race.now[side], 0);
        (void)rt_unmap_pages(race.va[side], 1);
    }
}

static void
map_executable_meanwhile(void *unused)
{
    (void)unused;
    while (!atomic_load(&race.stop))
        map_my_way(1);
}

static void
two_cpus_never_make_a_frame_writable_and_executable(void)
{
    struct rt_thread thread;
    memset(&race, 0, sizeof(race));
    race.frames = new_frames(EXO_BOOT_CELL, 1);
    race.va[0] = rt_va_take(1, 0);
    race.va[1] = rt_va_take(1, 0);
    check_equal(rt_vcpu_start(other_cpu(), map_executable_meanwhile, NULL, &thread), EXO_OK);
    uint64_t patience = test_patience();
    for (unsigned i = 0;
         i < test_rounds(20000, 500000) || (race.mapped[0] == 0 && rt_ticks() < patience); i++)
        map_my_way(0);
    atomic_store(&race.stop, 1);
    check(rt_vcpu_wait(&thread, test_patience()));
    check_equal(race.both, 0);
    check(race.mapped[0] > 0);
    rt_vcpu_end(&thread);
}

static const struct test tests[] = {
    TEST(only_free_frames_are_given),
    TEST(frames_in_use_are_not_given),
    TEST(device_memory_needs_its_capability),
    TEST(device_capabilities_stay_what_they_are),
    TEST(aliases_of_two_environments_are_never_writable_and_executable),
    TEST(two_cpus_never_make_a_frame_writable_and_executable),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}

// config: smp=1,4 cpu=max,cortex-a72
/* Holders that resist a revocation: on another CPU, in the middle of calls,
 * with all that they may. */
#include "fixture.h"

#define HOLDERS 3u
#define PAGES   64u
#define STEPS   200000u /* calls that a revocation may take, whatever the holder does */

static const uint32_t read_write = EXO_PROT_READ | EXO_PROT_WRITE;

static struct rt_spawn
holder(int (*entry)(uint64_t argument), uint32_t frames, uint32_t cpu)
{
    return (struct rt_spawn){
        .entry = entry,
        .cpu = cpu,
        .grant = {
            {.src = frames, .dst = RT_SLOT_GRANT, .rights = EXO_READ | EXO_WRITE | EXO_COPY}}};
}

/* --- Resistance ----------------------------------------------------------------------------- */

/* Each of these loops ends when its capability is gone. */
static int
copies(uint64_t unused)
{
    uint32_t slots[8], next = 0;
    (void)unused;
    for (int i = 0; i < 8; i++)
        slots[i] = rt_slot_take();
    atomic_store((_Atomic uint32_t *)rt_shared(), 1);
    for (;;) {
        int64_t status =
            exo_cap_copy(RT_SLOT_GRANT, EXO_SELF, slots[next], EXO_READ | EXO_COPY, 0, 0);
        if (status == EXO_E_SLOT || status == EXO_E_GONE)
            return 0;
        (void)exo_cap_copy(slots[next], EXO_SELF, slots[(next + 1) % 8], EXO_READ | EXO_COPY, 0, 0);
        (void)exo_cap_move(slots[next], EXO_SELF, slots[(next + 2) % 8]);
        next = (next + 1) % 8;
    }
}

static int
revokes(uint64_t unused)
{
    uint32_t slot = rt_slot_take();
    (void)unused;
    atomic_store((_Atomic uint32_t *)rt_shared(), 1);
    for (;;) {
        int64_t status = exo_cap_copy(RT_SLOT_GRANT, EXO_SELF, slot, EXO_READ, 0, 0);
        if (status == EXO_E_SLOT || status == EXO_E_GONE)
            return 0;
        (void)exo_cap_revoke(RT_SLOT_GRANT);
        (void)exo_cap_drop(slot);
    }
}

static int
maps(uint64_t unused)
{
    const struct exo_map entry = {rt_va_take(PAGES, 0), RT_SLOT_GRANT, 0, PAGES, read_write};
    (void)unused;
    atomic_store((_Atomic uint32_t *)rt_shared(), 1);
    for (;;) {
        int64_t status = exo_map(EXO_SELF, &entry, 1, NULL).status;
        if (status == EXO_E_SLOT || status == EXO_E_GONE)
            return 0;
        (void)exo_protect(EXO_SELF, &entry, 1);
        (void)exo_unmap(EXO_SELF, &entry, 1);
    }
}

/* Revokes, one step a call; whether it came to an end in time. */
static bool
revoke_in_steps(uint32_t slot)
{
    int64_t status = EXO_E_AGAIN;
    for (uint32_t i = 0; i < STEPS && status == EXO_E_AGAIN; i++) {
        status = exo_cap_revoke(slot);
        if (i % 1000 == 999)
            rt_sleep_until(rt_deadline_ns(RT_MS_NS)); /* the holder may have to leave a call */
    }
    return check_equal(status, EXO_OK);
}

static void
resist(int (*entry)(uint64_t argument))
{
    struct rt_child child;
    uint32_t frames = new_frames(EXO_BOOT_CELL, PAGES);
    const struct rt_spawn spawn = holder(entry, frames, other_cpu());
    if (start_child(&spawn, &child)) {
        check(rt_wait_word(rt_shared_of(&child), 1, test_patience()));
        rt_sleep_until(rt_deadline_ns(2 * RT_MS_NS));
        check(revoke_in_steps(frames));
        check_equal(info_of(frames).flags, EXO_CAP_ROOT); /* no children */
        child_succeeds(&child);
    }
}

static void
holder_that_copies_does_not_hold_up_a_revocation(void)
{
    resist(copies);
}

static void
holder_that_revokes_does_not_hold_up_a_revocation(void)
{
    resist(revokes);
}

static void
holder_that_maps_does_not_hold_up_a_revocation(void)
{
    resist(maps);
}

/* --- Mappings that are in use --------------------------------------------------------------- */

static void
exit_as_expected(const struct rt_upcall *upcall, struct exo_context *context)
{
    (void)upcall;
    (void)context;
    rt_exit(0);
}

/* Writes to the frame until it faults, which is how it is to end. */
static int
write_for_ever(uint64_t pages)
{
    uint64_t va = rt_va_take(pages, 0);
    child_expects(rt_map_pages(va, RT_SLOT_GRANT, 0, (uint32_t)pages, read_write) == EXO_OK);
    (void)rt_on(EXO_UPCALL_FAULT, exit_as_expected);
    atomic_store((_Atomic uint32_t *)rt_shared(), 1);
    for (uint64_t i = 0;; i++)
        *(volatile uint64_t *)(uintptr_t)(va + i % pages * EXO_PAGE_BYTES) = i | 1;
}

static void
revoked_frame_is_out_of_reach_at_once(void)
{
    for (unsigned i = 0; i < test_rounds(10, 300); i++) {
        struct rt_memory memory;
        struct rt_child child;
        check_equal(rt_memory_take(1, read_write, &memory), EXO_OK);
        struct rt_spawn spawn = holder(write_for_ever, memory.slot, other_cpu());
        spawn.argument = 1;
        if (!start_child(&spawn, &child))
            return;
        check(rt_wait_word(rt_shared_of(&child), 1, test_patience()));
        check_equal(rt_revoke(memory.slot), EXO_OK);
        *(volatile uint64_t *)memory.at = 0;
        child_succeeds(&child);
        check_equal(*(volatile uint64_t *)memory.at, 0);
        rt_memory_put(&memory);
    }
}

/* The cell pays for the frames; three programs of other cells use them, each on
 * a CPU of its own. */
static void
killed_cell_takes_its_frames_from_all_who_have_them(void)
{
    struct rt_child children[HOLDERS];
    uint32_t cell = new_cell(EXO_BOOT_CELL, 2 * PAGES), frames = new_frames(cell, PAGES);
    for (uint32_t i = 0; i < HOLDERS; i++) {
        struct rt_spawn spawn = holder(write_for_ever, frames, (i + 1) % rt_machine.cpus);
        spawn.argument = PAGES;
        if (!start_child(&spawn, &children[i]))
            return;
        check(rt_wait_word(rt_shared_of(&children[i]), 1, test_patience()));
    }
    check_equal(rt_drop(cell), EXO_OK);
    for (uint32_t i = 0; i < HOLDERS; i++) {
        struct exo_cap_info info;
        check_equal(rt_child_wait(&children[i], test_patience()), RT_CHILD_EXITED);
        check_equal(children[i].page->code, 0);
        check(exo_cap_info(frames, &info) < 0);
        rt_kill(&children[i]);
    }
}

/* --- Frames asked back from one who goes on taking ------------------------------------------ */

static int
take_for_ever(uint64_t unused)
{
    (void)unused;
    atomic_store((_Atomic uint32_t *)rt_shared(), 1);
    for (;;) {
        uint32_t slot = rt_slot_take();
        if (exo_frames_alloc(EXO_BOOT_CELL, slot, 1, EXO_ALLOC_ANY, 0).status != EXO_OK)
            rt_slot_put(slot);
        (void)exo_env_create(EXO_BOOT_CELL, 63);
        (void)exo_cap_drop(63);
    }
    return 0; /* never */
}

/* Its own memory is of the cell, too: it is reclaimed last, or with the rest.
 */
static void
cell_that_goes_on_taking_comes_down_to_its_target(void)
{
    struct rt_child child;
    const struct rt_spawn spawn = {
        .entry = take_for_ever, .cpu = other_cpu(), .limit = {1024, 4096, 2, 0}};
    if (start_child(&spawn, &child)) {
        check(rt_wait_word(rt_shared_of(&child), 1, test_patience()));
        rt_sleep_until(rt_deadline_ns(3 * RT_MS_NS));
        int64_t status = rt_reclaim(child.cell, 128, rt_ns_to_ticks(RT_MS_NS));
        check_equal(status, EXO_OK);
        check(account_of(child.cell).limit[EXO_RES_FRAMES] <= 128);
        rt_kill(&child);
    }
}

static const struct test tests[] = {
    TEST(holder_that_copies_does_not_hold_up_a_revocation),
    TEST(holder_that_revokes_does_not_hold_up_a_revocation),
    TEST(holder_that_maps_does_not_hold_up_a_revocation),
    TEST(revoked_frame_is_out_of_reach_at_once),
    TEST(killed_cell_takes_its_frames_from_all_who_have_them),
    TEST(cell_that_goes_on_taking_comes_down_to_its_target),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}

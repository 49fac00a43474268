// config: smp=1,4 cpu=max,cortex-a72
/* Control pages that lie: what the kernel reads there is checked, or does not matter. */
#include "fixture.h"

#define KERNEL         0xffffffffc0001000ull
#define UNMAPPED       0x3000000000ull
#define NOT_AN_ADDRESS 0x0123456789abcdefull

struct lie {
    uint64_t entry, stack;
};

static const struct lie lies[] = {
    {KERNEL, 0},   {KERNEL + 1, 0},   {UNMAPPED, 0},         {EXO_VA_END, 0},
    {0x400001, 0}, {UINT64_MAX, 0},   {NOT_AN_ADDRESS, 0},   {EXO_BOOT_CONTROL_VA, 0},
    {0, KERNEL},   {0, UNMAPPED + 8}, {0, EXO_VA_START + 3}, {0, 1},
    {0, 0},        {0, UINT64_MAX},   {0, NOT_AN_ADDRESS},
};

#define LIES (sizeof(lies) / sizeof(lies[0]))

/* The next upcall is asked for by a fault. */
static int
lie_and_fault(uint64_t index)
{
    struct exo_control *control = rt_control();
    atomic_store((_Atomic uint32_t *)rt_shared(), 1);
    if (lies[index].entry != 0)
        control->upcall_entry = lies[index].entry;
    else
        control->upcall_stack = lies[index].stack;
    (void)try_read(0);
    return __LINE__; /* an upcall stack that is bad must not let it go on */
}

/*
 * With such an entry or stack the upcall itself faults, as the program at EL0; since it is `inside`
 * then, the program stops, and its parent finds it there.
 */
static void
upcall_to_nowhere_stops_the_program(void)
{
    for (uint64_t i = 0; i < LIES; i++) {
        struct rt_child child;
        struct exo_context context = {0};
        const struct rt_spawn spawn = {.entry = lie_and_fault, .argument = i, .cpu = other_cpu()};
        if (!start_child(&spawn, &child))
            return;
        check(rt_wait_word(rt_shared_of(&child), 1, test_patience()));
        uint64_t deadline = test_patience();
        while (exo_vcpu_get(child.vcpu, &context) != EXO_OK && rt_ticks() < deadline)
            rt_sleep_until(rt_deadline_ns(RT_MS_NS));
        check_equal(atomic_load(&child.page->state), RT_CHILD_RUNS);
        check_equal(context.pstate & ~0xf1001c00ull, 0);
        if (lies[i].entry != 0)
            check_equal(context.pc, lies[i].entry);
        rt_kill(&child);
    }
}

/* --- Written to while the kernel uses it ---------------------------------------------------- */

static struct exo_control *victim;
static uint32_t bell;

static void
scribble(void *unused)
{
    uint64_t *words = (uint64_t *)(void *)victim;
    const uint64_t entry = victim->upcall_entry, stack = victim->upcall_stack;
    (void)unused;
    for (uint64_t i = 0;; i++) {
        for (unsigned word = 0; word < sizeof(*victim) / 8; word++)
            __atomic_store_n(&words[word], test_random(), __ATOMIC_RELAXED);
        /* Most of the time as it was, or the victim would stop at once. */
        __atomic_store_n(&victim->upcall_entry, entry, __ATOMIC_RELAXED);
        __atomic_store_n(&victim->upcall_stack, stack, __ATOMIC_RELAXED);
        __atomic_store_n(&victim->event_mask, UINT64_MAX, __ATOMIC_RELAXED);
        __atomic_store_n(&victim->inside, (uint32_t)i & 1, __ATOMIC_RELAXED);
        (void)exo_notify(bell);
        for (uint64_t start = rt_ticks(); rt_ticks() - start < i % 512;)
            __asm__ volatile("" ::: "memory");
    }
}

/* Everything that makes the kernel look at the page: upcalls, resume, wait, faults, slot edges. */
static int
be_scribbled_on(uint64_t unused)
{
    struct rt_thread thread;
    uint32_t root = new_notification();
    (void)unused;
    victim = rt_control();
    bell = badged(root, 1);
    child_expects(exo_notification_bind(root, EXO_BOOT_VCPU) == EXO_OK);
    child_expects(rt_vcpu_start(other_cpu(), scribble, NULL, &thread) == EXO_OK);
    for (;;) {
        struct exo_cell_info info;
        (void)exo_wait(rt_deadline_ns(10000));
        (void)exo_cell_info(EXO_BOOT_CELL, &info);
        (void)exo_yield();
        struct exo_context *saved = &victim->saved;
        (void)exo_resume((const void *)((const char *)saved + 4)); /* unaligned: refused */
    }
}

static void
page_that_changes_under_the_kernel_hurts_only_its_program(void)
{
    for (unsigned i = 0; i < test_rounds(6, 200); i++) {
        struct rt_child child;
        const struct rt_spawn spawn = {.entry = be_scribbled_on};
        if (!start_child(&spawn, &child))
            return;
        rt_sleep_until(rt_deadline_ns(10 * RT_MS_NS));
        rt_kill(&child);
    }
}

/* --- Given to calls as if it were memory ---------------------------------------------------- */

static void
control_page_cannot_be_taken_away(void)
{
    uint64_t va = EXO_BOOT_CONTROL_VA;
    uint32_t frames = new_frames(EXO_BOOT_CELL, 1);
    check_equal(rt_unmap_pages(va, 1), EXO_E_STATE);
    check(rt_protect_pages(va, frames, 0, 1, EXO_PROT_READ) < 0);
    check_equal(rt_map_pages(va, frames, 0, 1, EXO_PROT_READ), EXO_E_OCCUPIED);
    /* With its neighbours: those before it are unmapped, it is not. */
    check_equal(rt_unmap_pages(va - 4 * EXO_PAGE_BYTES, 8), EXO_E_STATE);
    check_equal(rt_control()->size, sizeof(struct exo_control));
}

/* The kernel copies into and out of the page that it also writes itself. */
static void
control_page_serves_as_any_memory(void)
{
    struct exo_control *control = rt_control();
    uint32_t before = rt_inside_enter();
    struct exo_cell_info *info = (void *)&control->saved;
    check_equal(exo_cell_info(EXO_BOOT_CELL, info), EXO_OK);
    check_equal(info->size, sizeof(*info));
    check_equal(
        exo_env_write(EXO_SELF, exo_address(control->repossessed_list), &control->saved, 128)
            .status,
        EXO_OK);
    check_equal(exo_env_read(EXO_SELF, exo_address(&control->saved), &control->saved, 64).status,
                EXO_OK);
    memset(control->repossessed_list, 0, sizeof(control->repossessed_list));
    rt_inside_leave(before);
}

/* Numbers that the kernel counts there are the program's to spoil; the kernel keeps its own. */
static void
counters_that_are_overwritten_do_not_count(void)
{
    struct exo_control *control = rt_control();
    struct exo_cpu_info info;
    check_equal(exo_cpu_assign(EXO_BOOT_CPU, 0, EXO_CPU_SLOTS, EXO_BOOT_VCPU), EXO_OK);
    control->own_slots = UINT64_MAX;
    control->own_lost = UINT64_MAX;
    control->slot_end = 0;
    control->upcalls = UINT64_MAX;
    control->repossessed = UINT64_MAX - 3;
    control->cpu = control->vcpu = UINT32_MAX;
    control->size = control->version = 0;
    rt_sleep_until(rt_deadline_ns(5 * RT_MS_NS));
    check_equal(exo_cpu_info(EXO_BOOT_CPU, &info), EXO_OK);
    for (uint32_t i = 0; i < EXO_CPU_SLOTS; i++)
        check(info.given[i] < 1u << 24 && info.owner[i] != 0);
    control->size = sizeof(*control);
    control->version = EXO_ABI_VERSION;
    control->cpu = control->vcpu = 0;
    control->repossessed = control->own_slots = control->own_lost = control->upcalls = 0;
    check_equal(exo_cpu_assign(EXO_BOOT_CPU, 0, EXO_CPU_SLOTS, EXO_NONE), EXO_OK);
}

static const struct test tests[] = {
    TEST(upcall_to_nowhere_stops_the_program),
    TEST(page_that_changes_under_the_kernel_hurts_only_its_program),
    TEST(control_page_cannot_be_taken_away),
    TEST(control_page_serves_as_any_memory),
    TEST(counters_that_are_overwritten_do_not_count),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}

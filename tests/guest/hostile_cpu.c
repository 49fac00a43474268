// config: smp=1 cpu=max icount=1 cmdline=exo.audit=0
/*
 * Programs that try to keep the CPU, beside a neighbour that owns 8 of its 32
 * slots. hostile_flood.c has those that work from other CPUs as well, and the
 * one that just never yields.
 */
#include "neighbour.h"

#define ROUNDS 2u

static void
survive(int (*entry)(uint64_t argument))
{
    const struct rt_spawn spawn = neighbour_offender(entry);
    neighbour_keeps_its_slots_beside(&spawn, ROUNDS);
}

static int
spin_inside(uint64_t unused)
{
    (void)rt_inside_enter();
    return spin_for_ever(unused);
}

static void
a_vcpu_that_stays_inside_takes_no_slot(void)
{
    survive(spin_inside);
}

/* Interrupts and all else that PSTATE has, asked for by resume. */
static void
mask_everything(const struct rt_upcall *upcall, struct exo_context *context)
{
    (void)upcall;
    context->pc += 4;
    context->pstate =
        UINT64_MAX & ~0xc00ull; /* not BTYPE: the next instruction is no landing pad */
}

static int
spin_with_interrupts_masked(uint64_t unused)
{
    (void)rt_on(EXO_UPCALL_TRAP, mask_everything);
    __asm__ volatile("brk #0");
    return spin_for_ever(unused);
}

static void
a_vcpu_that_masks_interrupts_takes_no_slot(void)
{
    survive(spin_with_interrupts_masked);
}

static int
storm(uint64_t unused)
{
    (void)unused;
    for (unsigned i = 0;; i++) {
        (void)exo_yield();
        (void)exo_null();
        (void)exo_wait(i % 64 == 0 ? rt_ticks() + 1 : rt_ticks());
        (void)exo_wait(0);
        __atomic_fetch_or(&rt_control()->events, 1, __ATOMIC_RELAXED);
        (void)exo_wait(EXO_FOREVER);
        (void)rt_take_events(UINT64_MAX);
    }
    return 0; /* never */
}

static void
a_storm_of_short_calls_takes_no_slot(void)
{
    survive(storm);
}

static void
deadlines_that_pass_at_once(void *unused)
{
    (void)unused;
    for (;;)
        (void)exo_wait(rt_ticks() + test_random() % rt_ns_to_ticks(EXO_SLOT_NS));
}

/* As many vCPUs as an environment may have, on the neighbour's CPU, all ready
 * or about to be. */
static int
crowd(uint64_t cpu)
{
    struct rt_thread thread;
    for (int i = 0; i < 63; i++)
        if (rt_vcpu_start((uint32_t)cpu, deadlines_that_pass_at_once, NULL, &thread) != EXO_OK)
            return __LINE__;
    deadlines_that_pass_at_once(NULL);
    return 0;
}

static void
a_crowd_with_deadlines_takes_no_slot(void)
{
    struct rt_spawn spawn = neighbour_offender(crowd);
    spawn.argument = other_cpu();
    neighbour_keeps_its_slots_beside(&spawn, ROUNDS);
}

/* The kernel's longest steps, one after the other. */
static int
long_calls(uint64_t unused)
{
    (void)unused;
    struct rt_memory memory;
    for (;;) {
        child_expects(rt_memory_take(EXO_MAP_PAGES_MAX, EXO_PROT_READ | EXO_PROT_WRITE, &memory) ==
                      EXO_OK);
        uint64_t va = exo_address(memory.at);
        for (uint32_t prot = 0; prot < 4; prot++) {
            (void)rt_protect_pages(va, memory.slot, 0, EXO_MAP_PAGES_MAX,
                                   prot % 2 ? EXO_PROT_READ | EXO_PROT_EXEC : EXO_PROT_READ);
        }
        for (int i = 0; i < 60; i++) {
            uint32_t copy = rt_slot_take();
            (void)exo_cap_copy(memory.slot, EXO_SELF, copy, EXO_READ | EXO_COPY, 0, 0);
        }
        (void)rt_revoke(memory.slot);
        rt_slots_clear();
    }
}

static void
the_longest_calls_take_no_slot(void)
{
    survive(long_calls);
}

#define ALIASES (EXO_MAP_PAGES_MAX / EXO_MAP_BLOCK_WEIGHT)

static struct exo_map alias[ALIASES];

/*
 * Blocks named where pages are mapped: as many as a call takes, and 512 entries for each.
 */
static int
block_calls(uint64_t unused)
{
    (void)unused;
    uint32_t slot = rt_slot_take();
    child_expects(
        exo_frames_alloc(EXO_BOOT_CELL, slot, EXO_BLOCK_PAGES, EXO_ALLOC_BLOCK, 0).status ==
        EXO_OK);
    for (uint32_t i = 0; i < ALIASES; i++) {
        alias[i] = (struct exo_map){
            .va = rt_va_take(EXO_BLOCK_PAGES, EXO_BLOCK_PAGES * (uint64_t)EXO_PAGE_BYTES),
            .slot = slot,
            .pages = EXO_BLOCK_PAGES,
            .prot = EXO_PROT_READ};
    }
    for (;;) {
        child_expects(rt_map(EXO_SELF, alias, ALIASES) == EXO_OK);
        for (uint32_t i = 0; i < ALIASES; i++)
            alias[i].prot |= EXO_PROT_BLOCK;
        (void)exo_protect(EXO_SELF, alias, ALIASES);
        struct exo_progress step;
        uint32_t from = 0;
        do {
            step = exo_unmap(EXO_SELF, &alias[from], ALIASES - from);
            from += (uint32_t)(step.done / EXO_BLOCK_PAGES);
        } while (step.status == EXO_E_AGAIN && from < ALIASES);
        for (uint32_t i = 0; i < ALIASES; i++)
            alias[i].prot = EXO_PROT_READ;
        child_expects(rt_unmap(EXO_SELF, alias, ALIASES) == EXO_OK);
    }
}

static void
block_flags_on_pages_take_no_slot(void)
{
    survive(block_calls);
}

static const struct test tests[] = {
    TEST(a_vcpu_that_stays_inside_takes_no_slot), TEST(a_vcpu_that_masks_interrupts_takes_no_slot),
    TEST(a_storm_of_short_calls_takes_no_slot),   TEST(a_crowd_with_deadlines_takes_no_slot),
    TEST(the_longest_calls_take_no_slot),         TEST(block_flags_on_pages_take_no_slot),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}

// config: smp=1,4 cpu=max,cortex-a72 timeout=120
/* Programs that try to get at others, or to stay: what the architecture says about each is so. */
#include "fixture.h"

#include <stddef.h>

/* Starts a program that is expected to misbehave until it is killed; lets it for a while. */
static bool
suffer(int (*entry)(uint64_t argument), uint64_t argument, uint32_t cpu, struct rt_child *child)
{
    const struct rt_spawn spawn = {.entry = entry, .argument = argument, .cpu = cpu};
    if (!start_child(&spawn, child))
        return false;
    check(rt_wait_word(rt_shared_of(child), 1, test_patience()));
    rt_sleep_until(rt_deadline_ns(5 * RT_MS_NS));
    return true;
}

static void
say_ready(void)
{
    *(_Atomic uint32_t *)rt_shared() = 1;
}

/* --- Reaching what is not theirs ---------------------------------------------------------------
 */

/* Every capability that its parent did not grant is not there. */
static int
look_for_capabilities(uint64_t unused)
{
    static const uint32_t granted[] = {EXO_BOOT_CELL, EXO_BOOT_ENV, EXO_BOOT_VCPU, EXO_BOOT_IMAGE,
                                       EXO_BOOT_DATA};
    struct exo_cap_info info;
    unsigned found = 0;
    (void)unused;
    for (uint32_t slot = 0; slot < EXO_CAPS_PER_PAGE * EXO_CAP_PAGES_MAX; slot++)
        found += exo_cap_info(slot, &info) == EXO_OK;
    child_expects(found == sizeof(granted) / sizeof(granted[0]));
    child_expects(exo_machine_power(EXO_BOOT_MACHINE, EXO_POWER_OFF, 0) == EXO_E_SLOT);
    child_expects(exo_trace_control(EXO_BOOT_TRACE, 1) == EXO_E_SLOT);
    child_expects(exo_cell_limits(EXO_BOOT_CELL, NULL) == EXO_E_RIGHT); /* its own: no CONTROL */
    return 0;
}

static void
program_has_no_capability_that_nobody_granted(void)
{
    check(run_child(look_for_capabilities, 0));
}

static int
take_frames_of_parent(uint64_t pfn)
{
    uint32_t slot = rt_slot_take();
    child_expects(exo_frames_alloc(EXO_BOOT_CELL, slot, 1, EXO_ALLOC_AT, pfn).status ==
                  EXO_E_MEMORY);
    child_expects(exo_cap_copy(EXO_BOOT_DATA, EXO_SELF, slot, EXO_READ, pfn, 1) == EXO_E_RANGE);
    return 0;
}

static void
program_cannot_name_its_parents_frames(void)
{
    struct rt_memory secret;
    check_equal(rt_memory_take(1, EXO_PROT_READ | EXO_PROT_WRITE, &secret), EXO_OK);
    check(run_child(take_frames_of_parent, secret.pfn));
}

static int
read_what_others_map(uint64_t va)
{
    catch_faults();
    (void)try_read(va);
    child_expects(caught.count == 1);
    return 0;
}

static void
program_does_not_see_its_parents_mappings(void)
{
    struct rt_memory secret;
    check_equal(rt_memory_take(1, EXO_PROT_READ | EXO_PROT_WRITE, &secret), EXO_OK);
    ((uint64_t *)secret.at)[0] = 0x5ec7e7;
    check(run_child(read_what_others_map, exo_address(secret.at)));
}

static int
write_shared_text(uint64_t unused)
{
    uint32_t slot = rt_slot_take();
    const struct exo_map entry = {0x60000000, EXO_BOOT_IMAGE, 0, 1, EXO_PROT_READ | EXO_PROT_WRITE};
    (void)unused;
    child_expects(exo_map(EXO_SELF, &entry, 1, NULL).status == EXO_E_RIGHT);
    child_expects(exo_cap_copy(EXO_BOOT_IMAGE, EXO_SELF, slot, EXO_READ | EXO_WRITE, 0, 0) ==
                  EXO_E_RIGHT);
    catch_faults();
    try_write((uintptr_t)write_shared_text, 0);
    child_expects(caught.count == 1);
    return 0;
}

static void
program_cannot_write_the_text_that_it_shares(void)
{
    check(run_child(write_shared_text, 0));
}

/* --- Taking everything -------------------------------------------------------------------------
 */

static int
take_everything(uint64_t unused)
{
    (void)unused;
    for (int64_t err = EXO_OK; err == EXO_OK;)
        err = exo_frames_alloc(EXO_BOOT_CELL, rt_slot_take(), 1, EXO_ALLOC_ANY, 0).status;
    for (int64_t err = EXO_OK; err == EXO_OK;)
        err = exo_endpoint_create(EXO_BOOT_CELL, rt_slot_take());
    child_expects(exo_env_create(EXO_BOOT_CELL, EXO_BOOT_MACHINE) == EXO_E_LIMIT);
    child_expects(exo_cap_extend(EXO_SELF, 100) == EXO_E_LIMIT);
    say_ready();
    rt_sleep_until(EXO_FOREVER);
    return 0;
}

static void
program_that_takes_all_it_can_takes_only_its_cells(void)
{
    struct rt_child child;
    uint32_t before = account_of(EXO_BOOT_CELL).own[EXO_RES_FRAMES];
    if (suffer(take_everything, 0, other_cpu(), &child)) {
        struct exo_cell_info account = account_of(child.cell);
        check(account.own[EXO_RES_FRAMES] <= account.limit[EXO_RES_FRAMES]);
        check(account_of(EXO_BOOT_CELL).own[EXO_RES_FRAMES] <= before + 8); /* our own tables */
    }
}

/* --- Refusing to end ---------------------------------------------------------------------------
 */

static int
spin_inside(uint64_t unused)
{
    (void)unused;
    (void)rt_inside_enter();
    say_ready();
    for (;;) {
    }
    return 0;
}

static int
call_for_ever(uint64_t endpoint)
{
    say_ready();
    (void)exo_call((uint32_t)endpoint, 0, 0, 0, 0, EXO_NONE, EXO_NONE, EXO_FOREVER);
    return 0;
}

static int
wait_for_ever(uint64_t unused)
{
    (void)unused;
    say_ready();
    rt_sleep_until(EXO_FOREVER);
    return 0;
}

static int
fault_inside(uint64_t unused)
{
    (void)unused;
    say_ready();
    (void)rt_inside_enter();
    (void)try_read(0);
    return 0;
}

static int
revoke_for_ever(uint64_t unused)
{
    uint32_t slot = rt_slot_take();
    (void)unused;
    say_ready();
    for (;;) {
        (void)exo_endpoint_create(EXO_BOOT_CELL, slot);
        (void)exo_cap_copy(slot, EXO_SELF, 30, EXO_READ, 0, 0);
        (void)exo_cap_revoke(slot);
        (void)exo_cap_drop(slot);
    }
    return 0;
}

/* Each is killed in the middle of what it does; the harness sees that nothing is left. */
static void
kills(int (*entry)(uint64_t argument), uint64_t argument)
{
    for (uint32_t cpu = 0; cpu <= other_cpu(); cpu++) {
        struct rt_child child;
        if (suffer(entry, argument, cpu, &child))
            rt_kill(&child);
    }
}

static void
program_that_spins_inside_can_be_killed(void)
{
    kills(spin_inside, 0);
}

static void
program_that_waits_can_be_killed(void)
{
    kills(wait_for_ever, 0);
}

static void
program_that_stopped_at_a_fault_can_be_killed(void)
{
    kills(fault_inside, 0);
}

static void
program_that_makes_and_revokes_can_be_killed(void)
{
    kills(revoke_for_ever, 0);
}

static void
program_that_waits_in_a_call_can_be_killed(void)
{
    uint32_t endpoint = new_endpoint();
    for (uint32_t cpu = 0; cpu <= other_cpu(); cpu++) {
        struct rt_child child;
        struct rt_spawn spawn = {.entry = call_for_ever, .argument = RT_SLOT_GRANT, .cpu = cpu};
        spawn.grant[0] =
            (struct rt_grant){.src = endpoint, .dst = RT_SLOT_GRANT, .rights = EXO_WRITE};
        if (start_child(&spawn, &child)) {
            struct exo_message m = exo_receive(endpoint, EXO_NONE, test_patience());
            check_equal(m.status, EXO_OK);
            rt_kill(&child);
            check_equal(exo_reply(0, 0, 0, 0, EXO_NONE), EXO_E_STATE);
        }
    }
}

/* --- Lying to the kernel ------------------------------------------------------------------------
 */

/* All of its control page, again and again, in values that were never meant. */
static int
scribble(uint64_t seed)
{
    volatile uint64_t *words = (volatile uint64_t *)(uintptr_t)rt_control();
    uint64_t x = seed | 1;
    say_ready();
    for (;;) {
        for (unsigned i = 1; i < sizeof(struct exo_control) / 8; i++) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            words[i] = i == offsetof(struct exo_control, inside) / 8 ? 1 : x;
        }
        (void)exo_yield();
        (void)exo_wait(0);
    }
    return 0;
}

static void
program_that_scribbles_over_its_control_page_hurts_nobody(void)
{
    for (unsigned i = 0; i < test_rounds(3, 200); i++) {
        struct rt_child child;
        if (suffer(scribble, test_random(), i % 2 == 0 ? other_cpu() : 0, &child)) {
            (void)rt_reclaim(child.cell, 1, rt_ns_to_ticks(RT_MS_NS)); /* it writes there, too */
            rt_kill(&child);
        }
    }
}

/* Upcalls into the kernel's addresses, with a stack there. */
static int
upcalls_into_the_kernel(uint64_t entry)
{
    struct exo_control *control = rt_control();
    say_ready(); /* first: any upcall after the next line is the one that is waited for */
    control->upcall_entry = entry;
    control->upcall_stack = entry + 0x1000;
    __asm__ volatile("brk #0");
    return 0;
}

static void
upcall_entry_in_the_kernel_faults_as_the_program(void)
{
    static const uint64_t entries[] = {0xffffff8000000000ull, 0xffffffff80000000ull, UINT64_MAX - 3,
                                       EXO_VA_END, 3};
    for (unsigned i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
        struct rt_child child;
        struct exo_context context = {0};
        if (suffer(upcalls_into_the_kernel, entries[i], other_cpu(), &child)) {
            uint64_t deadline = test_patience();
            while (exo_vcpu_get(child.vcpu, &context) != EXO_OK && rt_ticks() < deadline)
                rt_sleep_until(rt_deadline_ns(RT_MS_NS));
            check_equal(context.pc, entries[i]);
            check_equal(context.pstate & 0xf, 0); /* EL0 */
            rt_kill(&child);
        }
    }
}

static int
unmap_own_memory(uint64_t slot)
{
    say_ready();
    (void)exo_cap_drop((uint32_t)slot);
    return 0;
}

static void
program_that_drops_its_own_memory_stops(void)
{
    kills(unmap_own_memory, EXO_BOOT_DATA);
    kills(unmap_own_memory, EXO_BOOT_IMAGE);
}

static const struct test tests[] = {
    TEST(program_has_no_capability_that_nobody_granted),
    TEST(program_cannot_name_its_parents_frames),
    TEST(program_does_not_see_its_parents_mappings),
    TEST(program_cannot_write_the_text_that_it_shares),
    TEST(program_that_takes_all_it_can_takes_only_its_cells),
    TEST(program_that_spins_inside_can_be_killed),
    TEST(program_that_waits_can_be_killed),
    TEST(program_that_stopped_at_a_fault_can_be_killed),
    TEST(program_that_makes_and_revokes_can_be_killed),
    TEST(program_that_waits_in_a_call_can_be_killed),
    TEST(program_that_scribbles_over_its_control_page_hurts_nobody),
    TEST(upcall_entry_in_the_kernel_faults_as_the_program),
    TEST(program_that_drops_its_own_memory_stops),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}

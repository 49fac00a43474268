// config: smp=1,4 cpu=max,cortex-a72
/* Programs that end themselves, what they stand on, or what holds them; and
 * that are hard to end. */
#include "fixture.h"

/* Slots of the child: the memory below, and the roots of its own objects. */
enum { SHARED = RT_SLOT_GRANT, OWN_CELL, OWN_ENV, OWN_VCPU };

/* In frames of the parent, which outlive the child's cell. */
struct shared {
    _Atomic uint32_t counter[EXO_CPUS_MAX];
    _Atomic uint32_t go;
};

static struct shared *shared;

static bool
map_shared(void)
{
    int64_t err;
    shared = rt_map_at_any(SHARED, 0, 1, EXO_PROT_READ | EXO_PROT_WRITE, &err);
    return shared != NULL;
}

static void
count_up(void *counter)
{
    for (;;)
        atomic_fetch_add((_Atomic uint32_t *)counter, 1);
}

static bool
count_on_every_cpu(void)
{
    struct rt_thread thread;
    bool all = true;
    for (uint32_t cpu = 0; cpu < rt_machine.cpus; cpu++)
        all = all && rt_vcpu_start(cpu, count_up, &shared->counter[cpu], &thread) == EXO_OK;
    return all;
}

/* Whether, after a while, nobody counts any more. */
static bool
all_stand_still(void)
{
    uint64_t deadline = test_patience();
    uint32_t before[EXO_CPUS_MAX] = {0};
    bool moved;
    do {
        rt_sleep_until(rt_deadline_ns(2 * EXO_CPU_SLOTS * RT_MS_NS));
        moved = false;
        for (uint32_t cpu = 0; cpu < rt_machine.cpus; cpu++) {
            moved = moved || shared->counter[cpu] != before[cpu];
            before[cpu] = shared->counter[cpu];
        }
    } while (moved && rt_ticks() < deadline);
    return !moved;
}

static bool
start_with_shared(int (*entry)(uint64_t argument), uint64_t argument, uint32_t supervisor,
                  struct rt_child *child)
{
    struct rt_memory memory;
    check_equal(rt_memory_take(1, EXO_PROT_READ | EXO_PROT_WRITE, &memory), EXO_OK);
    shared = memory.at;
    const struct rt_spawn spawn = {
        .entry = entry,
        .argument = argument,
        .cpu = other_cpu(),
        .supervisor = supervisor,
        .limit = {512, 512, 2, 0},
        .grant = {{.src = memory.slot, .dst = SHARED, .rights = EXO_READ | EXO_WRITE}}};
    return start_child(&spawn, child);
}

/* --- Self-destruction ----------------------------------------------------------------------- */

/* Runs on every CPU, then drops a root that it stands on. */
static int
drop_own_root(uint64_t slot)
{
    child_expects(map_shared() && count_on_every_cpu());
    child_expects(rt_wait_word(&shared->go, 1, test_patience()));
    for (;;)
        (void)exo_cap_drop((uint32_t)slot);
}

static void
self_destruct(uint32_t dst, size_t member)
{
    struct rt_child child;
    if (!start_with_shared(drop_own_root, dst, 0, &child))
        return;
    uint32_t *root = (uint32_t *)(void *)((char *)&child + member);
    check_equal(exo_again(exo_cap_move(*root, child.env, dst)), EXO_OK);
    rt_slot_put(*root);
    *root = EXO_NONE;
    atomic_store(&shared->go, 1);
    if (dst == OWN_VCPU)
        rt_sleep_until(rt_deadline_ns(40 * RT_MS_NS)); /* its other vCPUs go on */
    else
        check(all_stand_still());
    rt_kill(&child);
}

static void
program_that_drops_its_own_cell_ends(void)
{
    self_destruct(OWN_CELL, offsetof(struct rt_child, cell));
}

static void
program_that_drops_its_own_environment_ends(void)
{
    self_destruct(OWN_ENV, offsetof(struct rt_child, env));
}

static void
program_that_drops_its_own_vcpu_loses_only_that(void)
{
    self_destruct(OWN_VCPU, offsetof(struct rt_child, vcpu));
}

/* --- Who should end it is hard to reach ----------------------------------------------------- */

/* Each one's root lies in the table of the other; what pays for both is their
 * parent. */
static void
cells_that_hold_each_others_roots_end_with_their_parent(void)
{
    uint32_t top = rt_slot_take(), cell[2], env[2];
    const struct exo_limits limits = {sizeof(limits), EXO_ABI_VERSION, {512, 1024, 8, 0}};
    check_equal(exo_cell_create(EXO_BOOT_CELL, top, &limits), EXO_OK);
    for (int i = 0; i < 2; i++) {
        cell[i] = new_cell(top, 128);
        env[i] = rt_slot_take();
        if (!check_equal(exo_env_create(cell[i], env[i]), EXO_OK))
            return; /* the limits of new_cell */
    }
    for (int i = 0; i < 2; i++)
        check_equal(exo_cap_move(cell[i], env[1 - i], 5), EXO_OK);
    for (int i = 0; i < 2; i++) {
        uint32_t keeper = copy_of(env[i], EXO_RIGHTS_ALL);
        check_equal(exo_cap_move(env[i], keeper, 6), EXO_OK); /* each holds its own root */
    }
    check_equal(rt_drop(top), EXO_OK);
}

static void
nest(uint32_t parent, unsigned depth)
{
    struct rt_child child;
    const struct rt_spawn spawn = {.entry = NULL,
                                   .parent_cell = parent,
                                   .held = true,
                                   .cpu = depth % rt_machine.cpus,
                                   .limit = {256 * (7 - depth), 256 * (7 - depth), 7 - depth, 0}};
    if (depth < 7 && start_child(&spawn, &child)) {
        child.page->entry = (int (*)(uint64_t))(uintptr_t)count_up;
        child.page->argument = exo_address(child.page->shared);
        nest(child.cell, depth + 1);
    }
}

static void
deep_cells_end_with_the_topmost(void)
{
    const struct exo_limits limits = {sizeof(limits), EXO_ABI_VERSION, {2000, 2000, 8, 0}};
    uint32_t top = rt_slot_take();
    check_equal(exo_cell_create(EXO_BOOT_CELL, top, &limits), EXO_OK);
    nest(top, 1);
    check_equal(rt_drop(top), EXO_OK);
}

/* --- Faults that nobody takes --------------------------------------------------------------- */

static int
fault_inside_while_others_run(uint64_t unused)
{
    (void)unused;
    child_expects(map_shared() && count_on_every_cpu());
    child_expects(rt_wait_word(&shared->go, 1, test_patience()));
    (void)rt_inside_enter();
    (void)try_read(0);
    return __LINE__;
}

/* All vCPUs of the environment stop, on whichever CPU they are, when its
 * supervisor ends. */
static void
program_whose_supervisor_ends_stops_on_every_cpu(void)
{
    struct rt_child child;
    uint32_t endpoint = new_endpoint();
    if (!start_with_shared(fault_inside_while_others_run, 0, endpoint, &child))
        return;
    atomic_store(&shared->go, 1);
    rt_sleep_until(rt_deadline_ns(20 * RT_MS_NS)); /* the fault is in the queue */
    check_equal(rt_drop(endpoint), EXO_OK);
    check(all_stand_still());
    rt_kill(&child);
}

static void
program_without_supervisor_stops_on_every_cpu(void)
{
    struct rt_child child;
    if (!start_with_shared(fault_inside_while_others_run, 0, 0, &child))
        return;
    atomic_store(&shared->go, 1);
    check(all_stand_still());
    rt_kill(&child);
}

/* Its faults go to an endpoint that nobody but itself could serve. */
static int
supervise_myself(uint64_t unused)
{
    uint32_t endpoint = new_endpoint();
    (void)unused;
    child_expects(exo_env_supervise(EXO_SELF, endpoint) == EXO_OK);
    return fault_inside_while_others_run(0);
}

static void
program_that_supervises_itself_can_be_killed(void)
{
    struct rt_child child;
    if (!start_with_shared(supervise_myself, 0, 0, &child))
        return;
    atomic_store(&shared->go, 1);
    rt_sleep_until(rt_deadline_ns(20 * RT_MS_NS));
    rt_kill(&child);
}

static void
fault_in_the_handler(const struct rt_upcall *upcall, struct exo_context *context)
{
    context->pc = try_read(0) + upcall->a;
}

static int
fault_twice(uint64_t unused)
{
    (void)unused;
    (void)rt_on(EXO_UPCALL_FAULT, fault_in_the_handler);
    (void)try_read(8);
    return __LINE__;
}

static void
fault_in_the_handler_goes_to_the_supervisor(void)
{
    struct rt_child child;
    uint32_t endpoint = new_endpoint();
    const struct rt_spawn spawn = {.entry = fault_twice, .supervisor = endpoint};
    if (!start_child(&spawn, &child))
        return;
    for (int i = 0; i < 3; i++) { /* each answer lets it try again */
        struct exo_message m = exo_receive(endpoint, EXO_NONE, test_patience());
        check_equal(m.status, EXO_OK);
        check_equal(m.word[EXO_FAULT_W_ADDRESS], 0);
        check_equal(exo_reply(0, 0, 0, 0, EXO_NONE), EXO_OK);
    }
    rt_kill(&child);
}

static const struct test tests[] = {
    TEST(program_that_drops_its_own_cell_ends),
    TEST(program_that_drops_its_own_environment_ends),
    TEST(program_that_drops_its_own_vcpu_loses_only_that),
    TEST(cells_that_hold_each_others_roots_end_with_their_parent),
    TEST(deep_cells_end_with_the_topmost),
    TEST(program_whose_supervisor_ends_stops_on_every_cpu),
    TEST(program_without_supervisor_stops_on_every_cpu),
    TEST(program_that_supervises_itself_can_be_killed),
    TEST(fault_in_the_handler_goes_to_the_supervisor),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}

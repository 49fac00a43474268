// config: smp=4 cpu=max,cortex-a72 timeout=120
/* Objects that come and go on all CPUs at once: nothing is left of them. */
#include "stress/parallel.h"

#define READ_WRITE (EXO_PROT_READ | EXO_PROT_WRITE)
#define CHILD_VA   0x2000000ull

/* --- A cell with everything in it ---------------------------------------------------------------
 */

enum part { CELL, ENV, VCPU, FRAMES, ENDPOINT, BELL, COPY, PARTS };

struct estate {
    uint32_t slot[PARTS];
};

static void
people(const struct estate *estate, uint32_t cpu)
{
    const uint32_t *slot = estate->slot;
    check_equal(exo_env_create(slot[CELL], slot[ENV]), EXO_OK);
    check_equal(exo_vcpu_create(slot[ENV], slot[VCPU], cpu, 0x30000, CHILD_VA, 0, 0), EXO_OK);
    check_equal(exo_env_supervise(slot[ENV], slot[ENDPOINT]), EXO_OK);
    check_equal(exo_notification_bind(slot[BELL], slot[VCPU]), EXO_OK);
    /* It begins where nothing can be executed, and becomes a call at its supervisor. */
    check_equal(exo_vcpu_start(slot[VCPU]), EXO_OK);
}

static void
furnish(const struct estate *estate)
{
    const uint32_t *slot = estate->slot;
    const struct exo_map entry = {CHILD_VA, 5, 0, 8, READ_WRITE};
    check_equal(exo_frames_alloc(slot[CELL], slot[FRAMES], 8, EXO_ALLOC_CONTIGUOUS, 0).status,
                EXO_OK);
    check_equal(exo_cap_copy(slot[FRAMES], slot[ENV], 5, EXO_READ | EXO_WRITE, 0, 0), EXO_OK);
    check_equal(exo_cap_copy(slot[FRAMES], EXO_SELF, slot[COPY], EXO_READ | EXO_COPY, 0, 0),
                EXO_OK);
    check_equal(rt_map(slot[ENV], &entry, 1), EXO_OK);
}

static void
found(struct estate *estate, uint32_t cpu)
{
    const struct exo_limits limits = {sizeof(limits), EXO_ABI_VERSION, {64, 64, 1, 0}};
    for (uint32_t i = 0; i < PARTS; i++)
        estate->slot[i] = rt_slot_take();
    check_equal(exo_cell_create(EXO_BOOT_CELL, estate->slot[CELL], &limits), EXO_OK);
    check_equal(exo_endpoint_create(estate->slot[CELL], estate->slot[ENDPOINT]), EXO_OK);
    check_equal(exo_notification_create(estate->slot[CELL], estate->slot[BELL]), EXO_OK);
    people(estate, cpu);
    furnish(estate);
}

/* In any order; the last is the cell, with which the rest goes. */
static void
dissolve(struct estate *estate, struct dice *dice)
{
    for (uint32_t drops = dice_below(dice, PARTS); drops > 0; drops--) {
        int64_t err = rt_drop(estate->slot[1 + dice_below(dice, PARTS - 1)]);
        check(err == EXO_OK || err == EXO_E_SLOT);
    }
    check_equal(rt_drop(estate->slot[CELL]), EXO_OK);
    for (uint32_t i = 0; i < PARTS; i++) {
        check_equal(rt_drop(estate->slot[i]), EXO_E_SLOT);
        rt_slot_put(estate->slot[i]);
    }
}

static void
found_and_dissolve(uint32_t number)
{
    struct dice dice = dice_of(number);
    for (unsigned i = 0; i < test_rounds(40, 300); i++) {
        struct estate estate;
        found(&estate, dice_below(&dice, rt_machine.cpus));
        dissolve(&estate, &dice);
    }
}

static void
cells_with_all_in_them_come_and_go(void)
{
    parallel_run(found_and_dissolve, rt_machine.cpus * 2);
}

/* --- Granting and revoking ----------------------------------------------------------------------
 */

#define GRANTEES 3u
#define CHAIN    6u

static struct {
    uint32_t root;
    _Atomic uint32_t over;
    _Atomic uint32_t copied;
} share;

/* A copy of the root, a chain of copies of it, a mapping through the last; or as far as it goes. */
static void
hold_share(const uint32_t slots[CHAIN], uint64_t va)
{
    uint32_t from = share.root;
    int64_t err = EXO_OK;
    for (uint32_t i = 0; i < CHAIN && err == EXO_OK; i++) {
        err = exo_cap_copy(from, EXO_SELF, slots[i], EXO_READ | EXO_WRITE | EXO_COPY, 0, 0);
        check(err == EXO_OK || err == EXO_E_BUSY || err == EXO_E_GONE || err == EXO_E_SLOT);
        atomic_fetch_add(&share.copied, err == EXO_OK);
        from = slots[i];
    }
    if (err == EXO_OK) {
        err = rt_map_pages(va, from, 0, 2, READ_WRITE);
        check(err == EXO_OK || err == EXO_E_GONE || err == EXO_E_SLOT);
        (void)store_or_fault((volatile uint64_t *)(uintptr_t)va, va);
    }
}

static void
be_granted(uint32_t number)
{
    uint32_t slots[CHAIN];
    uint64_t va = rt_va_take(2, 0);
    struct dice dice = dice_of(number);
    expect_faults();
    for (uint32_t i = 0; i < CHAIN; i++)
        slots[i] = rt_slot_take();
    while (!atomic_load(&share.over)) {
        hold_share(slots, va);
        int64_t err = rt_drop(slots[dice_below(&dice, CHAIN)]);
        check(err == EXO_OK || err == EXO_E_SLOT);
        (void)rt_drop(slots[0]);
    }
}

static void
grant_or_revoke(uint32_t number)
{
    if (number < GRANTEES) {
        be_granted(number);
        return;
    }
    uint64_t patience = test_patience();
    for (unsigned i = 0;
         i < test_rounds(300, 3000) || (atomic_load(&share.copied) == 0 && rt_ticks() < patience);
         i++) {
        check_equal(rt_revoke(share.root), EXO_OK);
        if (i % 4 == 0)
            (void)exo_yield();
    }
    atomic_store(&share.over, 1);
}

static void
grants_and_revokes_on_all_cpus_end_with_the_root_alone(void)
{
    share.root = new_frames(EXO_BOOT_CELL, 2);
    atomic_store(&share.over, 0);
    atomic_store(&share.copied, 0);
    parallel_run(grant_or_revoke, GRANTEES + 1);
    check_equal(rt_revoke(share.root), EXO_OK);
    struct exo_cap_info info = info_of(share.root);
    check_equal(info.flags & EXO_CAP_CHILDREN, 0);
    check_equal(info.flags & EXO_CAP_ROOT, EXO_CAP_ROOT);
    check(atomic_load(&share.copied) > 0);
}

/* --- Spawn, run, kill ---------------------------------------------------------------------------
 */

#define BUSY_VCPUS 3u

static _Atomic uint32_t busy_over;

/* Always at the same address, so that page tables are no more in the end. */
static void
be_busy(uint32_t number)
{
    uint32_t slot = rt_slot_take();
    uint64_t va = rt_va_take(1, 0);
    (void)number;
    while (!atomic_load(&busy_over)) {
        struct exo_frames frames =
            exo_frames_alloc(EXO_BOOT_CELL, slot, 1, EXO_ALLOC_CONTIGUOUS, 0);
        check_equal(frames.status, EXO_OK);
        check_equal(rt_map_pages(va, slot, 0, 1, READ_WRITE), EXO_OK);
        *(volatile uint64_t *)(uintptr_t)va = va;
        int64_t err = rt_drop(slot);
        check(err == EXO_OK || err == EXO_E_SLOT); /* who reaps the cell may have ended it first */
    }
}

/* Memory of its own, an answer, and the exit code. */
static int
child_works(uint64_t argument)
{
    struct rt_memory memory;
    if (rt_memory_take(4, READ_WRITE, &memory) != EXO_OK)
        return -1;
    *(uint64_t *)memory.at = argument;
    *(uint64_t *)rt_shared() = *(uint64_t *)memory.at + 1;
    return (int)argument;
}

static int
child_spins(uint64_t argument)
{
    (void)argument;
    while (rt_ticks() != 0)
        (*(volatile uint64_t *)rt_shared())++;
    return -1;
}

static int
child_waits(uint64_t argument)
{
    (void)argument;
    while (exo_wait(EXO_FOREVER) == EXO_OK) {
    }
    return -1;
}

static void
spawn_and_kill(int (*entry)(uint64_t argument), uint32_t i)
{
    const struct rt_spawn how = {.entry = entry, .argument = i, .cpu = i % rt_machine.cpus};
    struct rt_child child;
    if (!check_equal(rt_spawn(&how, &child), EXO_OK))
        return;
    if (entry == child_works) {
        check_equal(rt_child_wait(&child, test_patience()), RT_CHILD_EXITED);
        check_equal(child.page->code, i);
        check_equal(*(uint64_t *)rt_shared_of(&child), i + 1);
    }
    rt_kill(&child);
}

static void
spawn_many(void)
{
    static int (*const entries[])(uint64_t) = {child_works, child_spins, child_waits, child_works};
    for (unsigned i = 0; i < test_rounds(80, 400); i++)
        spawn_and_kill(entries[i / rt_machine.cpus % 4], i);
    atomic_store(&busy_over, 1);
}

static void
spawn_or_be_busy(uint32_t number)
{
    if (number < BUSY_VCPUS)
        be_busy(number);
    else
        spawn_many();
}

static void
children_are_spawned_and_killed_on_busy_cpus(void)
{
    atomic_store(&busy_over, 0);
    parallel_run(spawn_or_be_busy, BUSY_VCPUS + 1);
}

static const struct test tests[] = {
    TEST(cells_with_all_in_them_come_and_go),
    TEST(grants_and_revokes_on_all_cpus_end_with_the_root_alone),
    TEST(children_are_spawned_and_killed_on_busy_cpus),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}

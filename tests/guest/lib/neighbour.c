#include "neighbour.h"

#define FIRST_SLOT 12u
#define QUIET_SLOT (FIRST_SLOT + NEIGHBOUR_SLOTS + 2) /* accounts are read from here on */

static uint64_t
slot_ticks(void)
{
    return rt_ns_to_ticks(EXO_SLOT_NS);
}

static int
want_the_cpu(uint64_t unused)
{
    (void)unused;
    for (;;)
        __asm__ volatile("" ::: "memory");
    return 0; /* never */
}

/* Rounds are counted from quiet slot to quiet slot. */
static uint64_t
round_at(uint64_t ticks)
{
    return (ticks / slot_ticks() + EXO_CPU_SLOTS - QUIET_SLOT) / EXO_CPU_SLOTS;
}

/* Sleeps into the quiet slots of a round: none of the neighbour's begins while its account is read.
 */
static uint64_t
wait_for_round(uint64_t round)
{
    uint64_t now, slot;
    do {
        uint64_t number = (round - 1) * EXO_CPU_SLOTS + QUIET_SLOT;
        rt_sleep_until(number * slot_ticks() + slot_ticks() / 2);
        now = rt_ticks();
        round = round_at(now);
        slot = now / slot_ticks() % EXO_CPU_SLOTS;
        /* Late: the neighbour's slots have begun again. */
    } while (slot >= FIRST_SLOT && slot < QUIET_SLOT && ++round);
    return round;
}

static uint64_t
read_account(const struct neighbour *neighbour, struct exo_cpu_info *info)
{
    struct exo_control control;
    check_equal(exo_cpu_info(EXO_BOOT_CPU + neighbour->cpu, info), EXO_OK);
    struct exo_progress step =
        exo_env_read(neighbour->child.env, EXO_BOOT_CONTROL_VA, &control, sizeof(control));
    check_equal(step.status, EXO_OK);
    return control.own_ticks;
}

bool
neighbour_start(struct neighbour *neighbour, uint32_t cpu)
{
    const struct rt_spawn spawn = {
        .entry = want_the_cpu, .cpu = cpu, .limit = {[EXO_RES_CPU_SLOTS] = NEIGHBOUR_SLOTS}};
    neighbour->cpu = cpu;
    return start_child(&spawn, &neighbour->child) &&
           check_equal(exo_cpu_assign(EXO_BOOT_CPU + cpu, FIRST_SLOT, NEIGHBOUR_SLOTS,
                                      neighbour->child.vcpu),
                       EXO_OK);
}

void
neighbour_watch(struct neighbour *neighbour)
{
    neighbour->round = wait_for_round(round_at(rt_ticks()) + 1);
    neighbour->own_ticks = read_account(neighbour, &neighbour->before);
}

void
neighbour_kept_its_slots(struct neighbour *neighbour, unsigned rounds, bool exactly)
{
    struct exo_cpu_info after;
    const struct exo_cpu_info *before = &neighbour->before;
    uint64_t passed = wait_for_round(neighbour->round + rounds) - neighbour->round;
    uint64_t own = read_account(neighbour, &after) - neighbour->own_ticks;
    for (uint32_t i = FIRST_SLOT; i < FIRST_SLOT + NEIGHBOUR_SLOTS; i++) {
        uint64_t given = after.given[i] - before->given[i];
        check(exactly ? given == passed : 2 * given >= passed);
        check(!exactly || after.lost[i] == before->lost[i]);
        check_equal(after.lent[i] - before->lent[i], 0);
    }
    /* And most of each: what is missing was spent in the kernel at its edges. */
    check(!exactly || own > passed * NEIGHBOUR_SLOTS * slot_ticks() / 10 * 9);
}

/*
 * Stopped first, with time to notice: under icount another CPU gets no turn while this one is busy
 * asking for an end again and again.
 */
void
neighbour_end(struct neighbour *neighbour, struct rt_child *offender)
{
    (void)exo_env_stop(offender->env);
    (void)exo_env_stop(neighbour->child.env);
    rt_sleep_until(rt_deadline_ns(EXO_SLOT_NS));
    rt_kill(offender);
    rt_kill(&neighbour->child);
}

void
neighbour_keeps_its_slots_beside(const struct rt_spawn *offender, unsigned rounds)
{
    struct neighbour neighbour;
    struct rt_child child;
    uint32_t cpu = other_cpu();
    struct rt_spawn spawn = *offender;
    spawn.cpu = cpu;
    if (neighbour_start(&neighbour, cpu) && start_child(&spawn, &child)) {
        neighbour_watch(&neighbour);
        neighbour_kept_its_slots(&neighbour, rounds, true);
        check_equal(atomic_load(&child.page->state), RT_CHILD_RUNS);
        neighbour_end(&neighbour, &child);
    }
}

int
spin_for_ever(uint64_t unused)
{
    (void)unused;
    for (;;)
        __asm__ volatile("" ::: "memory");
    return 0; /* never */
}

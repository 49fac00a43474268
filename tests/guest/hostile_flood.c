// config: smp=1,4 cpu=max icount=1 cmdline=exo.audit=0
/*
 * Programs that flood a CPU from every CPU, beside a neighbour that owns 8 of
 * its 32 slots.
 */
#include "neighbour.h"

#define ROUNDS   2u
#define BURST    16u
#define PAUSE_NS 400000u

static void
a_vcpu_that_never_yields_takes_no_slot(void)
{
    const struct rt_spawn spawn = neighbour_offender(spin_for_ever);
    neighbour_keeps_its_slots_beside(&spawn, ROUNDS);
}

struct flood {
    void (*once)(void);
    bool pauses;
};

static void
flood(void *argument)
{
    const struct flood *this = argument;
    for (unsigned i = 1;; i++) {
        this->once();
        if (this->pauses && i % BURST == 0)
            (void)exo_wait(rt_deadline_ns(PAUSE_NS));
    }
}

/* From the neighbour's CPU without end, and from all others in bursts, if
 * `all`. */
static int
flood_from(bool all, void (*once)(void))
{
    static struct flood here, there;
    struct rt_thread thread;
    here = (struct flood){once, false};
    there = (struct flood){once, true};
    for (uint32_t cpu = 0; all && cpu < rt_machine.cpus; cpu++)
        child_expects(cpu == other_cpu() || rt_vcpu_start(cpu, flood, &there, &thread) == EXO_OK);
    flood(&here);
    return 0;
}

static void
notify_once(void)
{
    (void)exo_notify(RT_SLOT_GRANT);
}

static int
notifications(uint64_t all)
{
    return flood_from(all, notify_once);
}

/* The neighbour's own vCPU is the target: every notification interrupts its
 * CPU, if any does. */
static void
notify_neighbour(bool all)
{
    struct neighbour neighbour;
    struct rt_child child;
    uint32_t notification = new_notification();
    struct rt_spawn spawn = neighbour_offender(notifications);
    spawn.cpu = other_cpu();
    spawn.argument = all;
    spawn.grant[0] = (struct rt_grant){
        .src = notification, .dst = RT_SLOT_GRANT, .rights = EXO_WRITE, .base_or_badge = 1};
    if (neighbour_start(&neighbour, other_cpu()) &&
        check_equal(exo_notification_bind(notification, neighbour.child.vcpu), EXO_OK) &&
        start_child(&spawn, &child)) {
        neighbour_watch(&neighbour);
        neighbour_kept_its_slots(&neighbour, ROUNDS, !all);
        neighbour_end(&neighbour, &child);
    }
}

static void
a_flood_of_notifications_takes_no_slot(void)
{
    notify_neighbour(false);
}

static void
a_flood_of_notifications_from_everywhere_leaves_slots(void)
{
    notify_neighbour(true);
}

static void
call_once(void)
{
    (void)exo_call(RT_SLOT_GRANT, 0, 0, 0, 0, EXO_NONE, EXO_NONE, rt_deadline_ns(PAUSE_NS / 8));
}

static void
serve_for_ever(void *unused)
{
    (void)unused;
    struct exo_message m = exo_receive(RT_SLOT_GRANT, EXO_NONE, EXO_FOREVER);
    for (;;)
        m = exo_reply_receive(RT_SLOT_GRANT, m.word[0], 0, 0, 0, EXO_NONE, EXO_NONE, EXO_FOREVER);
}

/* A caller and a server that pass the CPU to and fro. */
static int
calls(uint64_t unused)
{
    struct rt_thread thread;
    (void)unused;
    child_expects(exo_endpoint_create(EXO_BOOT_CELL, RT_SLOT_GRANT) == EXO_OK);
    child_expects(rt_vcpu_start(other_cpu(), serve_for_ever, NULL, &thread) == EXO_OK);
    return flood_from(false, call_once);
}

static void
a_flood_of_calls_takes_no_slot(void)
{
    const struct rt_spawn spawn = neighbour_offender(calls);
    neighbour_keeps_its_slots_beside(&spawn, ROUNDS);
}

static void
never_runs(void *unused)
{
    (void)unused;
}

static struct rt_thread gated;

/* Gates opened and closed: each asks the CPU to look again. */
static void
open_and_close(void)
{
    (void)exo_vcpu_start(gated.slot);
    (void)exo_vcpu_stop(gated.slot);
    (void)exo_env_start(EXO_SELF);
}

static int
gates(uint64_t unused)
{
    (void)unused;
    child_expects(rt_vcpu_make(other_cpu(), never_runs, NULL, &gated) == EXO_OK);
    return flood_from(false, open_and_close);
}

static void
opening_and_closing_gates_takes_no_slot(void)
{
    const struct rt_spawn spawn = neighbour_offender(gates);
    neighbour_keeps_its_slots_beside(&spawn, ROUNDS);
}

static const struct test tests[] = {
    TEST(a_vcpu_that_never_yields_takes_no_slot),
    TEST(a_flood_of_notifications_takes_no_slot),
    TEST(a_flood_of_notifications_from_everywhere_leaves_slots),
    TEST(a_flood_of_calls_takes_no_slot),
    TEST(opening_and_closing_gates_takes_no_slot),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}

// config: smp=4 cpu=max,cortex-a72 timeout=120
/* Deadlines of many vCPUs at once: none is lost, none comes early, and they come in order. */
#include "stress/parallel.h"

#define SLEEPERS  PARALLEL_MAX
#define AHEAD_NS  (10 * RT_MS_NS) /* from the choice of deadlines to the first */
#define SPREAD_NS 20000000u
#define EVENTS    1024u /* of a trace ring */

/* --- Many waits ----------------------------------------------------------------------------------
 */

static struct {
    _Atomic uint32_t met, over;
    _Atomic uint64_t base;
    uint64_t object[SLEEPERS]; /* name of its vCPU in the trace */
    uint64_t deadline[SLEEPERS], woke[SLEEPERS];
    int64_t status[SLEEPERS];
} sleep_;

static struct exo_trace_event events[EVENTS];

/* The last that is there chooses when the waits end; the last that wakes ends the trace. */
static void
sleep_once(uint32_t number)
{
    struct dice dice = dice_of(number);
    uint64_t offset = rt_ns_to_ticks(dice_below(&dice, SPREAD_NS));
    sleep_.object[number] = info_of(parallel_vcpu(number)).object;
    if (atomic_fetch_add(&sleep_.met, 1) + 1 == SLEEPERS)
        atomic_store(&sleep_.base, rt_deadline_ns(AHEAD_NS));
    while (atomic_load(&sleep_.base) == 0)
        rt_sleep_until(rt_deadline_ns(RT_MS_NS));
    sleep_.deadline[number] = atomic_load(&sleep_.base) + offset;
    sleep_.status[number] = exo_wait(sleep_.deadline[number]);
    sleep_.woke[number] = rt_ticks();
    if (atomic_fetch_add(&sleep_.over, 1) + 1 == SLEEPERS)
        check_equal(exo_trace_control(EXO_BOOT_TRACE, 0), EXO_OK);
}

/* The sleeper whose wait an event shows the begin of, or the end, its deadline; SLEEPERS: none. */
static uint32_t
sleeper_of(const struct exo_trace_event *event, bool begin)
{
    for (uint32_t i = 0; i < SLEEPERS; i++) {
        bool begins = event->kind == EXO_TRACE_CALL && event->a == EXO_CALL_wait &&
                      event->b == sleep_.deadline[i];
        bool ends = event->kind == EXO_TRACE_SWITCH && event->a == sleep_.object[i] &&
                    event->ticks >= sleep_.deadline[i];
        if (begin ? begins : ends)
            return i;
    }
    return SLEEPERS;
}

/*
 * Whether all of a CPU's sleepers waited before the first of them woke: only then there is an
 * order, that of their deadlines.
 */
static bool
are_in_order(uint32_t cpu)
{
    struct exo_trace trace = exo_trace_read(EXO_BOOT_TRACE, cpu, 0, events, EVENTS);
    uint32_t all = 0, waiting = 0, woken = 0, sleeper;
    uint64_t last = 0;
    check_equal(trace.status, EXO_OK);
    for (uint32_t i = cpu; i < SLEEPERS; i += rt_machine.cpus)
        all |= 1u << i;
    for (uint64_t i = 0; i < trace.count; i++) {
        if ((sleeper = sleeper_of(&events[i], true)) < SLEEPERS)
            waiting |= 1u << sleeper;
        if ((sleeper = sleeper_of(&events[i], false)) == SLEEPERS || (woken >> sleeper & 1))
            continue;
        if (waiting != all)
            return false;
        woken |= 1u << sleeper;
        check(sleep_.deadline[sleeper] >= last);
        last = sleep_.deadline[sleeper];
    }
    check_equal(woken, waiting);
    return waiting == all;
}

/* How many CPUs showed an order. */
static uint32_t
sleep_round(void)
{
    uint32_t ordered = 0;
    atomic_store(&sleep_.met, 0);
    atomic_store(&sleep_.over, 0);
    atomic_store(&sleep_.base, 0);
    check_equal(exo_trace_control(EXO_BOOT_TRACE, 1u << EXO_TRACE_SWITCH | 1u << EXO_TRACE_CALL),
                EXO_OK);
    parallel_run(sleep_once, SLEEPERS);
    for (uint32_t i = 0; i < SLEEPERS; i++) {
        check_equal(sleep_.status[i], EXO_E_TIMEOUT);
        check(sleep_.woke[i] >= sleep_.deadline[i]);
    }
    /* CPU 0 also runs who waits for this, whose events may have filled its ring. */
    for (uint32_t cpu = 1; cpu < rt_machine.cpus; cpu++)
        ordered += are_in_order(cpu);
    return ordered;
}

static void
waits_end_in_the_order_of_their_deadlines(void)
{
    unsigned ordered = 0, few = test_rounds(10, 60);
    for (unsigned i = 0; i < few || (ordered == 0 && i < 100 * few); i++)
        ordered += sleep_round();
    rt_printf("# %u times all of a CPU waited before the first deadline\n", ordered);
    check(ordered > 0);
}

/* --- Waits that a notification or a deadline ends, whichever comes first --------------------- */

#define BELL 1ull

static struct {
    uint32_t ring[EXO_CPUS_MAX];
    _Atomic uint32_t met;
    _Atomic uint32_t heard[EXO_CPUS_MAX];
    _Atomic uint64_t late; /* deadlines that passed */
} bells;

static unsigned
rings(void)
{
    return test_rounds(200, 1500);
}

static void
listen(uint32_t number)
{
    struct dice dice = dice_of(number);
    uint64_t end = test_patience();
    while (atomic_load(&bells.heard[number]) < rings() && check(rt_ticks() < end)) {
        uint64_t deadline = rt_deadline_ns(dice_below(&dice, 60000));
        int64_t status = exo_wait(deadline);
        check(status == EXO_OK || status == EXO_E_TIMEOUT);
        check(status == EXO_OK || rt_ticks() >= deadline);
        atomic_fetch_add(&bells.late, status == EXO_E_TIMEOUT);
        if (rt_take_events(BELL) != 0) {
            atomic_fetch_add(&bells.heard[number], 1);
            end = test_patience();
        }
    }
}

static void
ring_and_wait(uint32_t listener)
{
    for (unsigned i = 0; i < rings(); i++) {
        uint64_t end = test_patience();
        check_equal(exo_notify(bells.ring[listener]), EXO_OK);
        while (atomic_load(&bells.heard[listener]) <= i && check(rt_ticks() < end))
            (void)exo_yield();
    }
}

/* Those that ring do so for the CPU beside their own. */
static void
listen_or_ring(uint32_t number)
{
    uint32_t cpus = rt_machine.cpus;
    if (number < cpus) {
        uint32_t bell = new_notification();
        check_equal(exo_notification_bind(bell, parallel_vcpu(number)), EXO_OK);
        bells.ring[number] = badged(bell, BELL);
        atomic_store(&bells.heard[number], 0);
    }
    parallel_meet(&bells.met, 2 * cpus);
    if (number < cpus)
        listen(number);
    else
        ring_and_wait((number + 1) % cpus);
}

static void
a_wait_ends_by_its_event_or_its_deadline(void)
{
    atomic_store(&bells.met, 0);
    atomic_store(&bells.late, 0);
    parallel_run(listen_or_ring, 2 * rt_machine.cpus);
    for (uint32_t i = 0; i < rt_machine.cpus; i++)
        check_equal(atomic_load(&bells.heard[i]), rings());
    check(atomic_load(&bells.late) > 0);
}

/* --- Receives that nobody calls ------------------------------------------------------------------
 */

static uint32_t silent;
static _Atomic uint32_t receives;

static void
receive_in_vain(uint32_t number)
{
    struct dice dice = dice_of(number);
    for (unsigned i = 0; i < test_rounds(50, 300); i++) {
        uint64_t deadline = rt_deadline_ns(dice_below(&dice, 1000000));
        check_equal(exo_receive(silent, EXO_NONE, deadline).status, EXO_E_TIMEOUT);
        check(rt_ticks() >= deadline);
        atomic_fetch_add(&receives, 1);
    }
}

static void
receives_end_at_their_deadlines(void)
{
    silent = new_endpoint();
    atomic_store(&receives, 0);
    parallel_run(receive_in_vain, PARALLEL_MAX);
    check_equal(atomic_load(&receives), PARALLEL_MAX * test_rounds(50, 300));
}

static const struct test tests[] = {
    TEST(waits_end_in_the_order_of_their_deadlines),
    TEST(a_wait_ends_by_its_event_or_its_deadline),
    TEST(receives_end_at_their_deadlines),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}

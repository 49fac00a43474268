/* Sleeping, timers, event bits. */
#include "threads.h"

static struct {
    struct mutex mutex;
    uint32_t order[THREADS], count;
    _Atomic uint32_t going; /* are about to sleep */
    uint64_t start;
} alarm;

static void *
sleep_by_number(void *argument)
{
    uint32_t number = (uint32_t)(uintptr_t)argument;
    uint64_t deadline = alarm.start + rt_ns_to_ticks((THREADS - number) * 3 * RT_MS_NS);
    atomic_fetch_add(&alarm.going, 1);
    thread_sleep_until(deadline);
    check(rt_ticks() >= deadline);
    mutex_lock(&alarm.mutex);
    alarm.order[alarm.count++] = number;
    mutex_unlock(&alarm.mutex);
    return NULL;
}

/*
 * On one vCPU, so that the order is its own doing. Whether all slept before the first deadline, and
 * none was interrupted between its end and what it noted: only then there is an order. One that was
 * interrupted on its way to sleep goes on when we yield.
 */
static bool
all_sleep_undisturbed(uint64_t lead_ms)
{
    struct thread *threads[THREADS];
    alarm.count = alarm.going = 0;
    alarm.start = rt_deadline_ns(lead_ms * RT_MS_NS);
    for (uintptr_t i = 0; i < THREADS; i++)
        threads[i] = start_thread(sched_vcpu(), sleep_by_number, (void *)i);
    while (atomic_load(&alarm.going) < THREADS)
        thread_yield();
    for (unsigned i = 0; i < 10; i++)
        thread_yield();
    uint64_t preemptions = sched_counts().preemptions;
    bool in_time = rt_ticks() < alarm.start;
    for (unsigned i = 0; i < THREADS; i++)
        (void)thread_join(threads[i]);
    return in_time && sched_counts().preemptions == preemptions;
}

void
sleep_ends_in_order_of_deadlines(void)
{
    uint64_t lead_ms = 10;
    while (!all_sleep_undisturbed(lead_ms) && check(lead_ms < 2000))
        lead_ms += 10;
    check_equal(alarm.count, THREADS);
    for (uint32_t i = 0; i < alarm.count; i++)
        check_equal(alarm.order[i], THREADS - 1 - i);
}

static uint64_t
idle_ticks(void)
{
    struct exo_cpu_info info = {0};
    check_equal(exo_cpu_info(EXO_BOOT_CPU, &info), EXO_OK);
    return info.idle_ticks;
}

/* Most of the time the CPU is idle. What the host takes from us counts as ours: so once is enough.
 */
void
sleeping_program_gives_the_cpu_up(void)
{
    bool idle = false;
    for (unsigned i = 0; i < 100 && !idle; i++) {
        uint64_t start = rt_ticks(), before = idle_ticks(), waits = sched_counts().idles;
        thread_sleep_ns(50 * RT_MS_NS);
        uint64_t slept = rt_ticks() - start;
        idle = idle_ticks() - before > slept / 2;
        check(sched_counts().idles - waits <= 50); /* it waits, it does not look again and again */
    }
    check(idle);
}

static struct {
    struct sched_timer timer[4];
    uint32_t fired[4];
    _Atomic uint32_t count;
} clocks;

static void
note(struct sched_timer *timer)
{
    clocks.fired[clocks.count] = (uint32_t)(timer - clocks.timer);
    atomic_fetch_add(&clocks.count, 1);
}

/* Inside: none fires before all are set, however long that takes. */
static void
set_clocks(void)
{
    uint32_t before = rt_inside_enter();
    uint64_t now = rt_ticks(), step = rt_ns_to_ticks(RT_MS_NS);
    sched_timer_start(&clocks.timer[0], now + 4 * step, note);
    sched_timer_start(&clocks.timer[1], now + 2 * step, note);
    sched_timer_start(&clocks.timer[2], now + 3 * step, note);
    sched_timer_start(&clocks.timer[3], now + step, note);
    check(sched_timer_stop(&clocks.timer[3]));
    check(!sched_timer_stop(&clocks.timer[3]));
    rt_inside_leave(before);
}

void
timers_fire_in_order(void)
{
    atomic_store(&clocks.count, 0);
    set_clocks();
    while (atomic_load(&clocks.count) < 3)
        thread_sleep_ns(RT_MS_NS);
    check_equal(clocks.fired[0], 1);
    check_equal(clocks.fired[1], 2);
    check_equal(clocks.fired[2], 0);
    check_equal(clocks.count, 3);
}

void
stopped_timer_does_not_fire(void)
{
    struct sched_timer *timer = &clocks.timer[0];
    atomic_store(&clocks.count, 0);
    uint64_t deadline = rt_deadline_ns(50 * RT_MS_NS);
    uint32_t before = rt_inside_enter(); /* it cannot fire before it is stopped */
    sched_timer_start(timer, deadline, note);
    check(sched_timer_stop(timer));
    rt_inside_leave(before);
    thread_sleep_until(deadline + rt_ns_to_ticks(10 * RT_MS_NS));
    check_equal(clocks.count, 0);
    check(!timer->started);
}

/* A notification that sets `bit` of the first vCPU. */
static uint32_t
notification_for(uint64_t bit)
{
    uint32_t root = rt_slot_take(), slot = rt_slot_take();
    check_equal(exo_notification_create(EXO_BOOT_CELL, root), EXO_OK);
    check_equal(exo_notification_bind(root, EXO_BOOT_VCPU), EXO_OK);
    check_equal(exo_cap_copy(root, EXO_SELF, slot, EXO_WRITE, bit, 0), EXO_OK);
    return slot;
}

static struct {
    _Atomic uint32_t rounds;
    uint64_t bit;
} door;

static void *
answer(void *argument)
{
    (void)argument;
    while (atomic_load(&door.rounds) < 100) {
        check_equal(sched_event_wait(door.bit, test_patience()), door.bit);
        atomic_fetch_add(&door.rounds, 1);
        (void)futex_wake(&door.rounds, 1);
    }
    return NULL;
}

void
event_wakes_its_thread(void)
{
    door.bit = sched_event_take();
    check(door.bit != 0);
    atomic_store(&door.rounds, 0);
    uint32_t slot = notification_for(door.bit);
    struct thread *thread = start_thread(0, answer, NULL);
    for (uint32_t i = 0; i < 100; i++) {
        check_equal(exo_notify(slot), EXO_OK);
        while (atomic_load(&door.rounds) == i)
            (void)futex_wait(&door.rounds, i, EXO_FOREVER);
    }
    (void)thread_join(thread);
    sched_event_put(door.bit);
}

void
event_wait_times_out(void)
{
    uint64_t bit = sched_event_take(), other = sched_event_take();
    check(bit != 0 && other != 0 && bit != other);
    uint64_t deadline = rt_deadline_ns(RT_MS_NS);
    check_equal(sched_event_wait(bit, deadline), 0);
    check(rt_ticks() >= deadline);
    sched_event_put(bit);
    sched_event_put(other);
}

static void *
wait_as_drivers_do(void *argument)
{
    uint64_t bit = *(uint64_t *)argument;
    check_equal(rt_wait_events(bit, rt_deadline_ns(RT_MS_NS)), 0);
    atomic_store(&door.rounds, 1);
    check_equal(rt_wait_events(bit, test_patience()), bit);
    check_equal(rt_take_events(bit), 0);
    return argument;
}

void
waits_of_rt_are_the_threads_own(void)
{
    uint64_t bit = sched_event_take();
    uint32_t slot = notification_for(bit);
    atomic_store(&door.rounds, 0);
    struct thread *thread = start_thread(0, wait_as_drivers_do, &bit);
    check(rt_wait_word(&door.rounds, 1, test_patience()));
    rt_sleep_until(rt_deadline_ns(RT_MS_NS));
    check_equal(exo_notify(slot), EXO_OK);
    check(thread_join(thread) == &bit);
    check_equal(exo_notify(slot), EXO_OK); /* nobody waits: it is kept */
    check_equal(rt_take_events(bit), bit);
    check_equal(rt_take_events(bit), 0);
    sched_event_put(bit);
}

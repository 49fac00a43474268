/* Sleeping, timers, event bits. */
#include "threads.h"

static struct {
    struct mutex mutex;
    uint32_t order[THREADS], count;
    uint64_t start;
} alarm;

static void *
sleep_by_number(void *argument)
{
    uint32_t number = (uint32_t)(uintptr_t)argument;
    uint64_t deadline = alarm.start + rt_ns_to_ticks((THREADS - number) * 3 * RT_MS_NS);
    thread_sleep_until(deadline);
    check(rt_ticks() >= deadline);
    mutex_lock(&alarm.mutex);
    alarm.order[alarm.count++] = number;
    mutex_unlock(&alarm.mutex);
    return NULL;
}

/* On one vCPU, so that the order is its own doing. */
void
sleep_ends_in_order_of_deadlines(void)
{
    struct thread *threads[THREADS];
    alarm.count = 0;
    alarm.start = rt_deadline_ns(10 * RT_MS_NS);
    for (uintptr_t i = 0; i < THREADS; i++)
        threads[i] = start_thread(0, sleep_by_number, (void *)i);
    for (unsigned i = 0; i < THREADS; i++)
        (void)thread_join(threads[i]);
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

/* Most of the time the CPU is idle: more than half, whatever the host does meanwhile. */
void
sleeping_program_gives_the_cpu_up(void)
{
    uint64_t start = rt_ticks(), idle = idle_ticks(), waits = sched_counts().idles;
    thread_sleep_ns(50 * RT_MS_NS);
    uint64_t slept = rt_ticks() - start;
    check(idle_ticks() - idle > slept / 2);
    check(sched_counts().idles - waits <= 50); /* it waits, it does not look again and again */
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

static void *
set_clocks(void *argument)
{
    uint64_t now = rt_ticks(), step = rt_ns_to_ticks(RT_MS_NS);
    (void)argument;
    sched_timer_start(&clocks.timer[0], now + 4 * step, note);
    sched_timer_start(&clocks.timer[1], now + 2 * step, note);
    sched_timer_start(&clocks.timer[2], now + 3 * step, note);
    sched_timer_start(&clocks.timer[3], now + 1000 * step, note);
    check(sched_timer_stop(&clocks.timer[3]));
    check(!sched_timer_stop(&clocks.timer[3]));
    return NULL;
}

void
timers_fire_in_order(void)
{
    atomic_store(&clocks.count, 0);
    (void)set_clocks(NULL);
    while (atomic_load(&clocks.count) < 3)
        thread_sleep_ns(RT_MS_NS);
    check_equal(clocks.fired[0], 1);
    check_equal(clocks.fired[1], 2);
    check_equal(clocks.fired[2], 0);
}

void
stopped_timer_does_not_fire(void)
{
    struct sched_timer *timer = &clocks.timer[0];
    atomic_store(&clocks.count, 0);
    sched_timer_start(timer, rt_deadline_ns(50 * RT_MS_NS), note);
    check(sched_timer_stop(timer));
    thread_sleep_ns(60 * RT_MS_NS);
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

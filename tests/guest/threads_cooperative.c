// config: smp=1,4 cpu=max,cortex-a72
/* libos/sched, run to completion. */
#include "threads/threads.h"

static _Atomic uint32_t ran;

static void *
note_that_it_ran(void *argument)
{
    (void)argument;
    atomic_store(&ran, 1);
    return NULL;
}

/* Slots of the CPU pass, an upcall is made, and still nobody else runs. */
static void
thread_runs_until_it_waits(void)
{
    atomic_store(&ran, 0);
    struct thread *thread = start_thread(sched_vcpu(), note_that_it_ran, NULL);
    for (unsigned i = 0; i < 100; i++)
        (void)exo_yield();
    uint64_t end = rt_deadline_ns(5 * EXO_SLOT_NS);
    while (rt_ticks() < end)
        check_equal(atomic_load(&ran), 0);
    check_equal(sched_counts().preemptions, 0);
    (void)thread_join(thread);
    check_equal(atomic_load(&ran), 1);
}

static const struct test tests[] = {THREAD_TESTS, TEST(thread_runs_until_it_waits)};

int
main(void)
{
    note_beginning();
    return test_main_libos(tests, sizeof(tests) / sizeof(tests[0]));
}

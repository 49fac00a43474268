// config: smp=1,4 cpu=max,cortex-a72
/* libos/sched, preemptive. */
#include "threads/threads.h"

static _Atomic uint32_t turns[3];

/* Each thread waits, without giving the CPU up, for what only the others can do. */
static void *
wait_without_waiting(void *argument)
{
    _Atomic uint32_t *mine = argument;
    uint64_t deadline = test_patience();
    for (uint32_t turn = 1; turn <= 5; turn++) {
        atomic_store(mine, turn);
        for (unsigned i = 0; i < 3; i++)
            while (atomic_load(&turns[i]) < turn && rt_ticks() < deadline)
                ;
    }
    return rt_ticks() < deadline ? argument : NULL;
}

static void
threads_take_turns(void)
{
    struct thread *threads[3];
    for (unsigned i = 0; i < 3; i++)
        atomic_store(&turns[i], 0);
    for (unsigned i = 0; i < 3; i++)
        threads[i] = start_thread(0, wait_without_waiting, &turns[i]);
    for (unsigned i = 0; i < 3; i++)
        check(thread_join(threads[i]) == &turns[i]);
    check(sched_counts().preemptions > 0);
}

static _Atomic uint32_t rung;

static void
ring(struct sched_timer *timer)
{
    (void)timer;
    atomic_store(&rung, 1);
}

static void
timer_interrupts_a_thread(void)
{
    struct sched_timer timer;
    uint64_t deadline = test_patience();
    atomic_store(&rung, 0);
    sched_timer_start(&timer, rt_deadline_ns(3 * RT_MS_NS), ring);
    while (atomic_load(&rung) == 0 && rt_ticks() < deadline)
        ;
    check_equal(atomic_load(&rung), 1);
}

static void *
sleep_and_set(void *argument)
{
    thread_sleep_ns(3 * RT_MS_NS);
    atomic_store((_Atomic uint32_t *)argument, 1);
    return NULL;
}

static void
sleeper_interrupts_a_thread(void)
{
    _Atomic uint32_t awake = 0;
    uint64_t deadline = test_patience();
    struct thread *thread = start_thread(sched_vcpu(), sleep_and_set, &awake);
    while (atomic_load(&awake) == 0 && rt_ticks() < deadline)
        ;
    check_equal(atomic_load(&awake), 1);
    (void)thread_join(thread);
}

/*
 * All of v0 to v31, the flags and FPSR, as the thread that was interrupted left them. The loop is
 * in assembly: no call happens, so that only an upcall can switch.
 */
static void *
keep_all_registers(void *argument)
{
    uint64_t mine = (uintptr_t)argument * 0x0101010101010101ull, bad = 0;
    uint64_t end = rt_ticks() + rt_ns_to_ticks(20 * RT_MS_NS);
    __asm__ volatile(
        ".irp n, "
        "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30\n\t"
        "dup v\\n\\().2d, %1\n\t"
        ".endr\n"
        "1:\tdup v31.2d, %1\n\t"
        ".irp n, "
        "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30\n\t"
        "eor v31.16b, v31.16b, v\\n\\().16b\n\t"
        ".endr\n\t"
        /* 31 equal values and one more: all cancel out */
        "mov x9, v31.d[0]\n\t"
        "mov x10, v31.d[1]\n\t"
        "orr %0, %0, x9\n\t"
        "orr %0, %0, x10\n\t"
        "mrs x9, cntvct_el0\n\t"
        "cmp x9, %2\n\t"
        "b.lo 1b"
        : "+r"(bad)
        : "r"(mine), "r"(end)
        : "x9", "x10", "cc", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10",
          "v11", "v12", "v13", "v14", "v15", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23",
          "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31");
    return bad == 0 ? argument : NULL;
}

/* Four at once, until at least as many were interrupted. */
static void
keep_while_interrupted(void *(*keep)(void *argument))
{
    uint64_t before = sched_counts().preemptions, patience = test_patience();
    do {
        struct thread *threads[4];
        for (uintptr_t i = 0; i < 4; i++)
            threads[i] = start_thread(0, keep, (void *)(3 * i + 2));
        for (uintptr_t i = 0; i < 4; i++)
            check(thread_join(threads[i]) == (void *)(3 * i + 2));
    } while (sched_counts().preemptions < before + 4 && check(rt_ticks() < patience));
}

static void
interrupted_thread_keeps_all_fp_registers(void)
{
    keep_while_interrupted(keep_all_registers);
}

/* The same for a predicate and the upper part of what SVE has, at the length that the vCPU has. */
static void *
keep_sve_registers(void *argument)
{
    uint64_t mine = (uintptr_t)argument, bad = 0, end = rt_ticks() + rt_ns_to_ticks(20 * RT_MS_NS);
    __asm__ volatile(".arch armv8-a+sve\n\t"
                     "whilelo p3.b, xzr, %1\n\t" /* the first `mine` lanes */
                     "whilelo p5.b, xzr, %1\n\t"
                     "wrffr p5.b\n"
                     "1:\tcntp x9, p3, p3.b\n\t"
                     "eor x9, x9, %1\n\t"
                     "orr %0, %0, x9\n\t"
                     "rdffr p6.b\n\t"
                     "cntp x9, p6, p6.b\n\t"
                     "eor x9, x9, %1\n\t"
                     "orr %0, %0, x9\n\t"
                     "mrs x9, cntvct_el0\n\t"
                     "cmp x9, %2\n\t"
                     "b.lo 1b\n\t"
                     ".arch armv8-a"
                     : "+r"(bad)
                     : "r"(mine), "r"(end)
                     : "x9", "cc", "memory");
    return bad == 0 ? argument : NULL;
}

static void
interrupted_thread_keeps_predicates(void)
{
    if (rt_machine.features & EXO_FEATURE_SVE)
        keep_while_interrupted(keep_sve_registers);
    else
        test_skip("no SVE");
}

static const struct test tests[] = {
    THREAD_TESTS,
    TEST(threads_take_turns),
    TEST(timer_interrupts_a_thread),
    TEST(sleeper_interrupts_a_thread),
    TEST(interrupted_thread_keeps_all_fp_registers),
    TEST(interrupted_thread_keeps_predicates),
};

int
main(void)
{
    note_beginning();
    return test_main_libos(tests, sizeof(tests) / sizeof(tests[0]));
}

/* Threads: beginning, end, memory, registers. */
#include "threads.h"

struct thread *
start_thread(uint32_t vcpu, void *(*entry)(void *argument), void *argument)
{
    struct thread *thread = NULL;
    const struct thread_attributes how = {.vcpu = vcpu};
    check_equal(thread_create(&thread, &how, entry, argument), EXO_OK);
    return thread;
}

void
run_threads(void *(*entry)(void *argument), void *argument)
{
    struct thread *threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++)
        threads[i] = start_thread(i % sched_vcpus(), entry, argument);
    for (unsigned i = 0; i < THREADS; i++)
        (void)thread_join(threads[i]);
}

static void *
next_address(void *argument)
{
    return (char *)argument + 1;
}

static uint32_t first_free;

void
note_beginning(void)
{
    first_free = rt_slot_take();
}

/* What vCPUs and their tickers are made of lies in slots that were taken before the program began,
 * the lowest ones that were free. */
void
vcpus_have_all_they_need_when_the_program_begins(void)
{
    struct exo_cap_info info;
    char here[2];
    for (uint32_t i = 0; i < sched_vcpus(); i++)
        (void)thread_join(start_thread(i, next_address, here));
    for (uint32_t slot = first_free; slot < first_free + EXO_CAPS_PER_PAGE; slot++)
        check(exo_cap_info(slot, &info) != EXO_OK ||
              (info.type != EXO_TYPE_NOTIFICATION && info.type != EXO_TYPE_VCPU));
}

void
thread_returns_what_its_entry_returned(void)
{
    char here[2];
    for (uint32_t i = 0; i < sched_vcpus(); i++)
        check(thread_join(start_thread(i, next_address, here)) == here + 1);
}

static _Thread_local uint64_t filled = 0x1234567812345678ull;
static _Thread_local uint64_t empty;
static _Thread_local char aligned[64] __attribute__((aligned(64)));

static void *
use_storage(void *argument)
{
    (void)argument;
    check_equal(filled, 0x1234567812345678ull);
    check_equal(empty, 0);
    check_equal((uintptr_t)aligned % 64, 0);
    for (unsigned i = 0; i < 100; i++) {
        uint64_t mine = (uintptr_t)thread_self() + i;
        filled = empty = mine;
        thread_yield();
        check_equal(filled, mine);
        check_equal(empty, mine);
    }
    return NULL;
}

void
threads_have_storage_of_their_own(void)
{
    run_threads(use_storage, NULL);
    check_equal(filled, 0x1234567812345678ull);
}

static void *
count_up(void *argument)
{
    atomic_fetch_add((_Atomic uint32_t *)argument, 1);
    return NULL;
}

static uint32_t
frames_used(void)
{
    struct exo_cell_info info = {0};
    check_equal(exo_cell_info(EXO_BOOT_CELL, &info), EXO_OK);
    return info.own[EXO_RES_FRAMES];
}

/* The memory of threads that ended is used again. */
void
many_threads_come_and_go(void)
{
    _Atomic uint32_t count = 0;
    run_threads(count_up, &count);
    uint32_t frames = frames_used();
    for (unsigned round = 0; round < 50; round++)
        run_threads(count_up, &count);
    check_equal(count, 51 * THREADS);
    check_equal(frames_used(), frames);
}

void
detached_thread_is_taken_back(void)
{
    const struct thread_attributes how = {.vcpu = SCHED_ANY, .detached = 1};
    _Atomic uint32_t count = 0;
    uint32_t frames = 0;
    for (uint32_t i = 1; i <= 100; i++) {
        struct thread *thread;
        check_equal(thread_create(&thread, &how, count_up, &count), EXO_OK);
        while (atomic_load(&count) < i)
            thread_sleep_ns(10000);
        frames = i == 50 ? frames_used() : frames;
    }
    /* One may be on its way out while the next is made. */
    uint64_t patience = test_patience();
    frames += sched_vcpus() * (SCHED_STACK_BYTES / EXO_PAGE_BYTES + 2);
    while (frames_used() > frames && check(rt_ticks() < patience))
        thread_sleep_ns(RT_MS_NS);
}

void
thread_of_no_vcpu_is_refused(void)
{
    struct thread *thread;
    const struct thread_attributes nowhere = {.vcpu = sched_vcpus()};
    check_equal(thread_create(&thread, &nowhere, next_address, NULL), EXO_E_RANGE);
}

static void *
stay(void *argument)
{
    uint32_t vcpu = *(uint32_t *)argument;
    for (unsigned i = 0; i < 20; i++) {
        check_equal(sched_vcpu(), vcpu);
        thread_yield();
    }
    return NULL;
}

void
thread_stays_on_its_vcpu(void)
{
    uint32_t numbers[SCHED_VCPUS_MAX];
    struct thread *threads[SCHED_VCPUS_MAX];
    for (uint32_t i = 0; i < sched_vcpus(); i++) {
        numbers[i] = i;
        threads[i] = start_thread(i, stay, &numbers[i]);
    }
    for (uint32_t i = 0; i < sched_vcpus(); i++)
        (void)thread_join(threads[i]);
}

/* d8 to d15 and FPCR belong to the thread (AAPCS64 6.1.2); the yield is a function call. */
static void *
hold_fp_registers(void *argument)
{
    uint64_t mine = (uintptr_t)thread_self(), rounding = mine >> 12 & 3;
    (void)argument;
    for (unsigned i = 0; i < 50; i++) {
        register double d8 __asm__("d8");
        register double d15 __asm__("d15");
        uint64_t after8, after15, fpcr;
        __asm__ volatile("fmov %d0, %2\n\tfmov %d1, %2\n\tmsr fpcr, %3"
                         : "=w"(d8), "=w"(d15)
                         : "r"(mine + i), "r"(rounding << 22));
        __asm__ volatile("" : "+w"(d8), "+w"(d15));
        thread_yield();
        __asm__ volatile("fmov %0, %d3\n\tfmov %1, %d4\n\tmrs %2, fpcr"
                         : "=r"(after8), "=r"(after15), "=r"(fpcr)
                         : "w"(d8), "w"(d15));
        check_equal(after8, mine + i);
        check_equal(after15, mine + i);
        check_equal(fpcr >> 22 & 3, rounding);
    }
    return NULL;
}

void
callee_saved_fp_registers_survive_a_switch(void)
{
    run_threads(hold_fp_registers, NULL);
}

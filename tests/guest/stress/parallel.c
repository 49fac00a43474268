#include "parallel.h"

#define LOOK_AGAIN_NS 20000u

static struct {
    struct rt_thread threads[PARALLEL_MAX];
    void (*entry)(uint32_t number);
} run;

static void
begin(void *argument)
{
    run.entry((uint32_t)(uintptr_t)argument);
}

void
parallel_run(void (*entry)(uint32_t number), uint32_t count)
{
    uint32_t made = 0;
    run.entry = entry;
    while (made < count && check_equal(rt_vcpu_make(made % rt_machine.cpus, begin,
                                                    (void *)(uintptr_t)made, &run.threads[made]),
                                       EXO_OK))
        made++;
    for (uint32_t i = 0; i < made; i++)
        check_equal(exo_vcpu_start(run.threads[i].slot), EXO_OK);
    for (uint32_t i = 0; i < made; i++)
        check(rt_vcpu_wait(&run.threads[i], test_patience()));
    for (uint32_t i = 0; i < made; i++)
        rt_vcpu_end(&run.threads[i]);
}

uint32_t
parallel_vcpu(uint32_t number)
{
    return run.threads[number].slot;
}

void
parallel_meet(_Atomic uint32_t *arrived, uint32_t count)
{
    uint64_t end = test_patience();
    atomic_fetch_add(arrived, 1);
    while (atomic_load(arrived) < count && check(rt_ticks() < end))
        rt_sleep_until(rt_deadline_ns(LOOK_AGAIN_NS));
}

struct dice
dice_of(uint32_t number)
{
    return (struct dice){(rt_option_number("exo.seed", 0) * PARALLEL_MAX + number + 1) *
                         0x9e3779b97f4a7c15ull};
}

/* xorshift64*, as in lib/test.c. */
uint32_t
dice_below(struct dice *dice, uint32_t limit)
{
    dice->state ^= dice->state >> 12;
    dice->state ^= dice->state << 25;
    dice->state ^= dice->state >> 27;
    return (uint32_t)((dice->state * 0x2545f4914f6cdd1dull >> 32) * limit >> 32);
}

/* --- Accesses that may fault: x0 becomes 0, and the access is skipped --------------------------
 */

static void
on_fault(const struct rt_upcall *upcall, struct exo_context *context)
{
    (void)upcall;
    context->x[0] = 0;
    context->pc += 4;
}

void
expect_faults(void)
{
    (void)rt_on(EXO_UPCALL_FAULT, on_fault);
}

bool
store_or_fault(volatile uint64_t *at, uint64_t value)
{
    register uint64_t done __asm__("x0") = 1;
    __asm__ volatile("str %2, [%1]" : "+r"(done) : "r"(at), "r"(value) : "memory");
    return done != 0;
}

bool
load_or_fault(const volatile uint64_t *at)
{
    register uint64_t done __asm__("x0") = 1;
    __asm__ volatile("ldr xzr, [%1]" : "+r"(done) : "r"(at) : "memory");
    return done != 0;
}

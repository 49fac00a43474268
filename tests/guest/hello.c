// config: smp=1,4 cpu=max,cortex-a72 timeout=60
/* The machine boots, a program runs, prints, and ends it with an exit code. */
#include "test.h"

static void
boot_information_describes_the_machine(void)
{
    check_equal(rt_boot->size, sizeof(*rt_boot));
    check_equal(rt_boot->version, EXO_ABI_VERSION);
    check_equal(rt_machine.size, sizeof(rt_machine));
    check(rt_machine.cpus >= 1 && rt_machine.cpus <= EXO_CPUS_MAX);
    check_equal(rt_machine.counter_hz, rt_ticks_hz());
    check(rt_machine.frames > rt_machine.frames_free);
    check(rt_machine.boot_ticks < rt_ticks());
    check(rt_machine.features & EXO_FEATURE_TEST);
}

static void
control_page_is_where_the_contract_says(void)
{
    const struct exo_control *control = rt_control();
    check_equal((uintptr_t)control, EXO_BOOT_CONTROL_VA);
    check_equal(control->size, sizeof(*control));
    check_equal(control->version, EXO_ABI_VERSION);
    check_equal(control->cpu, 0);
}

static uint32_t counter = 41; /* .data arrived */
static uint32_t zero[1024];   /* .bss is zero */

static void
data_and_bss_are_there(void)
{
    counter++;
    check(counter == 42 || counter == 43); /* a test may run twice (lib/test.c) */
    for (unsigned i = 0; i < sizeof(zero) / sizeof(zero[0]); i++)
        if (!check_equal(zero[i], 0))
            return;
}

static void
stack_is_as_large_as_promised(void)
{
    char *bottom = (char *)(uintptr_t)(EXO_BOOT_STACK_TOP - EXO_BOOT_STACK_BYTES);
    __atomic_store_n(bottom, 1, __ATOMIC_RELAXED);
    check_equal(__atomic_load_n(bottom, __ATOMIC_RELAXED), 1);
}

static const struct test tests[] = {
    TEST(boot_information_describes_the_machine),
    TEST(control_page_is_where_the_contract_says),
    TEST(data_and_bss_are_there),
    TEST(stack_is_as_large_as_promised),
};

int
main(void)
{
    rt_printf("# hello from Chitin: %u CPUs, %llu frames free\n", rt_machine.cpus,
              (unsigned long long)rt_machine.frames_free);
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}

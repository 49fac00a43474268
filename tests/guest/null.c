// config: smp=1,4 cpu=max,cortex-a72 timeout=60
/* System calls as such: numbers, and what they leave alone. */
#include "registers.h"
#include "test.h"

static void
null_returns_ok(void)
{
    check_equal(exo_null(), EXO_OK);
}

static void
unknown_number_is_refused(void)
{
    static const uint64_t numbers[] = {EXO_CALL_COUNT, 1000,       UINT32_MAX,
                                       1ull << 32,     1ull << 63, UINT64_MAX};
    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        check_equal(exo_svc0(numbers[i]), EXO_E_CALL);
}

static void
call_preserves_general_registers_flags_and_sp(void)
{
    check_equal(registers_changed_by_call(EXO_CALL_null, 0), 0);
}

static void
refused_call_preserves_general_registers(void)
{
    check_equal(registers_changed_by_call(EXO_CALL_COUNT, 0), 0);
    check_equal(registers_changed_by_call(EXO_CALL_cell_reap, EXO_NONE), 0);
}

static void
blocking_call_preserves_general_registers(void)
{
    check_equal(registers_changed_by_call(EXO_CALL_wait, rt_deadline_ns(RT_MS_NS)), 0);
}

static void
call_null(uint64_t argument)
{
    (void)argument;
    (void)exo_null();
}

static void
call_wait(uint64_t deadline)
{
    (void)exo_wait(deadline);
}

static void
call_preserves_fp_registers(void)
{
    check_equal(fp_registers_changed_by(call_null, 0), 0);
}

static void
blocking_call_preserves_fp_registers(void)
{
    check_equal(fp_registers_changed_by(call_wait, rt_deadline_ns(RT_MS_NS)), 0);
}

/* Any immediate of svc is the same call. */
static void
immediate_of_svc_is_ignored(void)
{
    register uint64_t x8 __asm__("x8") = EXO_CALL_null;
    register uint64_t x0 __asm__("x0") = 7;
    __asm__ volatile("svc #0x1234" : "+r"(x0) : "r"(x8) : RT_RESULTS, "memory");
    check_equal(x0, EXO_OK);
}

static const struct test tests[] = {
    TEST(null_returns_ok),
    TEST(unknown_number_is_refused),
    TEST(call_preserves_general_registers_flags_and_sp),
    TEST(refused_call_preserves_general_registers),
    TEST(blocking_call_preserves_general_registers),
    TEST(call_preserves_fp_registers),
    TEST(blocking_call_preserves_fp_registers),
    TEST(immediate_of_svc_is_ignored),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}

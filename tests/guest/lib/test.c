/* The list of tests, one after the other, as TAP. */
#include "test.h"

#include "account.h"

#define PATIENCE_S \
    3600u /* longer than the harness lets any machine run, and than a host is paused */
#define SEED 0x9e3779b97f4a7c15ull

static struct {
    _Atomic bool failed;
    const char *skipped; /* the reason */
    uint64_t random;     /* of init; a child begins where a test begins without a seed */
} now = {.random = SEED};

bool
test_check(bool holds, const char *condition, const char *file, int line)
{
    if (!holds) {
        atomic_store(&now.failed, true);
        rt_printf("# %s:%d: not so: %s\n", file, line, condition);
    }
    return holds;
}

/* Errors by name, anything else as a number. */
static void
print_value(const char *label, uint64_t value)
{
    int64_t status = (int64_t)value;
    if (status < 0 && status >= EXO_E_STATE)
        rt_printf("#   %s %s\n", label, exo_error_text(status));
    else
        rt_printf("#   %s %lld (0x%llx)\n", label, (long long)status, (unsigned long long)value);
}

bool
test_check_equal(uint64_t actual, uint64_t expected, const char *what, const char *file, int line)
{
    if (actual != expected) {
        atomic_store(&now.failed, true);
        rt_printf("# %s:%d: %s\n", file, line, what);
        print_value("is       ", actual);
        print_value("should be", expected);
    }
    return actual == expected;
}

void
test_skip(const char *reason)
{
    now.skipped = reason;
}

unsigned
test_rounds(unsigned few, unsigned many)
{
    return rt_option_number("exo.soak", 0) != 0 ? many : few;
}

/* xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators" (2016). */
uint64_t
test_random(void)
{
    now.random ^= now.random >> 12;
    now.random ^= now.random << 25;
    now.random ^= now.random >> 27;
    return now.random * 0x2545f4914f6cdd1dull;
}

uint64_t
test_patience(void)
{
    return rt_deadline_ns(rt_option_number("exo.patience", PATIENCE_S) * RT_S_NS);
}

/* What of devices was opened and not closed; the slots behind the last device are empty. */
static void
close_devices(void)
{
    for (uint32_t slot = EXO_BOOT_DEVICE; slot < RT_SLOT_FIRST; slot++)
        if (exo_again(exo_device_close(slot)) == EXO_E_SLOT)
            return;
}

/* Once, with everything that it left behind taken away again. */
static void
run_once(const struct test *test, struct account *before, struct account *after)
{
    uint64_t va = rt_va_mark();
    now.random = SEED ^ rt_option_number("exo.seed", 0);
    account_read(before);
    test->run();
    rt_upcall_reset();
    close_devices();
    rt_slots_clear();
    rt_va_release(va);
    (void)rt_reap(EXO_BOOT_CELL);
    account_read(after);
}

/*
 * Page tables and pages of the capability table stay when they are empty, so that a test may use
 * more the first time; what it uses more each time is lost. A test that failed may have stopped
 * anywhere, so that its account says nothing more.
 */
static void
run(const struct test *test)
{
    struct account before, after;
    run_once(test, &before, &after);
    if (!now.failed && !account_equal(&before, &after))
        run_once(test, &before, &after);
    if (!now.failed && !account_equal(&before, &after)) {
        (void)test_check(false, "the account of the root cell is as before", test->name, 0);
        account_print_change(&before, &after);
    }
    if (rt_machine.features & EXO_FEATURE_DEBUG) {
        struct exo_audit audit = exo_machine_audit(EXO_BOOT_MACHINE);
        check_equal(audit.status, EXO_OK);
        check_equal(audit.violations, 0);
    }
}

static void
run_as_it_is(const struct test *test)
{
    now.random = SEED ^ rt_option_number("exo.seed", 0);
    test->run();
}

static int
run_all(const struct test *tests, unsigned count, void (*run_test)(const struct test *))
{
    unsigned failures = 0;
    rt_printf("1..%u\n", count);
    for (unsigned i = 0; i < count; i++) {
        atomic_store(&now.failed, false);
        now.skipped = NULL;
        rt_printf("# %s\n", tests[i].name); /* the last line of a machine that hangs */
        run_test(&tests[i]);
        bool skipped = now.skipped != NULL && !now.failed;
        rt_printf("%s %u - %s%s%s\n", now.failed ? "not ok" : "ok", i + 1, tests[i].name,
                  skipped ? " # SKIP " : "", skipped ? now.skipped : "");
        failures += now.failed;
    }
    return failures == 0 ? 0 : 1;
}

int
test_main(const struct test *tests, unsigned count)
{
    return run_all(tests, count, run);
}

int
test_main_libos(const struct test *tests, unsigned count)
{
    return run_all(tests, count, run_as_it_is);
}

/* The coverage: a line for each call with what it gave, and what must hold of it. */
#include "fuzz.h"

const char *const fuzz_names[FUZZ_CALLS] = {
#define FUZZ_NAME(number, name, arguments) [number] = #name,
    EXO_CALLS(FUZZ_NAME)
#undef FUZZ_NAME
        [EXO_CALL_COUNT] = "(no call)",
};

static const char *const errors[FUZZ_RESULTS] = {
#define FUZZ_ERROR(name, value, text) [-(value)] = #name,
    EXO_ERRORS(FUZZ_ERROR)
#undef FUZZ_ERROR
};

static uint64_t
total_of(const uint32_t count[FUZZ_RESULTS])
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < FUZZ_RESULTS; i++)
        sum += count[i];
    return sum;
}

static void
print_errors(const uint32_t count[FUZZ_RESULTS])
{
    for (uint32_t i = 1; i < FUZZ_RESULTS; i++)
        if (count[i] != 0)
            rt_printf(" %s %u", errors[i], count[i]);
    rt_printf("\n");
}

static void
sum_errors(const struct fuzz_totals *totals, uint32_t sums[FUZZ_RESULTS])
{
    for (uint32_t i = 0; i < FUZZ_CALLS; i++)
        for (uint32_t j = 0; j < FUZZ_RESULTS; j++)
            sums[j] += totals->count[i][j];
}

void
fuzz_report(const struct fuzz_totals *totals)
{
    uint32_t sums[FUZZ_RESULTS] = {0};
    sum_errors(totals, sums);
    for (uint32_t i = 0; i < FUZZ_CALLS; i++) {
        rt_printf("# %-19s %8llu, ok %7u, ended in it %u:", fuzz_names[i],
                  (unsigned long long)total_of(totals->count[i]) + totals->lost[i],
                  totals->count[i][0], totals->lost[i]);
        print_errors(totals->count[i]);
    }
    rt_printf("# %-19s %8llu, ok %7u:", "all", (unsigned long long)total_of(sums), sums[0]);
    print_errors(sums);
    rt_printf("# %llu other acts; %u things taken away; %u audits, %u violations\n",
              (unsigned long long)totals->acts, totals->takeaways, totals->audits,
              totals->violations);
    rt_printf("# workers replaced: %u crashed, %u stopped, %u exited, %u hung\n",
              totals->respawns[FUZZ_CRASHED], totals->respawns[FUZZ_STOPPED],
              totals->respawns[FUZZ_EXITED], totals->respawns[FUZZ_HUNG]);
}

/*
 * Calls that need not succeed. machine_power would end the machine, so no worker may make it;
 * release kernels have no machine_audit (in debug kernels it is init that makes it); a number that
 * is no call cannot succeed.
 */
static bool
never_succeeds(uint32_t call)
{
    return call == EXO_CALL_machine_power || call == EXO_CALL_COUNT ||
           (call == EXO_CALL_machine_audit && !(rt_machine.features & EXO_FEATURE_DEBUG));
}

static void
judge_calls(const struct fuzz_totals *totals)
{
    for (uint32_t i = 0; i < FUZZ_CALLS; i++) {
        bool made = total_of(totals->count[i]) != 0;
        if (!made || (totals->count[i][0] == 0 && !never_succeeds(i))) {
            rt_printf("# %s: %s\n", fuzz_names[i], made ? "never succeeded" : "never made");
            (void)check(made);
            (void)check(totals->count[i][0] != 0);
        }
    }
}

void
fuzz_judge(const struct fuzz_totals *totals)
{
    uint32_t sums[FUZZ_RESULTS] = {0};
    sum_errors(totals, sums);
    check(total_of(sums) * 30 / 100 <= sums[0]);
    judge_calls(totals);
    for (uint32_t i = 1; i < FUZZ_RESULTS; i++) {
        if (sums[i] == 0) {
            rt_printf("# error %s was never returned\n", errors[i]);
            (void)check(sums[i] != 0);
        }
    }
    check_equal(totals->broken, 0);
    check_equal(totals->broken_fp, 0);
    check_equal(totals->respawns[FUZZ_HUNG], 0);
    check_equal(totals->violations, 0);
}

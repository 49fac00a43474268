/* Running the audit: when, by whom, and what came of it. */
#include "debug/audit.h"

#define PRINTED_MAX     8 /* violations printed each time; all are counted */
#define TICKS_PER_AUDIT 4096
#define INVARIANTS      10

/* Of the last walk; who stopped the others has it. */
static struct {
    uint64_t violations;
    uint64_t broken; /* bit n: I(n+1) */
} result;

bool
audit_broken(unsigned invariant)
{
    ensure(invariant >= 1 && invariant <= INVARIANTS);
    result.broken |= 1ull << (invariant - 1);
    return ++result.violations <= PRINTED_MAX;
}

static bool
fits(void)
{
    static bool told;
    if (frame_table.count <= AUDIT_FRAMES_MAX)
        return true;
    if (!told) {
        console_printf("exo: audit: skipped: %lu frames, room for %u\n",
                       (unsigned long)frame_table.count, AUDIT_FRAMES_MAX);
        told = true;
    }
    return false;
}

/* Objects first: they say which frames are what, and later parts trust only such frames. */
static void
walk(void)
{
    result.violations = result.broken = 0;
    if (!fits())
        return;
    audit_frames_begin();
    if (audit_cells()) {
        audit_caps();
        audit_spaces();
        audit_sched();
        audit_irqs();
        audit_devices();
        audit_queues();
        audit_frames();
        audit_balance();
    }
}

err_t
audit_seeded(uint64_t seed, uint64_t *violations, uint64_t *broken)
{
    audit_stop_others();
    crash_apply(seed);
    err_t err = seed_apply(seed);
    if (err == EXO_OK) {
        walk();
        seed_undo();
        *violations = result.violations;
        *broken = result.broken;
    }
    audit_resume_others();
    return err;
}

int64_t
audit_run(void)
{
    uint64_t violations, broken;
    err_t err = audit_seeded(0, &violations, &broken);
    return err == EXO_OK ? (int64_t)violations : err;
}

/* --- Now and then ------------------------------------------------------------------------------
 */

/* The number behind `exo.audit=` on the command line. */
static uint64_t
configured_period(void)
{
    static const char option[] = "exo.audit=";
    const char *line = boot_machine.cmdline;
    for (size_t i = 0; line[i] != 0 && i + sizeof(option) < sizeof(boot_machine.cmdline); i++) {
        bool word = i == 0 || line[i - 1] == ' ';
        if (word && memcmp(&line[i], option, sizeof(option) - 1) == 0) {
            uint64_t number = 0;
            for (i += sizeof(option) - 1; line[i] >= '0' && line[i] <= '9'; i++)
                number = number * 10 + (uint64_t)(line[i] - '0');
            return number;
        }
    }
    return TICKS_PER_AUDIT;
}

void
audit_tick(void)
{
    static uint64_t period, left; /* CPU 0's */
    static bool configured;
    if (this_cpu()->number != 0)
        return;
    if (!configured) {
        configured = true;
        period = left = configured_period();
    }
    if (period == 0 || --left > 0)
        return;
    left = period;
    int64_t found = audit_run();
    if (found > 0)
        panic("audit: %ld violations", (long)found);
}

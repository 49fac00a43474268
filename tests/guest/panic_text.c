// config: build=debug smp=4 cpu=max,cortex-a72 timeout=60
// config: expect="panic:data abort, writing at EL1|crash_text+0x|  x30 |cpu 3 |env 1 call 2e"
/* Seed 104: the kernel writes to its own text; it says so, where, what it was doing, and fails. */
#include "test.h"

int
main(void)
{
    (void)exo_trace_control(EXO_BOOT_TRACE, (1u << EXO_TRACE_KINDS) - 1);
    (void)exo_machine_audit_seeded(EXO_BOOT_MACHINE, 104);
    return 0; /* which the harness takes for a failure */
}

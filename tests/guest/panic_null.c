// config: build=debug smp=4 cpu=max,cortex-a72 timeout=60
// config: expect="panic:data abort, reading at EL1|far 0|crash_null+0x|  x30 |cpu 3 |env 1 call 2e"
/* Seed 102: the kernel reads address 0; it says so, where, what it was doing, and fails. */
#include "test.h"

int
main(void)
{
    (void)exo_trace_control(EXO_BOOT_TRACE, (1u << EXO_TRACE_KINDS) - 1);
    (void)exo_machine_audit_seeded(EXO_BOOT_MACHINE, 102);
    return 0; /* which the harness takes for a failure */
}

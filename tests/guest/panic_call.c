// config: build=debug smp=4 cpu=max,cortex-a72 timeout=60
// config: expect="panic:seed 101, as asked for|crash_panic+0x|environment 1|cpu 3 |env 1 call 2e"
/* Seed 101: the kernel panics on purpose; it says so, where, what it was doing, and fails. */
#include "test.h"

int
main(void)
{
    (void)exo_trace_control(EXO_BOOT_TRACE, (1u << EXO_TRACE_KINDS) - 1);
    (void)exo_machine_audit_seeded(EXO_BOOT_MACHINE, 101);
    return 0; /* which the harness takes for a failure */
}

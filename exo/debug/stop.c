/* The other CPUs stand still while the audit looks: by an interrupt that bypasses the scheduler. */
#include "arch/hint.h"
#include "arch/machine.h"
#include "debug/audit.h"

static _Atomic bool stopping; /* one CPU wants the others to stand still */

/*
 * Who finds another at it stands still for that one first, and takes no interrupt: in the middle of
 * a call no other vCPU may become current. The SGI that is pending is taken when all is over.
 */
void
audit_stop_others(void)
{
    while (atomic_exchange(&stopping, true)) {
        if (atomic_load(&smp_hold))
            stop_here();
        spin_hint();
    }
    smp_hold_others(true);
    while (atomic_load(&smp_standing) != cpu_count - 1)
        spin_hint();
}

void
audit_resume_others(void)
{
    smp_hold_others(false);
    while (atomic_load(&smp_standing) != 0)
        spin_hint();
    atomic_store(&stopping, false);
}

/* What EL0 did that was no system call (Arm ARM D17.2.37: ESR_EL1). */
#include "arch/machine.h"
#include "arch/sysreg.h"
#include "core/sched.h"
#include "core/upcall.h"

/* Cache maintenance by address says "write" whatever it needs. */
static enum exo_access
data_access(uint64_t esr)
{
    return (esr & (ESR_WNR | ESR_CM)) == ESR_WNR ? EXO_ACCESS_WRITE : EXO_ACCESS_READ;
}

/* Memory that is not there or not so permitted faults; all else traps. Nothing here may panic. */
struct exo_context *
trap_fault(struct exo_context *context, uint64_t esr, uint64_t far)
{
    struct cpu *cpu = this_cpu();
    struct vcpu *vcpu = cpu->current;
    switch (esr >> ESR_EC_SHIFT & 0x3f) {
    case EC_FETCH_LOWER: return upcall_exception(vcpu, EXO_UPCALL_FAULT, far, esr, EXO_ACCESS_EXEC);
    case EC_DATA_LOWER:
        if ((esr & ESR_FSC_MASK) == ESR_FSC_ALIGNMENT)
            break;
        return upcall_exception(vcpu, EXO_UPCALL_FAULT, far, esr, data_access(esr));
    case EC_FP:
    case EC_SVE:
        if (!cpu->fp_enabled) {
            arch_fp_load();
            return context;
        }
        break;
    }
    return upcall_exception(vcpu, EXO_UPCALL_TRAP, vcpu->context.pc, esr, 0);
}

struct exo_context *
trap_interrupt(struct exo_context *context)
{
    struct cpu *cpu = this_cpu();
    if (!arch_take_interrupts())
        return context;
    return cpu->reschedule ? sched_choose(true) : vcpu_enter(cpu->current);
}

/* Upcalls: how a vCPU is entered when it is not simply resumed. */
#ifndef EXO_CORE_UPCALL_H
#define EXO_CORE_UPCALL_H

#include "core/vcpu.h"

/*
 * The context to load for a vCPU that was chosen: its own, or the entry of the upcall that is due
 * (revoke, event, run, in this order; none while it is `inside`).
 */
struct exo_context *vcpu_enter(struct vcpu *vcpu);

/*
 * EL0 faulted or trapped. Outside `inside` it becomes an upcall; otherwise the environment's
 * supervisor gets the vCPU, or the environment stops.
 */
struct exo_context *upcall_fault(struct vcpu *vcpu, va_t address, uint64_t esr,
                                 enum exo_access access);
struct exo_context *upcall_trap(struct vcpu *vcpu, uint64_t esr);

/* PSTATE that EL0 may ask for; all else is forced. Arm ARM C5.2.19: N, Z, C, V (31..28), DIT (24),
 * SSBS (12), BTYPE (11..10). M = 0: EL0t. */
static inline uint64_t
pstate_for_user(uint64_t pstate)
{
    return pstate & 0xf1001c00ull;
}

#endif

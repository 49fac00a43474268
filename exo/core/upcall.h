/* Upcalls: how a vCPU is entered when it is not simply resumed. */
#ifndef EXO_CORE_UPCALL_H
#define EXO_CORE_UPCALL_H

#include "core/vcpu.h"

/* The program may change its control page under us: each field is read once. */
#define READ_USER(field) __atomic_load_n(&(field), __ATOMIC_RELAXED)

static inline bool
takes_upcalls(const struct exo_control *control)
{
    return READ_USER(control->upcall_entry) != 0 && READ_USER(control->inside) == 0;
}

/* The rest of vcpu_enter, for one that takes upcalls. */
struct exo_context *vcpu_enter_upcall(struct vcpu *vcpu);

/*
 * The context to load for a vCPU that was chosen: its own, or the entry of the upcall that is due
 * (revoke, event, run, in this order; none while it is `inside`).
 */
static inline struct exo_context *
vcpu_enter(struct vcpu *vcpu)
{
    return takes_upcalls(vcpu->control) ? vcpu_enter_upcall(vcpu) : &vcpu->context;
}

/*
 * EL0 faulted, or trapped at `address`. Outside `inside` it becomes an upcall; otherwise the
 * environment's supervisor gets the vCPU, or the environment stops: the first one not in silence.
 */
struct exo_context *upcall_exception(struct vcpu *vcpu, enum exo_upcall kind, va_t address,
                                     uint64_t esr, enum exo_access access);

/* PSTATE that EL0 may ask for; all else is forced. Arm ARM C5.2.19: N, Z, C, V (31..28), DIT (24),
 * SSBS (12), BTYPE (11..10). M = 0: EL0t. */
static inline uint64_t
pstate_for_user(uint64_t pstate)
{
    return pstate & 0xf1001c00ull;
}

#endif

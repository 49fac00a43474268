/*
 * System calls: one function per call, named sys_<name>, found through the table that EXO_CALLS
 * makes (dispatch.c). Each decodes its arguments from the caller's context (copying user memory
 * once), checks everything, and then changes things. Results beyond x0 go into the context.
 *
 * Returned is what x0 gets, or one of the two values that mean "x0 is already right":
 * CALL_BLOCKED, the caller waits and somebody else is chosen; CALL_ENTERED, another vCPU (or this
 * one, in another context) is current.
 */
#ifndef EXO_SYS_SYS_H
#define EXO_SYS_SYS_H

#include "arch/arch.h"
#include "core/cell.h"
#include "core/endpoint.h"
#include "core/env.h"
#include "core/frame.h"
#include "core/sched.h"
#include "core/trace.h"

#define SYS_DECLARE(number, name, arguments) err_t sys_##name(struct vcpu *self, uint64_t *x);
EXO_CALLS(SYS_DECLARE)
#undef SYS_DECLARE

/* The functions by number; vectors.S calls through it. */
extern err_t (*const system_calls[EXO_CALL_COUNT])(struct vcpu *self, uint64_t *x);

/* The context to load after a call that returned CALL_BLOCKED or CALL_ENTERED. */
struct exo_context *call_switched(err_t result);

/* Declares a capability and looks it up in the caller's table, or ends the call. */
#define LOOKUP(name, slot, type, rights) \
    struct cap name;                     \
    TRY(cap_lookup(self->env, slot, type, rights, &name))

/* The same for an environment, a slot (empty or not: EXO_E_SLOT when there is no such page), and
 * where a new object goes. */
#define ENV(name, slot, rights) \
    struct env *name;           \
    TRY(sys_env(self, slot, rights, &name))
#define SLOT(name, env, number)                       \
    struct cap_slot *name = cap_slot_at(env, number); \
    TRY(name == NULL ? EXO_E_SLOT : EXO_OK)
#define PLACE(payer, dst) \
    struct cell *payer;   \
    struct cap_slot *dst; \
    TRY(sys_place(self, x, &payer, &dst))

/* An environment: a capability in the caller's table, or EXO_SELF for its own with all rights. */
err_t sys_env(struct vcpu *self, uint64_t slot, uint16_t rights, struct env **env);

/*
 * Where a new object goes: the cell in slot x[0], which pays, and slot x[1] of the caller's table.
 * Memory of objects that ended in the cell is there again before it is asked for more.
 */
err_t sys_place(struct vcpu *self, const uint64_t *x, struct cell **cell, struct cap_slot **dst);

/* sys/fastcall.c: 0 when the case is not the common one, and nothing has changed. */
err_t fast_call(struct vcpu *self, const uint64_t *x);
err_t fast_reply_receive(struct vcpu *self, const uint64_t *x);

/* Loads the caller's registers from its memory and clears `inside` (resume, map). */
err_t sys_resume_at(struct vcpu *self, va_t context_va);

#endif

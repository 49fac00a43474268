/* Upcalls. What is read from the control page may change under us: each field is read once. */
#include "core/upcall.h"

#include "arch/arch.h"
#include "core/cell.h"
#include "core/endpoint.h"
#include "core/sched.h"
#include "core/trace.h"

static __attribute__((noinline)) struct exo_context *
make_upcall(struct vcpu *vcpu, enum exo_upcall kind, uint64_t a, uint64_t b, uint64_t c)
{
    struct exo_control *control = vcpu->control;
    struct exo_context *context = &vcpu->context;
    trace(EXO_TRACE_UPCALL, kind, a);
    context_copy(&control->saved, context);
    control->inside = 1;
    control->upcalls++;
    context->pstate = 0;
    context->x[0] = kind;
    context->x[1] = a;
    context->x[2] = b;
    context->x[3] = c;
    context->x[4] = vcpu->control_va;
    context->sp = READ_USER(control->upcall_stack);
    context->pc = READ_USER(control->upcall_entry);
    vcpu->preempted = false;
    return context;
}

static __attribute__((noinline)) struct exo_context *
make_revoke_upcall(struct vcpu *vcpu)
{
    struct cell *cell = vcpu->env->origin.cell;
    vcpu->revoke_pending = false;
    uint64_t deadline = cell_reclaim_delivered(cell);
    uint32_t used = cell->limit[EXO_RES_FRAMES] - cell->free[EXO_RES_FRAMES];
    uint32_t target = cell->reclaim.target_frames;
    return make_upcall(vcpu, EXO_UPCALL_REVOKE, EXO_RES_FRAMES, used > target ? used - target : 0,
                       deadline);
}

struct exo_context *
vcpu_enter_upcall(struct vcpu *vcpu)
{
    const struct exo_control *control = vcpu->control;
    if (atomic_load_explicit(&vcpu->revoke_pending, memory_order_relaxed))
        return make_revoke_upcall(vcpu);
    uint64_t events = READ_USER(control->events) & READ_USER(control->event_mask);
    if (events != 0)
        return make_upcall(vcpu, EXO_UPCALL_EVENT, events, 0, 0);
    if (vcpu->preempted)
        return make_upcall(vcpu, EXO_UPCALL_RUN, 0, 0, 0);
    return &vcpu->context;
}

/* No upcall can be made: its supervisor decides, or nobody does and the environment stops. */
static __attribute__((cold, noinline)) struct exo_context *
give_to_supervisor(struct vcpu *vcpu, enum exo_upcall kind, uint64_t address, uint64_t esr)
{
    vcpu->message[EXO_FAULT_W_KIND] = (uint64_t)kind | (uint64_t)vcpu->number << 32;
    vcpu->message[EXO_FAULT_W_ADDRESS] = address;
    vcpu->message[EXO_FAULT_W_SYNDROME] = esr;
    vcpu->message[EXO_FAULT_W_PC] = vcpu->context.pc;
    if (endpoint_send_fault(vcpu) != EXO_OK) {
        if (vcpu->env->number == ENV_FIRST)
            console_printf("exo: the first program stops: fault at %lx, esr %lx, pc %lx\n", address,
                           esr, vcpu->context.pc);
        vcpu->env->stopped = true;
        (void)sched_poke_stopped(NULL);
    }
    return sched_choose(true);
}

struct exo_context *
upcall_exception(struct vcpu *vcpu, enum exo_upcall kind, va_t address, uint64_t esr,
                 enum exo_access access)
{
    trace(EXO_TRACE_FAULT, address, esr);
    return takes_upcalls(vcpu->control) ? make_upcall(vcpu, kind, address, esr, access)
                                        : give_to_supervisor(vcpu, kind, address, esr);
}

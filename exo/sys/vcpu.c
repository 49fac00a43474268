/* System calls on vCPUs, and those that a vCPU makes about itself: resume, wait, yield. */
#include "core/upcall.h"
#include "sys/sys.h"

err_t
sys_resume_at(struct vcpu *self, va_t context_va)
{
    struct exo_context context, *from = &self->control->saved; /* nearly always, and no fault */
    if (!is_aligned(context_va, 8))
        return EXO_E_ALIGN;
    if (context_va != self->control_va + offsetof(struct exo_control, saved)) {
        from = &context;
        TRY(arch_copy_in(from, context_va, sizeof(context)));
    }
    context_copy(&self->context, from);
    self->context.pstate = pstate_for_user(self->context.pstate);
    /* Cleared before the events are looked at (vcpu_enter): a bit that comes between is seen by
     * one of the two. tests/models/wait.pml */
    __atomic_store_n(&self->control->inside, 0, __ATOMIC_RELAXED);
    atomic_thread_fence(memory_order_seq_cst);
    return CALL_CONTEXT(vcpu_enter(self));
}

err_t
sys_resume(struct vcpu *self, uint64_t *x)
{
    return sys_resume_at(self, x[0]);
}

err_t
sys_wait(struct vcpu *self, uint64_t *x)
{
    uint64_t deadline = x[0];
    struct run_queue *rq = self->run_queue;
    err_t err = CALL_BLOCKED;
    lock_acquire(&rq->lock);
    if (__atomic_load_n(&self->control->events, __ATOMIC_SEQ_CST) != 0 || self->revoke_pending)
        err = EXO_OK;
    else if (deadline <= arch_ticks())
        err = EXO_E_TIMEOUT;
    else
        rq_block(self, VCPU_WAITING, deadline);
    lock_release(&rq->lock);
    if (err != CALL_BLOCKED)
        sched_poke(self->cpu); /* events: their upcall is due */
    return err;
}

/* Also the rest of a slot of its own: nobody else may want it, then it goes on. */
err_t
sys_yield(struct vcpu *self, uint64_t *x)
{
    HOLD(&self->run_queue->lock);
    self->run_queue->passed_slot = self->run_queue->slot_number;
    x[0] = EXO_OK;
    return CALL_BLOCKED;
}

err_t
sys_vcpu_create(struct vcpu *self, uint64_t *x)
{
    struct vcpu *vcpu;
    struct vcpu_start start = {.control_va = x[3], .entry = x[4], .stack = x[5], .argument = x[6]};
    if (x[2] >= cpu_count)
        return EXO_E_RANGE;
    start.cpu = (uint32_t)x[2];
    if (!is_aligned(start.control_va, PAGE_BYTES))
        return EXO_E_ALIGN;
    if (start.control_va < EXO_VA_START || !range_fits(start.control_va, PAGE_BYTES, EXO_VA_END))
        return EXO_E_RANGE;
    ENV(env, x[0], EXO_WRITE);
    SLOT(dst, self->env, x[1]);
    (void)cell_free_zombies(env->origin.cell);
    TRY(vcpu_create(env, &start, &vcpu));
    return cell_publish(&vcpu->origin, dst);
}

err_t
sys_vcpu_start(struct vcpu *self, uint64_t *x)
{
    LOOKUP(cap, x[0], EXO_TYPE_VCPU, EXO_CONTROL);
    vcpu_release(cap.object);
    return EXO_OK;
}

err_t
sys_vcpu_stop(struct vcpu *self, uint64_t *x)
{
    LOOKUP(cap, x[0], EXO_TYPE_VCPU, EXO_CONTROL);
    return vcpu_hold(cap.object);
}

err_t
sys_vcpu_get(struct vcpu *self, uint64_t *x)
{
    LOOKUP(cap, x[0], EXO_TYPE_VCPU, EXO_READ);
    struct vcpu *vcpu = cap.object;
    HOLD(&vcpu->run_queue->lock);
    if (!vcpu_is_still(vcpu))
        return EXO_E_STATE;
    return arch_copy_out(x[1], &vcpu->context, sizeof(vcpu->context));
}

err_t
sys_vcpu_set(struct vcpu *self, uint64_t *x)
{
    struct exo_context context;
    LOOKUP(cap, x[0], EXO_TYPE_VCPU, EXO_WRITE);
    TRY(arch_copy_in(&context, x[1], sizeof(context)));
    context.pstate = pstate_for_user(context.pstate);
    struct vcpu *vcpu = cap.object;
    HOLD(&vcpu->run_queue->lock);
    if (!vcpu_is_still(vcpu))
        return EXO_E_STATE;
    vcpu->context = context;
    return EXO_OK;
}

static err_t
set_revoke_handler(struct vcpu *vcpu, uint64_t value)
{
    struct cell *cell = vcpu->env->origin.cell;
    if (value != 1)
        return EXO_E_ARG;
    HOLD(&cell->lock);
    cell->revoke_handler = vcpu;
    return EXO_OK;
}

err_t
sys_vcpu_config(struct vcpu *self, uint64_t *x)
{
    LOOKUP(cap, x[0], EXO_TYPE_VCPU, EXO_CONTROL);
    struct vcpu *vcpu = cap.object;
    switch (x[1]) {
    case EXO_VCPU_PRIORITY:
        if (x[2] > EXO_PRIORITY_MAX)
            return EXO_E_RANGE;
        vcpu->priority = (uint8_t)x[2];
        return EXO_OK;
    case EXO_VCPU_SVE_BYTES:
        return x[2] > UINT32_MAX ? EXO_E_ARG : vcpu_set_sve(vcpu, (uint32_t)x[2]);
    case EXO_VCPU_REVOKE: return set_revoke_handler(vcpu, x[2]);
    default: return EXO_E_ARG;
    }
}

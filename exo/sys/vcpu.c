/* System calls on vCPUs, and those that a vCPU makes about itself: resume, wait, yield. */
#include "core/upcall.h"
#include "sys/sys.h"

err_t
sys_resume_at(struct vcpu *self, va_t context_va)
{
    struct exo_context context;
    if (!is_aligned(context_va, 8))
        return EXO_E_ALIGN;
    if (!arch_context_from_user(&context, context_va))
        return EXO_E_FAULT;
    context.pstate = pstate_for_user(context.pstate);
    context_copy(&self->context, &context);
    /* Cleared before the events are looked at (vcpu_enter): a bit that comes between is seen by
     * one of the two. tests/models/wait.pml */
    __atomic_store_n(&self->control->inside, 0, __ATOMIC_RELAXED);
    atomic_thread_fence(memory_order_seq_cst);
    return CALL_ENTERED;
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
    struct run_queue *rq = rq_of(self);
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
    lock_acquire(&self->run_queue->lock);
    self->run_queue->passed_slot = self->run_queue->slot_number;
    lock_release(&self->run_queue->lock);
    x[0] = EXO_OK;
    return CALL_BLOCKED;
}

err_t
sys_vcpu_create(struct vcpu *self, uint64_t *x)
{
    struct env *env;
    struct cap_slot *dst;
    struct vcpu *vcpu;
    struct vcpu_start start = {.control_va = x[3], .entry = x[4], .stack = x[5], .argument = x[6]};
    if (x[2] >= cpu_count)
        return EXO_E_RANGE;
    start.cpu = (uint32_t)x[2];
    if (!is_aligned(start.control_va, PAGE_BYTES))
        return EXO_E_ALIGN;
    if (start.control_va < EXO_VA_START || !range_fits(start.control_va, PAGE_BYTES, EXO_VA_END))
        return EXO_E_RANGE;
    err_t err = sys_env(self, x[0], EXO_WRITE, &env);
    if (err == EXO_OK)
        err = sys_slot(self->env, x[1], &dst);
    if (err == EXO_OK) {
        (void)cell_free_zombies(env->origin.cell);
        err = vcpu_create(env, &start, &vcpu);
    }
    if (err == EXO_OK) {
        err = cell_publish(env->origin.cell, &vcpu->origin, dst, EXO_RIGHTS_ALL);
        if (err != EXO_OK)
            vcpu_discard(vcpu);
    }
    return err;
}

err_t
sys_vcpu_start(struct vcpu *self, uint64_t *x)
{
    struct vcpu *vcpu;
    err_t err = sys_vcpu(self, x[0], EXO_CONTROL, &vcpu);
    if (err == EXO_OK)
        vcpu_release(vcpu);
    return err;
}

err_t
sys_vcpu_stop(struct vcpu *self, uint64_t *x)
{
    struct vcpu *vcpu;
    err_t err = sys_vcpu(self, x[0], EXO_CONTROL, &vcpu);
    return err == EXO_OK ? vcpu_hold(vcpu) : err;
}

err_t
sys_vcpu_get(struct vcpu *self, uint64_t *x)
{
    struct vcpu *vcpu;
    err_t err = sys_vcpu(self, x[0], EXO_READ, &vcpu);
    if (err == EXO_OK && !vcpu_is_still(vcpu))
        err = EXO_E_STATE;
    return err == EXO_OK ? sys_copy_out(x[1], &vcpu->context, sizeof(vcpu->context)) : err;
}

err_t
sys_vcpu_set(struct vcpu *self, uint64_t *x)
{
    struct vcpu *vcpu;
    struct exo_context context;
    err_t err = sys_vcpu(self, x[0], EXO_WRITE, &vcpu);
    if (err == EXO_OK)
        err = sys_copy_in(&context, x[1], sizeof(context));
    if (err != EXO_OK)
        return err;
    context.pstate = pstate_for_user(context.pstate);
    return vcpu_set_context(vcpu, &context);
}

static err_t
set_priority(struct vcpu *vcpu, uint64_t value)
{
    if (value > EXO_PRIORITY_MAX)
        return EXO_E_RANGE;
    vcpu->priority = (uint8_t)value;
    return EXO_OK;
}

static err_t
set_revoke_handler(struct vcpu *vcpu, uint64_t value)
{
    struct cell *cell = vcpu->env->origin.cell;
    if (value != 1)
        return EXO_E_ARG;
    lock_acquire(&cell->lock);
    cell->revoke_handler = vcpu;
    lock_release(&cell->lock);
    return EXO_OK;
}

err_t
sys_vcpu_config(struct vcpu *self, uint64_t *x)
{
    struct vcpu *vcpu;
    err_t err = sys_vcpu(self, x[0], EXO_CONTROL, &vcpu);
    if (err != EXO_OK)
        return err;
    switch (x[1]) {
    case EXO_VCPU_PRIORITY: return set_priority(vcpu, x[2]);
    case EXO_VCPU_SVE_BYTES:
        return x[2] > UINT32_MAX ? EXO_E_ARG : vcpu_set_sve(vcpu, (uint32_t)x[2]);
    case EXO_VCPU_REVOKE: return set_revoke_handler(vcpu, x[2]);
    default: return EXO_E_ARG;
    }
}

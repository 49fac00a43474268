/* System calls on the slot vectors of CPUs. */
#include "core/genesis.h"
#include "sys/sys.h"

static uint32_t
cpu_of(const struct cap *cap)
{
    return (uint32_t)(cap->origin - cpu_origins);
}

err_t
sys_cpu_assign(struct vcpu *self, uint64_t *x)
{
    struct cap cap, owner = {.object = NULL};
    TRY(cap_lookup(self->env, x[0], EXO_TYPE_CPU, EXO_WRITE, &cap));
    if (x[2] == 0 || !range_fits(x[1], x[2], cap.count))
        return EXO_E_RANGE;
    if (x[3] != EXO_NONE)
        TRY(cap_lookup(self->env, x[3], EXO_TYPE_VCPU, EXO_CONTROL, &owner));
    struct vcpu *vcpu = owner.object;
    if (vcpu != NULL && vcpu->cpu != cpu_of(&cap))
        return EXO_E_ARG;
    return sched_assign(cpu_of(&cap), cap.base + (uint32_t)x[1], (uint32_t)x[2], vcpu);
}

err_t
sys_cpu_info(struct vcpu *self, uint64_t *x)
{
    LOOKUP(cap, x[0], EXO_TYPE_CPU, EXO_READ);
    uint32_t cpu = cpu_of(&cap);
    struct run_queue *rq = &cpus[cpu].run_queue;
    struct exo_cpu_info info = {
        .size = sizeof(info), .version = EXO_ABI_VERSION, .cpu = cpu, .slots = EXO_CPU_SLOTS};
    lock_acquire(&rq->lock);
    for (uint32_t i = cap.base; i < cap.base + cap.count; i++) {
        info.owner[i] = (uint64_t)(uintptr_t)rq->owner[i];
        info.given[i] = rq->given[i];
        info.lent[i] = rq->lent[i];
        info.lost[i] = rq->lost[i];
    }
    info.idle_ticks = rq->idle_ticks;
    lock_release(&rq->lock);
    return arch_copy_out(x[1], &info, sizeof(info));
}

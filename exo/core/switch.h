/* Making another vCPU current on this CPU; its run-queue lock is held. */
#ifndef EXO_CORE_SWITCH_H
#define EXO_CORE_SWITCH_H

#include "arch/switch.h"
#include "core/deadline.h"
#include "core/trace.h"

static inline void
switch_to(struct cpu *cpu, struct vcpu *next)
{
    struct vcpu *before = cpu->current;
    cpu->current = next;
    if (atomic_load_explicit(&cpu->space, memory_order_relaxed) != &next->env->space)
        arch_enter_env(cpu, next->env);
    arch_switch(cpu, before, next);
    next->control->slot_end = cpu->run_queue.slot_end;
    trace(EXO_TRACE_SWITCH, (uint64_t)(uintptr_t)next, 0);
}

/* A blocked vCPU of this CPU goes on within the running slot. */
static inline void
rq_enter(struct cpu *cpu, struct vcpu *vcpu)
{
    deadline_remove(&cpu->run_queue.deadlines, vcpu);
    vcpu->state = VCPU_READY;
    switch_to(cpu, vcpu);
}

#endif

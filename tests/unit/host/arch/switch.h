/* Stands in for exo/arch/switch.h. */
#ifndef HOST_ARCH_SWITCH_H
#define HOST_ARCH_SWITCH_H

#include "arch/arch.h"

static inline void
arch_switch(struct cpu *cpu, struct vcpu *from, struct vcpu *to)
{
    (void)cpu;
    (void)from;
    (void)to;
}

static inline void
arch_enter_env(struct cpu *cpu, struct env *env)
{
    (void)cpu;
    vspace_activate(&env->space);
}

#endif

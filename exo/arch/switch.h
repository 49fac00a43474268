/*
 * From one vCPU to another: the registers that entry code leaves alone. Inline, because a protected
 * call is made of little else.
 */
#ifndef EXO_ARCH_SWITCH_H
#define EXO_ARCH_SWITCH_H

#include "arch/machine.h"
#include "arch/mmu.h"
#include "arch/sysreg.h"

/* One of the five keys, by the encodings of its halves (the assembler's baseline has no names). */
#define LOAD_KEY(keys, index, low, high)                                               \
    do {                                                                               \
        uint64_t low_, high_;                                                          \
        __asm__ volatile("ldp %0, %1, [%2, %3]\n\tmsr " low ", %0\n\tmsr " high ", %1" \
                         : "=&r"(low_), "=&r"(high_)                                   \
                         : "r"(keys), "i"(16 * (index))                                \
                         : "memory");                                                  \
    } while (0)

/* APIA, APIB, APDA, APDB, APGA: an environment's own, random, and nobody else's. */
static inline void
load_keys(const struct env *env)
{
    const uint64_t *keys = env->pac_keys;
    LOAD_KEY(keys, 0, "s3_0_c2_c1_0", "s3_0_c2_c1_1");
    LOAD_KEY(keys, 1, "s3_0_c2_c1_2", "s3_0_c2_c1_3");
    LOAD_KEY(keys, 2, "s3_0_c2_c2_0", "s3_0_c2_c2_1");
    LOAD_KEY(keys, 3, "s3_0_c2_c2_2", "s3_0_c2_c2_3");
    LOAD_KEY(keys, 4, "s3_0_c2_c3_0", "s3_0_c2_c3_1");
}

/* Another environment's turn on this CPU, whose `cpu->space` is not its space. */
static inline void
arch_enter_env(struct cpu *cpu, struct env *env)
{
    struct vspace *space = &env->space;
    if (atomic_load_explicit(&space->cpus, memory_order_relaxed) & 1u << cpu->number) {
        write_sysreg(ttbr0_el1, linear_to_pa(space->root) | (uint64_t)space->asid << 48);
        isb();
        atomic_store_explicit(&cpu->space, space, memory_order_release);
    } else {
        vspace_activate(space); /* for the first time on this CPU */
    }
    if (has_feature(EXO_FEATURE_PAC))
        load_keys(env);
}

/* `to` NULL: nobody. */
static inline void
arch_switch(struct cpu *cpu, struct vcpu *from, struct vcpu *to)
{
    if (from != NULL)
        from->tpidr = read_sysreg(tpidr_el0);
    bool loaded = to != NULL && __atomic_load_n(&cpu->fp_owner, __ATOMIC_RELAXED) == to;
    if (loaded != cpu->fp_enabled)
        fpu_enable(cpu, loaded);
    if (to == NULL)
        return;
    write_sysreg(tpidr_el0, to->tpidr);
    write_sysreg(tpidrro_el0, to->control_va);
}

#endif

/* The structure of the CPU that executes this. It never changes within one entry to the kernel. */
#ifndef EXO_ARCH_THIS_CPU_H
#define EXO_ARCH_THIS_CPU_H

struct cpu;

static inline struct cpu *
this_cpu(void)
{
    struct cpu *cpu;
    __asm__("mrs %0, tpidr_el1" : "=r"(cpu));
    return cpu;
}

#endif

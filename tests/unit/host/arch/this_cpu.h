/* Stands in for exo/arch/this_cpu.h: a thread of the test is a CPU. */
#ifndef HOST_ARCH_THIS_CPU_H
#define HOST_ARCH_THIS_CPU_H

struct cpu *this_cpu(void);

#endif

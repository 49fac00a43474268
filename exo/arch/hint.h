/* Hints to the processor, and a barrier. */
#ifndef EXO_ARCH_HINT_H
#define EXO_ARCH_HINT_H

#include "core/cpu.h"

/* In a loop that waits for another CPU (Arm ARM C6.2: YIELD). The emulator runs another CPU. */
static inline void
spin_hint(void)
{
    __asm__ volatile("yield" ::: "memory");
}

/*
 * What was written to memory before is there for a device that is told of it next, and before what
 * the device wrote is read (virtio 1.2 §2.7.13.3). With one CPU, QEMU before 8.1 drops barriers,
 * although its devices run in threads of their own; the lock that it takes to read the counter is
 * one.
 */
static inline void
dma_barrier(void)
{
    __asm__ volatile("dmb osh" ::: "memory");
    if (cpu_count == 1)
        __asm__ volatile("mrs xzr, cntvct_el0" ::: "memory");
}

#endif

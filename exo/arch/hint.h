/* Hints to the processor, and a barrier. */
#ifndef EXO_ARCH_HINT_H
#define EXO_ARCH_HINT_H

/* In a loop that waits for another CPU (Arm ARM C6.2: YIELD). The emulator runs another CPU. */
static inline void
spin_hint(void)
{
    __asm__ volatile("yield" ::: "memory");
}

/* What was written to memory before is there for a device that is told of it next. */
static inline void
dma_barrier(void)
{
    __asm__ volatile("dmb osh" ::: "memory");
}

#endif

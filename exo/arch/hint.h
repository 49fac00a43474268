/* Hints to the processor. */
#ifndef EXO_ARCH_HINT_H
#define EXO_ARCH_HINT_H

/* In a loop that waits for another CPU (Arm ARM C6.2: YIELD). The emulator runs another CPU. */
static inline void
spin_hint(void)
{
    __asm__ volatile("yield" ::: "memory");
}

#endif

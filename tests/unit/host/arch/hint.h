/* Stands in for exo/arch/hint.h: the thread that holds the lock may need this processor. */
#ifndef HOST_ARCH_HINT_H
#define HOST_ARCH_HINT_H

#include <sched.h>

static inline void
spin_hint(void)
{
    sched_yield();
}

static inline void
dma_barrier(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

#endif

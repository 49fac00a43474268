/*
 * How many system calls this program makes: a count for each vCPU, in rt's block of its control
 * page (the kernel's count of upcalls is in struct exo_control). Only that vCPU writes it, by a
 * load and a store: calls of an upcall's handler that comes between them are not counted.
 */
#ifndef RT_COUNT_H
#define RT_COUNT_H

#include <stdint.h>

#define RT_VCPU_OFFSET 2048u /* of rt's block in the control page: the count comes first */

static inline __attribute__((always_inline)) void
rt_count_call(void)
{
    uintptr_t control;
    __asm__("mrs %0, tpidrro_el0" : "=r"(control));
    uint64_t *calls = (uint64_t *)(control + RT_VCPU_OFFSET);
    __atomic_store_n(calls, __atomic_load_n(calls, __ATOMIC_RELAXED) + 1, __ATOMIC_RELAXED);
}

#endif

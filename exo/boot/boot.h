/* Between the files of boot/. */
#ifndef EXO_BOOT_BOOT_H
#define EXO_BOOT_BOOT_H

#include "arch/machine.h"

/* memory.c: RAM that boot takes for the kernel for good; zeroed. */
void memory_init(void);                        /* the linear map covers RAM afterwards */
void *memory_take(uint64_t pages);             /* a pointer into the linear map */
void *memory_take_aligned(uint64_t alignment); /* a page */
void memory_give_rest(void); /* the frame table, and all that is left for the pool */

/* Called by start.S. */
_Noreturn void boot_main(pa_t device_tree, uint64_t ticks, bool el2);
_Noreturn void boot_secondary(struct cpu *cpu);

#endif

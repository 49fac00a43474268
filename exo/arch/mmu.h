/*
 * The kernel's address space (TTBR1, 39 bits):
 *
 *   0xffffff8000000000  linear map: address + pa, for all RAM; writable, never executable, but the
 *                       image's code and constants are read-only there, too
 *   0xffffffffc0000000  the image: code RX, constants R, data RW, in 4 KiB pages
 *   0xffffffffc0200000  stacks, with guard pages between them
 *   0xffffffffc0400000  device registers
 *
 * Programs have TTBR0. Physical addresses from 511 GiB on are beyond the linear map.
 */
#ifndef EXO_ARCH_MMU_H
#define EXO_ARCH_MMU_H

#define LINEAR_BASE 0xffffff8000000000
#define KERNEL_BASE 0xffffffffc0000000
#define STACKS_BASE 0xffffffffc0200000
#define DEVICE_BASE 0xffffffffc0400000

/* A slot of the stack area for each CPU: guard, emergency stack, two guards, four pages of stack.
 */
#define STACK_SLOT_PAGES     8
#define STACK_EMERGENCY_PAGE 1
#define STACK_FIRST_PAGE     4

#ifndef __ASSEMBLER__

#include "core/base.h"

static inline void *
linear_from_pa(pa_t pa)
{
    return (void *)(uintptr_t)(pa + LINEAR_BASE);
}

/* Of a pointer into the linear map (not into the image). */
static inline pa_t
linear_to_pa(const void *pointer)
{
    return (pa_t)(uintptr_t)pointer - LINEAR_BASE;
}

/* ASIDs 0 to count - 1; 0 is the kernel's. */
uint32_t arch_asid_count(void);

#endif
#endif

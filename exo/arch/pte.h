/*
 * Bits of translation table descriptors: stage 1, 4 KiB granule, 39-bit regions, so that the root
 * is a table of level 1 (Arm ARM D8.3).
 */
#ifndef EXO_ARCH_PTE_H
#define EXO_ARCH_PTE_H

#include <stdint.h>

#define PTE_VALID (1ull << 0)
#define PTE_TABLE (1ull << 1) /* levels 1 and 2: a table; level 3: always set */
#define PTE_BLOCK PTE_VALID
#define PTE_PAGE  (PTE_VALID | PTE_TABLE)

/* Index into MAIR_EL1 (arch/sysreg.h). */
#define PTE_ATTR(index) ((uint64_t)(index) << 2)
#define PTE_ATTR_MASK   PTE_ATTR(7)
#define PTE_ATTR_NORMAL PTE_ATTR(0) /* write-back */
#define PTE_ATTR_DEVICE PTE_ATTR(1) /* nGnRE */

#define PTE_AP_EL0    (1ull << 6)
#define PTE_READ_ONLY (1ull << 7)
#define PTE_SH_INNER  (3ull << 8)
#define PTE_AF        (1ull << 10)
#define PTE_NG        (1ull << 11)
#define PTE_ADDRESS   0x0000fffffffff000ull
#define PTE_GUARDED   (1ull << 50) /* BTI is enforced; reserved on CPUs that have none */
#define PTE_PXN       (1ull << 53)
#define PTE_UXN       (1ull << 54)

/* Bits 55 to 58 are software's. */
#define PTE_CONTROL (1ull << 55) /* a page of the kernel's shown to the program: no unmapping */

/* PTE_GUARDED where the CPU has BTI, else 0. GP matters on executable pages only (D8.4.6). */
extern uint64_t pte_guarded;

/* Every mapping of a program has these; add attributes, READ_ONLY, UXN, address, PAGE or BLOCK. */
#define PTE_EL0_COMMON (PTE_AP_EL0 | PTE_SH_INNER | PTE_AF | PTE_NG | PTE_PXN | pte_guarded)

#endif

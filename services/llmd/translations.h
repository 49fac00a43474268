/*
 * What an emulated CPU remembers of mappings. QEMU's holds 256 pages at first, and twice as many
 * after it was emptied while more than 70 % of it were in use (accel/tcg/cputlb.c,
 * tlb_mmu_resize_locked): as long as it is smaller than the weights, each of their pages costs a
 * walk of the tables in each step, a fifth of a product. For other CPUs it means to fill their TLBs
 * again, once in a second or so.
 */
#ifndef LLMD_TRANSLATIONS_H
#define LLMD_TRANSLATIONS_H

#include <stdint.h>

/*
 * The vCPUs that compute have read all weights: after each of the first such times, and now and
 * then, all translations of this program are forgotten. One caller at a time.
 */
void translations_used(void);

/* How often they were. */
uint64_t translations_forgotten(void);

#endif

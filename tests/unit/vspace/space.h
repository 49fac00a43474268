/*
 * Two address spaces on a machine with four CPUs and TLBs that must be kept clean (fake_arch.h),
 * and a cell that pays for a thousand frames. Addresses, frames and protections as in
 * core/vspace.h.
 */
#ifndef TESTS_VSPACE_SPACE_H
#define TESTS_VSPACE_SPACE_H

#include "core/pagetable.h"
#include "fake_arch.h"
#include "fake_cell.h"

#define R  EXO_PROT_READ
#define RW (EXO_PROT_READ | EXO_PROT_WRITE)
#define RX (EXO_PROT_READ | EXO_PROT_EXEC)

#define VA 0x40000000ull

extern struct vspace space, other;
extern pfn_t run;       /* frames of the test, clean */
extern uint32_t budget; /* frames that may still be zeroed */
extern uint64_t done;   /* pages, of the call before */

/* A machine, both spaces, and so many frames from `run` on. */
void setup(uint64_t frames);

/* Frames in a block, as they come: not zeroed. */
pfn_t take(uint64_t count);

/* In `space`; `protect` from VA on. */
err_t map_at(va_t va, pfn_t base, uint64_t pages, uint32_t prot);
err_t protect(pfn_t base, uint64_t pages, uint32_t prot);
err_t unmap(va_t va, uint64_t pages);
bool is_mapped(va_t va, pfn_t expected, uint32_t prot);
bool is_hole(va_t va);

/* How many mappings count the frame as such. */
uint64_t writable(pfn_t pfn);
uint64_t executable(pfn_t pfn);

/* That CPU switches to it; NULL: to none. */
void run_on(uint32_t cpu, struct vspace *active);

#endif

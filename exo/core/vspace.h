/*
 * Address spaces: the page tables of one environment, its ASID, and who has it in a TLB.
 *
 * 39-bit EL0 addresses, 4 KiB granule: a root (level 1) and two levels of tables below it, each a
 * KERNEL frame paid by the environment's cell. The functions take EXO_* protections and frame
 * numbers that the caller has checked against a capability; here only the tables, the counts of
 * the frame table and the TLBs are kept right. All but vspace_init want `lock` held.
 *
 * Break-before-make (Arm ARM D8.14): an entry that changes goes through invalid and an
 * invalidation; an invalid entry that becomes valid needs none. Invalidation is inner-shareable
 * where the space has run on another CPU, local otherwise.
 */
#ifndef EXO_CORE_VSPACE_H
#define EXO_CORE_VSPACE_H

#include "core/frame.h"

struct cell;

/* unmap and protect go no further than so many blocks in one call: each costs 512 counts. */
#define VSPACE_BLOCKS_MAX 8u

struct vspace {
    struct spinlock lock; /* RANK_VSPACE */
    uint64_t *root;
    struct cell *cell;     /* pays for tables */
    _Atomic uint32_t cpus; /* bit n: it has run on CPU n, whose TLB may hold entries */
    uint16_t asid;         /* never 0, which is the kernel's */
    uint32_t tables;       /* frames of tables, the root included */
};

/* EXO_E_LIMIT (cell, or no ASID free), EXO_E_MEMORY. */
err_t vspace_init(struct vspace *space, struct cell *cell);

/*
 * Frees tables and the ASID in bounded steps. Every mapping of a program's frames is removed and
 * uncounted. EXO_E_AGAIN until done; nothing runs in the space any more.
 */
err_t vspace_destroy(struct vspace *space);

/* Where a frame comes from decides how it is mapped. */
enum vspace_kind {
    VSPACE_MEMORY = 0,  /* normal memory, counted in the frame table */
    VSPACE_DEVICE = 1,  /* device registers: nGnRE, never executable, not counted */
    VSPACE_CONTROL = 2, /* kernel-owned page shown to the program, which may not unmap it */
};

/*
 * Maps `pages` frames from `base` at `va`. Dirty frames are zeroed first, out of *budget (frames).
 * *done counts the pages that are mapped when it returns, whatever it returns. EXO_E_OCCUPIED
 * where something is mapped, EXO_E_WX, EXO_E_LIMIT, EXO_E_MEMORY, EXO_E_AGAIN (budget). prot has
 * EXO_PROT_READ; device registers are never executable; with EXO_PROT_BLOCK va, base and pages are
 * block-aligned (EXO_E_ALIGN). A block takes 8 off the budget for its counts
 * beside what is zeroed for it.
 */
err_t vspace_map(struct vspace *space, va_t va, pfn_t base, uint64_t pages, uint32_t prot,
                 enum vspace_kind kind, uint32_t *budget, uint64_t *done);

/*
 * The same for one page of clean memory, readable and perhaps writable, where the tables are there:
 * the answer to most page faults. False: nothing has changed, and vspace_map knows what to do.
 */
bool vspace_map_one(const struct vspace *space, va_t va, pfn_t pfn, uint32_t prot);

/*
 * Removes mappings of [va, va + pages). Holes are skipped. EXO_E_ALIGN where a block would be cut,
 * EXO_E_STATE at a VSPACE_CONTROL page (unless `control`), EXO_E_AGAIN at the 9th block. *done
 * pages from va on were dealt with, whatever it returns. The TLBs are clean when it returns.
 */
err_t vspace_unmap(struct vspace *space, va_t va, uint64_t pages, bool control, uint64_t *done);

/*
 * Changes the protection of the pages of [va, va + pages) up to the first that does not map frame
 * base + i (EXO_E_RANGE): unmaps them and maps them anew, with errors and progress of both. A page
 * whose new use is refused stays unmapped, and so do those behind it. Without EXO_PROT_BLOCK a
 * block becomes pages, if all of it is named.
 */
err_t vspace_protect(struct vspace *space, va_t va, pfn_t base, uint64_t pages, uint32_t prot,
                     uint64_t *done);

/*
 * Removes every mapping of frames [base, base + count) at page numbers [*lo, hi), visiting `budget`
 * entries and the rest of their table; moves *lo past what is done. EXO_E_AGAIN until *lo = hi.
 * Blocks are removed whole; holes cost one visit whatever their size.
 */
err_t vspace_sweep(struct vspace *space, pfn_t base, uint64_t count, uint32_t *lo, uint32_t hi,
                   uint32_t budget);

/* The frame and protection mapped at va; EXO_E_FAULT when none (or device registers). */
err_t vspace_find(struct vspace *space, va_t va, pfn_t *pfn, uint32_t *prot);

/* Makes it this CPU's space (TTBR0); NULL: none. Without the lock. */
void vspace_activate(struct vspace *space);

#endif

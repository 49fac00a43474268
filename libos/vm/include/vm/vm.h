/*
 * Virtual memory of this program: regions of addresses, filled when they are touched.
 *
 * Addresses and sizes are multiples of a page; of 2 MiB in regions with VM_BLOCKS. Functions may be
 * called by any thread, not by upcall handlers. Writable and executable at once is refused
 * (EXO_E_WX), as is anything that would make a frame so.
 */
#ifndef VM_VM_H
#define VM_VM_H

#include <rt/upcall.h>
#include <stdbool.h>
#include <stdint.h>

#define VM_START 0x4000000000ull /* addresses that vm gives out; below lies what rt maps */
#define VM_END   0x7ff0000000ull

#define VM_REGIONS_MAX 1024u

enum vm_prot { VM_NONE = 0, VM_READ = 1, VM_WRITE = 2, VM_EXEC = 4 };

enum vm_flag {
    VM_FIXED = 1,  /* exactly at the address given; what was there goes away */
    VM_SHARED = 2, /* writes reach the object; without it, they make private copies */
    /* 2 MiB at a time where there are such frames; anonymous ones, and objects whose pager maps. */
    VM_BLOCKS = 4,
};

struct vm_object;

/* Faults in regions are handled from now on, on every vCPU. Once, before further vCPUs. */
void vm_start(void);

/*
 * Makes a region of `bytes` at *va (or where there is room, which *va then says), with the object's
 * bytes from `offset` on, or zeros where object is NULL. Between two regions that vm places there
 * is an unmapped page. The region holds a reference to the object.
 *
 * EXO_E_ALIGN, EXO_E_RANGE: address or size; EXO_E_ARG: prot or flags, for this object; EXO_E_WX;
 * EXO_E_LIMIT: too many regions, or no room.
 */
int64_t vm_map(uint64_t *va, uint64_t bytes, uint32_t prot, uint32_t flags,
               struct vm_object *object, uint64_t offset);

/* Removes whatever regions have of these addresses; holes are skipped. */
int64_t vm_unmap(uint64_t va, uint64_t bytes);

/* EXO_E_RANGE: an address is in no region; then the regions before it are done. VM_NONE keeps the
 * contents and makes every access fail. */
int64_t vm_protect(uint64_t va, uint64_t bytes, uint32_t prot);

/* The contents of anonymous and private pages are forgotten: zeros, or the object's. Blocks only in
 * whole. */
int64_t vm_forget(uint64_t va, uint64_t bytes);

/* Makes pages present now that would be at the first touch. Anonymous regions only; others are left
 * alone. EXO_E_MEMORY, EXO_E_LIMIT: no frames for some of them. */
int64_t vm_populate(uint64_t va, uint64_t bytes, bool for_writing);

/* Called for accesses where no region is, or that its protection does not allow; NULL: a report,
 * and the program's end. As rt/upcall.h says of handlers. */
void vm_on_violation(rt_handler *handler);

struct vm_counts {
    uint64_t faults, fills, copies; /* handled; pages filled by objects; private copies */
    uint64_t resident_pages, runs;  /* now: with a frame; runs of frames held from the cell */
};
struct vm_counts vm_counts(void);

/*
 * Memory pressure: called on the vCPU that got the revoke upcall, inside, when frames are asked for
 * that vm cannot give out of what it has free. It forgets what it can (vm_forget is allowed here)
 * or notes that somebody should; returns nothing. The deadline is in ticks.
 */
struct vm_pressure {
    void (*asked)(struct vm_pressure *self, uint64_t frames, uint64_t deadline_ticks);
    struct vm_pressure *next; /* vm's */
};
void vm_on_pressure(struct vm_pressure *pressure);

#endif

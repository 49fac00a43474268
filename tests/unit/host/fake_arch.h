/*
 * A double of the machine under the portable kernel: RAM, CPUs, and TLBs that remember what the
 * walkers gave them until it is invalidated. A thread of the test is the CPU `fake_cpu`.
 */
#ifndef HOST_FAKE_ARCH_H
#define HOST_FAKE_ARCH_H

#include "core/cpu.h"

#include <setjmp.h>

#define FAKE_PFN 0x40000ull /* first frame of RAM */
#define FAKE_TLB 256        /* entries of each CPU */

extern _Thread_local uint32_t fake_cpu;
extern uint32_t fake_asids; /* what arch_asid_count says */

/* Called whenever the kernel asks for its CPU while that holds no lock, as where it takes the first
 * one in debug builds: another CPU could be as fast. Its own calls of the kernel are not told. */
extern _Thread_local void (*fake_unlocked)(void);

/* RAM of that many frames, all in the pool, contents 0xa5; CPUs online; empty TLBs and counters. */
void fake_machine(uint64_t frames, uint32_t cpus_online);
void fake_machine_end(void);

static inline err_t
map_one(pfn_t pfn, uint32_t prot)
{
    uint64_t done;
    return frame_map_run(pfn, 1, prot, &done);
}

static inline void
unmap_one(pfn_t pfn, uint32_t prot)
{
    frame_unmap_run(pfn, 1, prot);
}

/* Runs a statement that must panic. */
extern jmp_buf *_Atomic fake_panic;
#define PANICS(statement)           \
    ({                              \
        jmp_buf here_;              \
        volatile int panicked_ = 1; \
        fake_panic = &here_;        \
        if (setjmp(here_) == 0) {   \
            statement;              \
            panicked_ = 0;          \
        }                           \
        fake_panic = NULL;          \
        panicked_;                  \
    })

/* What was asked for since fake_count was cleared. */
struct fake_count {
    uint32_t page_flushes, asid_flushes, everywhere, icache_syncs;
    uint32_t stale_writable; /* frames made executable that a TLB could still write to */
};
extern struct fake_count fake_count;

/* Called before each invalidation, when entries are hidden and TLBs still full. */
extern void (*fake_before_flush)(void);

/* Lets a CPU use an address of its active space: true and the entry when it is mapped. */
bool fake_access(uint32_t cpu, va_t va, uint64_t *pte);
/* Whether the CPU's TLB gives an answer for the address, right or stale. */
bool fake_tlb_holds(uint32_t cpu, uint16_t asid, va_t va);
/* Whether what the TLBs say of each CPU's active space is what its tables say. */
bool fake_tlbs_are_right(void);

#endif

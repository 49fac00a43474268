/* Doubles of what exo/core asks of the machine (arch.h, base.h); fake_arch.h says how they act. */
#include "fake_arch.h"

#include "arch/arch.h"
#include "arch/mmu.h"
#include "arch/pte.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define ENTRIES 512

struct tlb_entry {
    bool used;
    uint16_t asid;
    va_t va;       /* of the page, or of the block */
    uint64_t size; /* bytes */
    uint64_t pte;
};

struct cpu cpus[EXO_CPUS_MAX];
uint32_t cpu_count;
_Atomic uint64_t global_epoch __attribute__((weak)); /* or the one of core/epoch.c */
uint64_t pte_guarded;
unsigned char *fake_ram;
pa_t fake_ram_base = FAKE_PFN << PAGE_SHIFT;
_Thread_local uint32_t fake_cpu;
_Thread_local void (*fake_unlocked)(void);
uint64_t pte_guarded; /* this machine has no BTI */
uint32_t fake_asids = 256;
jmp_buf *_Atomic fake_panic;
struct fake_count fake_count;
void (*fake_before_flush)(void);

static struct frame *table;
static struct tlb_entry tlbs[EXO_CPUS_MAX][FAKE_TLB];
static uint32_t tlb_next[EXO_CPUS_MAX];

struct cpu *
this_cpu(void)
{
    void (*told)(void) = fake_unlocked;
    if (told != NULL && cpus[fake_cpu].lock_ranks == 0) {
        fake_unlocked = NULL;
        told();
        fake_unlocked = told;
    }
    return &cpus[fake_cpu];
}

void
panic(const char *format, ...)
{
    va_list arguments;
    if (fake_panic != NULL)
        longjmp(*fake_panic, 1);
    va_start(arguments, format);
    printf("Bail out! panic: ");
    vprintf(format, arguments);
    printf("\n");
    va_end(arguments);
    fflush(stdout);
    abort();
}

uint32_t
arch_asid_count(void)
{
    return fake_asids;
}

void
fake_machine(uint64_t frames, uint32_t cpus_online)
{
    fake_machine_end();
    fake_ram = aligned_alloc(PAGE_BYTES, frames * PAGE_BYTES);
    table = calloc(frames, sizeof(*table));
    memset(fake_ram, 0xa5, frames * PAGE_BYTES);
    frame_table_init(table, FAKE_PFN, frames);
    frame_give(FAKE_PFN, frames);
    cpu_count = cpus_online;
    for (uint32_t n = 0; n < EXO_CPUS_MAX; n++)
        cpus[n] = (struct cpu){.number = n, .online = n < cpus_online};
    memset(tlbs, 0, sizeof(tlbs));
    fake_count = (struct fake_count){0};
    fake_before_flush = NULL;
    fake_cpu = 0;
}

void
fake_machine_end(void)
{
    free(fake_ram);
    free(table);
    fake_ram = NULL;
    table = NULL;
}

/* The walk of Arm ARM D8.2 for 39 bits and 4 KiB granules. */
static bool
walk(const uint64_t *root, uint16_t asid, va_t va, struct tlb_entry *entry)
{
    for (unsigned shift = 30; root != NULL; shift -= 9) {
        uint64_t pte = root[(va >> shift) % ENTRIES];
        if ((pte & PTE_VALID) == 0)
            return false;
        if (shift == 12 || (pte & PTE_TABLE) == 0) {
            uint64_t size = 1ull << shift;
            *entry = (struct tlb_entry){true, asid, va & ~(size - 1), size, pte};
            return true;
        }
        root = linear_from_pa(pte & PTE_ADDRESS);
    }
    return false;
}

static struct tlb_entry *
tlb_find(uint32_t cpu, uint16_t asid, va_t va)
{
    for (uint32_t i = 0; i < FAKE_TLB; i++) {
        struct tlb_entry *entry = &tlbs[cpu][i];
        if (entry->used && entry->asid == asid && va - entry->va < entry->size)
            return entry;
    }
    return NULL;
}

bool
fake_access(uint32_t cpu, va_t va, uint64_t *pte)
{
    struct vspace *space = cpus[cpu].space;
    struct tlb_entry found, *entry;
    if (space == NULL)
        return false;
    entry = tlb_find(cpu, space->asid, va);
    if (entry == NULL) {
        if (!walk(space->root, space->asid, va, &found))
            return false;
        entry = &tlbs[cpu][tlb_next[cpu]++ % FAKE_TLB];
        *entry = found;
    }
    *pte = entry->pte;
    return true;
}

bool
fake_tlb_holds(uint32_t cpu, uint16_t asid, va_t va)
{
    return tlb_find(cpu, asid, va) != NULL;
}

bool
fake_tlbs_are_right(void)
{
    struct tlb_entry now;
    for (uint32_t cpu = 0; cpu < cpu_count; cpu++) {
        struct vspace *space = cpus[cpu].space;
        for (uint32_t i = 0; space != NULL && i < FAKE_TLB; i++) {
            const struct tlb_entry *entry = &tlbs[cpu][i];
            if (entry->used && entry->asid == space->asid &&
                (!walk(space->root, space->asid, entry->va, &now) || now.pte != entry->pte)) {
                return false;
            }
        }
    }
    return true;
}

static void
tlb_drop(uint32_t cpu, uint16_t asid, bool all, va_t va)
{
    for (uint32_t i = 0; i < FAKE_TLB; i++) {
        struct tlb_entry *entry = &tlbs[cpu][i];
        if (entry->asid == asid && (all || va - entry->va < entry->size))
            entry->used = false;
    }
}

static void
flush(uint16_t asid, bool all, va_t va, bool everywhere)
{
    if (fake_before_flush != NULL)
        fake_before_flush();
    fake_count.everywhere += everywhere;
    for (uint32_t cpu = 0; cpu < cpu_count; cpu++)
        if (everywhere || cpu == fake_cpu)
            tlb_drop(cpu, asid, all, va);
}

void
arch_tlb_flush_page(uint16_t asid, va_t va, bool everywhere)
{
    fake_count.page_flushes++;
    flush(asid, false, va, everywhere);
}

void
arch_tlb_flush_asid(uint16_t asid, bool everywhere)
{
    fake_count.asid_flushes++;
    flush(asid, true, 0, everywhere);
}

void
arch_tlb_done(bool everywhere)
{
    (void)everywhere;
}

void
arch_tables_written(void)
{
}

void
arch_space_load(uint64_t *root, uint16_t asid)
{
    (void)root;
    (void)asid;
}

/* A frame becomes executable: nobody may still write to it through a TLB. */
void
arch_sync_icache(const void *address, size_t bytes)
{
    pa_t pa = linear_to_pa(address);
    (void)bytes; /* one frame */
    __atomic_fetch_add(&fake_count.icache_syncs, 1, __ATOMIC_RELAXED);
    for (uint32_t cpu = 0; cpu < cpu_count; cpu++) {
        for (uint32_t i = 0; i < FAKE_TLB; i++) {
            const struct tlb_entry *entry = &tlbs[cpu][i];
            struct vspace *space = cpus[cpu].space;
            if (entry->used && space != NULL && entry->asid == space->asid &&
                (entry->pte & PTE_READ_ONLY) == 0 &&
                pa - (entry->pte & PTE_ADDRESS) < entry->size) {
                fake_count.stale_writable++;
            }
        }
    }
}

/*
 * Page tables as vspace*.c see them. An entry is 0 (nothing), valid, or *hidden*: a mapping whose
 * valid bit was cleared and whose other bits, which the hardware ignores then (Arm ARM D8.3),
 * still say what it was. Entries are hidden only inside one call, between the moment when the
 * walkers stop using them and the moment when no TLB holds them: until then their counts in the
 * frame table stay, or a frame could become executable that another CPU still writes to.
 */
#ifndef EXO_CORE_PAGETABLE_H
#define EXO_CORE_PAGETABLE_H

#include "core/cell.h"
#include "core/vspace.h"

#include "arch/mmu.h"
#include "arch/pte.h"

#define TABLE_ENTRIES 512u
#define TABLE_SHIFT   9 /* log2 of that */

#define FLUSH_PAGES 16u /* more pages than this: the whole ASID leaves the TLBs */

typedef _Atomic uint64_t pte_t;

static inline uint64_t
pte_read(const pte_t *entry)
{
    return atomic_load_explicit(entry, memory_order_relaxed);
}

static inline void
pte_write(pte_t *entry, uint64_t pte)
{
    atomic_store_explicit(entry, pte, memory_order_relaxed);
}

static inline bool
pte_is_hidden(uint64_t pte)
{
    return pte != 0 && (pte & PTE_VALID) == 0;
}

/* At levels 1 and 2: the entry of a table below; blocks have the bit clear, hidden ones too. */
static inline bool
pte_is_table(uint64_t pte)
{
    return (pte & (PTE_VALID | PTE_TABLE)) == (PTE_VALID | PTE_TABLE);
}

static inline pfn_t
pte_pfn(uint64_t pte)
{
    return (pte & PTE_ADDRESS) >> PAGE_SHIFT;
}

/* Pages of a leaf entry, valid or hidden (Arm ARM D8.3: bit 1 is clear in block descriptors). */
static inline uint64_t
pte_pages(uint64_t pte)
{
    return (pte & PTE_TABLE) != 0 ? 1 : BLOCK_PAGES;
}

static inline bool
pte_is_device(uint64_t pte)
{
    return (pte & PTE_ATTR_MASK) == PTE_ATTR_DEVICE;
}

/* EXO_PROT_READ, WRITE and EXEC of a valid or hidden entry. */
static inline uint32_t
pte_prot(uint64_t pte)
{
    return EXO_PROT_READ | ((pte & PTE_READ_ONLY) == 0 ? (uint32_t)EXO_PROT_WRITE : 0) |
           ((pte & PTE_UXN) == 0 ? (uint32_t)EXO_PROT_EXEC : 0);
}

static inline pte_t *
table_of(uint64_t pte)
{
    return linear_from_pa(pte & PTE_ADDRESS);
}

/* Index of a page number in the table of a level: 1, 2 or 3. */
static inline uint64_t
table_index(uint64_t page, unsigned level)
{
    return (page >> (TABLE_SHIFT * (3 - level))) & (TABLE_ENTRIES - 1);
}

static inline pte_t *
root_table(const struct vspace *space)
{
    return (pte_t *)space->root;
}

/* Neighbouring pages of one table, or one entry above: a block or nothing. */
struct segment {
    pte_t *entry;
    uint64_t entries;
    uint64_t pages; /* that they cover, from the page asked for to the end asked for at most */
    bool is_block;
};

/* The segment that begins at a page number and ends at `end` or with its table. */
struct segment segment_at(const struct vspace *space, uint64_t page, uint64_t end);

/* Frees the table below an entry, which is empty. */
void put_table(struct vspace *space, pte_t *entry);

/* EXO_E_ALIGN, EXO_E_RANGE, EXO_E_WX: what would break the tables, whatever the caller checked. */
err_t check_change(va_t va, pfn_t base, uint64_t pages, uint32_t prot);

/* core/asid.c: 0 when none is free. Freed ones must be in no TLB. */
uint16_t asid_take(void);
void asid_put(uint16_t asid);

#endif

/* Address spaces: their beginning, lookups, mapping, and who runs in them. */
#include "core/pagetable.h"

#include "arch/arch.h"

/* Off the budget for one block: its 512 counts cost about as much as zeroing that many frames. */
#define BLOCK_COST 8

struct mapping {
    struct vspace *space;
    uint64_t page, end; /* numbers of virtual pages: which comes next */
    pfn_t pfn;          /* and its frame */
    uint32_t prot;
    uint64_t bits; /* of an entry, without address and type */
    uint32_t *budget;
};

err_t
check_change(va_t va, pfn_t base, uint64_t pages, uint32_t prot)
{
    uint64_t unit = (prot & EXO_PROT_BLOCK) != 0 ? BLOCK_PAGES : 1;
    if (!is_aligned(va, unit * PAGE_BYTES) || !is_aligned(base | pages, unit))
        return EXO_E_ALIGN;
    if ((prot & EXO_PROT_WRITE) != 0 && (prot & EXO_PROT_EXEC) != 0)
        return EXO_E_WX;
    return range_fits(va >> PAGE_SHIFT, pages, EXO_VA_END >> PAGE_SHIFT) ? EXO_OK : EXO_E_RANGE;
}

struct segment
segment_at(const struct vspace *space, uint64_t page, uint64_t end)
{
    pte_t *table = root_table(space);
    for (unsigned level = 1; level < 3; level++) {
        uint64_t last = page | ((1ull << (TABLE_SHIFT * (3 - level))) - 1);
        pte_t *entry = &table[table_index(page, level)];
        uint64_t pte = pte_read(entry);
        if (!pte_is_table(pte))
            return (struct segment){entry, 1, min_u64(end, last + 1) - page, pte != 0};
        table = table_of(pte);
    }
    uint64_t pages = min_u64(end, (page | (TABLE_ENTRIES - 1)) + 1) - page;
    return (struct segment){&table[table_index(page, 3)], pages, pages, false};
}

err_t
vspace_init(struct vspace *space, struct cell *cell)
{
    void *root;
    lock_init(&space->lock, RANK_VSPACE);
    atomic_store_explicit(&space->cpus, 0, memory_order_relaxed);
    space->asid = asid_take();
    if (space->asid == 0)
        return EXO_E_LIMIT;
    err_t err = cell_take_frames(cell, cell, 1, &root);
    if (err != EXO_OK) {
        asid_put(space->asid);
        return err;
    }
    space->root = root;
    space->cell = cell;
    space->tables = 1;
    return EXO_OK;
}

/*
 * The entry of a page in the table of level 2 or 3; tables on the way to it are made. The release
 * makes the zeros of a new table visible to walkers before they find it.
 */
static err_t
entry_for(struct vspace *space, uint64_t page, unsigned level, pte_t **entry)
{
    void *table = root_table(space);
    for (unsigned above = 1; above < level; above++) {
        pte_t *at = (pte_t *)table + table_index(page, above);
        uint64_t pte = pte_read(at);
        if (pte == 0) {
            TRY(cell_take_frames(space->cell, space->cell, 1, &table));
            space->tables++;
            pte = linear_to_pa(table) | PTE_VALID | PTE_TABLE;
            atomic_store_explicit(at, pte, memory_order_release);
        }
        if (!pte_is_table(pte))
            return EXO_E_OCCUPIED;
        table = table_of(pte);
    }
    *entry = (pte_t *)table + table_index(page, level);
    return EXO_OK;
}

static uint64_t
count_empty(const pte_t *entry, uint64_t count)
{
    uint64_t empty = 0;
    while (empty < count && pte_read(&entry[empty]) == 0)
        empty++;
    return empty;
}

/*
 * Zeroes and counts as many frames of the run as it can; *done of them may be mapped. The fence
 * makes zeros visible before the entries that lead to them.
 */
static err_t
prepare(const struct mapping *m, uint64_t pages, uint64_t *done)
{
    uint64_t more;
    err_t err = frame_map_run(m->pfn, pages, m->prot, done);
    if (err == EXO_E_STATE) {
        (void)frame_clean(m->pfn + *done, pages - *done, m->budget);
        err = frame_map_run(m->pfn + *done, pages - *done, m->prot, &more);
        *done += more;
    }
    atomic_thread_fence(memory_order_release);
    return err == EXO_E_STATE ? EXO_E_AGAIN : err;
}

/* Maps pages up to the end of their table. */
static err_t
map_pages(struct mapping *m)
{
    pte_t *entry;
    uint64_t done;
    TRY(entry_for(m->space, m->page, 3, &entry));
    uint64_t wanted = min_u64(m->end - m->page, TABLE_ENTRIES - table_index(m->page, 3));
    uint64_t empty = count_empty(entry, wanted);
    err_t err = prepare(m, empty, &done);
    for (uint64_t i = 0; i < done; i++)
        pte_write(&entry[i], (m->pfn + i) << PAGE_SHIFT | m->bits | PTE_PAGE);
    m->page += done;
    m->pfn += done;
    return err == EXO_OK && empty < wanted ? EXO_E_OCCUPIED : err;
}

/* A table whose pages were all unmapped makes way for a block. */
static err_t
map_block(struct mapping *m)
{
    pte_t *entry;
    uint64_t done;
    TRY(entry_for(m->space, m->page, 2, &entry));
    uint64_t pte = pte_read(entry);
    if (pte_is_table(pte) && count_empty(table_of(pte), TABLE_ENTRIES) == TABLE_ENTRIES)
        put_table(m->space, entry);
    else if (pte != 0)
        return EXO_E_OCCUPIED;
    if (*m->budget < BLOCK_COST)
        return EXO_E_AGAIN;
    *m->budget -= BLOCK_COST;
    err_t err = prepare(m, BLOCK_PAGES, &done);
    if (err != EXO_OK) {
        frame_unmap_run(m->pfn, done, m->prot);
        return err;
    }
    pte_write(entry, m->pfn << PAGE_SHIFT | m->bits | PTE_BLOCK);
    m->page += BLOCK_PAGES;
    m->pfn += BLOCK_PAGES;
    return EXO_OK;
}

static const uint64_t kind_bits[] = {
    [VSPACE_MEMORY] = PTE_ATTR_NORMAL,
    [VSPACE_DEVICE] = PTE_ATTR_DEVICE | PTE_UXN,
    [VSPACE_CONTROL] = PTE_ATTR_NORMAL | PTE_CONTROL,
};

bool
vspace_map_one(const struct vspace *space, va_t va, pfn_t pfn, uint32_t prot)
{
    uint64_t page = va >> PAGE_SHIFT, done;
    uint64_t bits = PTE_EL0_COMMON | PTE_ATTR_NORMAL | PTE_UXN | PTE_PAGE | pfn << PAGE_SHIFT;
    uint64_t above = pte_read(&root_table(space)[table_index(page, 1)]);
    if ((va & ~(EXO_VA_END - PAGE_BYTES)) != 0 || !pte_is_table(above))
        return false;
    above = pte_read(&table_of(above)[table_index(page, 2)]);
    if (!pte_is_table(above))
        return false;
    pte_t *entry = &table_of(above)[table_index(page, 3)];
    if (pte_read(entry) != 0 || frame_map_run(pfn, 1, prot, &done) != EXO_OK)
        return false;
    pte_write(entry, bits | ((prot & EXO_PROT_WRITE) != 0 ? 0 : PTE_READ_ONLY));
    arch_tables_written();
    return true;
}

err_t
vspace_map(struct vspace *space, va_t va, pfn_t base, uint64_t pages, uint32_t prot,
           enum vspace_kind kind, uint32_t *budget, uint64_t *done)
{
    uint64_t first = va >> PAGE_SHIFT, bits = PTE_EL0_COMMON | kind_bits[kind];
    bits |= (prot & EXO_PROT_WRITE) != 0 ? 0 : PTE_READ_ONLY;
    bits |= (prot & EXO_PROT_EXEC) != 0 ? 0 : PTE_UXN;
    err_t err = check_change(va, base, pages, prot);
    struct mapping m = {space, first, first + pages, base, prot, bits, budget};
    while (err == EXO_OK && m.page < m.end)
        err = (prot & EXO_PROT_BLOCK) != 0 ? map_block(&m) : map_pages(&m);
    arch_tables_written();
    *done = m.page - first;
    return err;
}

err_t
vspace_find(struct vspace *space, va_t va, pfn_t *pfn, uint32_t *prot)
{
    uint64_t page = va >> PAGE_SHIFT;
    if (va >= EXO_VA_END)
        return EXO_E_FAULT;
    uint64_t pte = pte_read(segment_at(space, page, page + 1).entry);
    if ((pte & PTE_VALID) == 0 || pte_is_device(pte))
        return EXO_E_FAULT;
    *pfn = pte_pfn(pte);
    *prot = pte_prot(pte);
    if ((pte & PTE_TABLE) == 0) {
        *pfn += page % BLOCK_PAGES;
        *prot |= EXO_PROT_BLOCK;
    }
    return EXO_OK;
}

/*
 * The bit is set (and the store of it complete) before the walkers may use the tables;
 * flush_hidden is the other side. The ASID may have been another space's, so the first time on a
 * CPU begins with a flush. cpu->space changes last: when a CPU does not say so any more, it has
 * left the tables.
 */
void
vspace_activate(struct vspace *space)
{
    struct cpu *cpu = this_cpu();
    uint32_t bit = 1u << cpu->number;
    if (space != NULL && (atomic_load_explicit(&space->cpus, memory_order_relaxed) & bit) == 0) {
        atomic_fetch_or_explicit(&space->cpus, bit, memory_order_seq_cst);
        arch_tables_written();
        arch_tlb_flush_asid(space->asid, false);
        arch_tlb_done(false);
    }
    arch_space_load(space != NULL ? space->root : NULL, space != NULL ? space->asid : 0);
    atomic_store_explicit(&cpu->space, space, memory_order_release);
}

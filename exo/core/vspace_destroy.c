/* The end of an address space, one table at a time. */
#include "core/pagetable.h"

#include "arch/arch.h"
#include "core/cell.h"

/*
 * What the space's own mappings keep in TLBs is of no use to anybody once nothing runs in it, but
 * the counts that are dropped below say that it is gone, and the ASID will be another's.
 */
static void
flush_all(struct vspace *space)
{
    for (uint32_t n = 0; n < cpu_count; n++) {
        ensure(atomic_load_explicit(&cpus[n].space, memory_order_acquire) != space);
    }
    if (atomic_load_explicit(&space->cpus, memory_order_relaxed) != 0) {
        arch_tlb_flush_asid(space->asid, true);
        arch_tlb_done(true);
        atomic_store_explicit(&space->cpus, 0, memory_order_relaxed);
    }
}

static pte_t *
first_used(pte_t *table)
{
    for (uint64_t i = 0; i < TABLE_ENTRIES; i++) {
        if (pte_read(&table[i]) != 0) {
            return &table[i];
        }
    }
    return NULL;
}

static void
drop_leaf(pte_t *entry)
{
    uint64_t pte = pte_read(entry);
    if (pte != 0) {
        frame_unmap_run(pte_pfn(pte), pte_pages(pte), pte_prot(pte));
        pte_write(entry, 0);
    }
}

static void
free_table(struct vspace *space, pte_t *entry)
{
    pte_t *table = table_of(pte_read(entry));
    pte_write(entry, 0);
    cell_put_frame(space->cell, table);
    space->tables--;
}

/* Below an entry of the root: one table of pages, one block, or the table itself once empty. */
static void
destroy_below(struct vspace *space, pte_t *entry)
{
    pte_t *below = first_used(table_of(pte_read(entry)));
    if (below == NULL) {
        free_table(space, entry);
    } else if (pte_is_table(pte_read(below))) {
        pte_t *pages = table_of(pte_read(below));
        for (uint64_t i = 0; i < TABLE_ENTRIES; i++) {
            drop_leaf(&pages[i]);
        }
        free_table(space, below);
    } else {
        drop_leaf(below);
    }
}

err_t
vspace_destroy(struct vspace *space)
{
    if (space->root == NULL) {
        return EXO_OK;
    }
    flush_all(space);
    pte_t *entry = first_used(root_table(space));
    if (entry != NULL) {
        destroy_below(space, entry);
        return EXO_E_AGAIN;
    }
    cell_put_frame(space->cell, space->root);
    space->root = NULL;
    space->tables--;
    asid_put(space->asid);
    return EXO_OK;
}

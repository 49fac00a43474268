/* The end of an address space, one table at a time. */
#include "core/pagetable.h"

#include "arch/arch.h"

/* Empties a table of pages, or goes one step on below a table of tables. True: it is empty. */
static bool
empty_step(struct vspace *space, pte_t *table, unsigned level)
{
    for (uint64_t i = 0; i < TABLE_ENTRIES; i++) {
        uint64_t pte = pte_read(&table[i]);
        if (pte == 0)
            continue;
        if (level == 3 || !pte_is_table(pte)) {
            frame_unmap_run(pte_pfn(pte), pte_pages(pte), pte_prot(pte));
            pte_write(&table[i], 0);
        } else if (empty_step(space, table_of(pte), level + 1)) {
            put_table(space, &table[i]);
        }
        if (level < 3)
            return false;
    }
    return true;
}

/*
 * What the space's own mappings keep in TLBs is of no use to anybody once nothing runs in it, but
 * the counts that are dropped say that it is gone, and the ASID will be another's.
 */
err_t
vspace_destroy(struct vspace *space)
{
    if (space->root == NULL)
        return EXO_OK;
    for (uint32_t n = 0; n < cpu_count; n++)
        ensure(atomic_load_explicit(&cpus[n].space, memory_order_acquire) != space);
    if (atomic_load_explicit(&space->cpus, memory_order_relaxed) != 0) {
        arch_tlb_flush_asid(space->asid, true);
        arch_tlb_done(true);
        atomic_store_explicit(&space->cpus, 0, memory_order_relaxed);
    }
    if (!empty_step(space, root_table(space), 1))
        return EXO_E_AGAIN;
    cell_put_frames(space->cell, space->root, 1);
    space->root = NULL;
    space->tables--;
    asid_put(space->asid);
    return EXO_OK;
}

/*
 * Mappings that go or change: hide the entries, invalidate the TLBs once for all of them, then
 * drop the counts (pagetable.h says why in this order; Arm ARM D8.14 wants break-before-make).
 */
#include "core/pagetable.h"

#include "arch/arch.h"

#define BLOCK_VISITS 64u /* of a sweep's budget: 512 counts are dropped with one block */

/*
 * Returns when no TLB holds the `count` hidden mappings at pages [page, end). The walkers find them
 * hidden before they are asked to forget them. The fence pairs with vspace_activate: a CPU that
 * sets its bit after this load finds them hidden, too.
 */
static void
flush_hidden(struct vspace *space, uint64_t page, uint64_t end, uint64_t count)
{
    struct segment s;
    arch_tables_written();
    atomic_thread_fence(memory_order_seq_cst);
    uint32_t holders = atomic_load_explicit(&space->cpus, memory_order_seq_cst);
    bool everywhere = (holders & ~(1u << this_cpu()->number)) != 0;
    if (holders == 0)
        return;
    if (count > FLUSH_PAGES) {
        arch_tlb_flush_asid(space->asid, everywhere);
        page = end;
    }
    for (; page < end; page += s.pages) {
        s = segment_at(space, page, end);
        for (uint64_t i = 0; i < s.entries; i++)
            if (pte_is_hidden(pte_read(&s.entry[i])))
                arch_tlb_flush_page(space->asid, (page + i) << PAGE_SHIFT, everywhere);
    }
    arch_tlb_done(everywhere);
}

/* Drops a run of hidden entries whose frames follow each other; how far the next one may be. */
static uint64_t
drop_run(pte_t *entry, uint64_t entries)
{
    uint64_t pte = pte_read(entry), run = 0;
    if (!pte_is_hidden(pte))
        return 1;
    for (; run < entries && pte_read(&entry[run]) == pte + run * PAGE_BYTES; run++)
        pte_write(&entry[run], 0);
    frame_unmap_run(pte_pfn(pte), run * pte_pages(pte), pte_prot(pte));
    return run;
}

/* The end of the `count` hidden mappings at pages [page, end). */
static void
drop_hidden(struct vspace *space, uint64_t page, uint64_t end, uint64_t count)
{
    struct segment s;
    if (count == 0)
        return;
    flush_hidden(space, page, end, count);
    for (; page < end; page += s.pages) {
        s = segment_at(space, page, end);
        for (uint64_t i = 0; i < s.entries;)
            i += drop_run(&s.entry[i], s.entries - i);
    }
}

void
put_table(struct vspace *space, pte_t *entry)
{
    pte_t *table = table_of(pte_read(entry));
    pte_write(entry, 0);
    flush_hidden(space, 0, 0, UINT64_MAX);
    cell_put_frames(space->cell, table, 1);
    space->tables--;
}

/*
 * Hides what is mapped in [*page, end); *page moves up to the first whose entry is not that of
 * `want`, in the bits of `care` (the address in `want` goes up from page to page).
 */
static err_t
hide(struct vspace *space, uint64_t *page, uint64_t end, uint64_t want, uint64_t care,
     uint64_t *hidden)
{
    struct segment s;
    uint64_t blocks = 0;
    for (; *page < end; *page += s.pages, want += s.pages * PAGE_BYTES) {
        s = segment_at(space, *page, end);
        if (s.is_block && s.pages != BLOCK_PAGES)
            return EXO_E_ALIGN;
        if (s.is_block && blocks++ == VSPACE_BLOCKS_MAX)
            return EXO_E_AGAIN;
        for (uint64_t i = 0; i < s.entries; i++) {
            uint64_t pte = pte_read(&s.entry[i]);
            if (((pte ^ (want + i * PAGE_BYTES)) & care) != 0) {
                *page += i;
                return (pte & care & PTE_CONTROL) != 0 ? EXO_E_STATE : EXO_E_RANGE;
            }
            pte_write(&s.entry[i], pte & ~PTE_VALID);
            *hidden += pte != 0;
        }
    }
    return EXO_OK;
}

static err_t
unmap(struct vspace *space, va_t va, uint64_t pages, uint64_t want, uint64_t care, uint64_t *done)
{
    uint64_t first = va >> PAGE_SHIFT, page = first, hidden = 0;
    err_t err = check_change(va, 0, pages, 0);
    if (err == EXO_OK)
        err = hide(space, &page, first + pages, want, care, &hidden);
    drop_hidden(space, first, page, hidden);
    *done = page - first;
    return err;
}

err_t
vspace_unmap(struct vspace *space, va_t va, uint64_t pages, bool control, uint64_t *done)
{
    return unmap(space, va, pages, 0, control ? 0 : PTE_CONTROL, done);
}

err_t
vspace_protect(struct vspace *space, va_t va, pfn_t base, uint64_t pages, uint32_t prot,
               uint64_t *done)
{
    uint32_t budget = UINT32_MAX;
    uint64_t unmapped;
    err_t err = check_change(va, base, pages, prot);
    *done = 0;
    if (err != EXO_OK || frame_of(base) == NULL)
        return err != EXO_OK ? err : EXO_E_RANGE;
    err = unmap(space, va, pages, base << PAGE_SHIFT, PTE_CONTROL | PTE_ADDRESS, &unmapped);
    err_t mapped = vspace_map(space, va, base, unmapped, prot, VSPACE_MEMORY, &budget, done);
    return mapped != EXO_OK ? mapped : err;
}

err_t
vspace_sweep(struct vspace *space, pfn_t base, uint64_t count, uint32_t *lo, uint32_t hi,
             uint32_t budget)
{
    struct segment s;
    uint64_t page = *lo, hidden = 0, visits = 0;
    for (; page < hi && visits < budget; page += s.pages) {
        s = segment_at(space, page, hi);
        visits += s.is_block ? BLOCK_VISITS : s.entries;
        for (uint64_t i = 0; i < s.entries; i++) {
            uint64_t pte = pte_read(&s.entry[i]);
            pfn_t pfn = pte_pfn(pte);
            if (pte != 0 && pfn < base + count && pfn + pte_pages(pte) > base) {
                pte_write(&s.entry[i], pte & ~PTE_VALID);
                hidden++;
            }
        }
    }
    drop_hidden(space, *lo, page, hidden);
    *lo = (uint32_t)page;
    return page < hi ? EXO_E_AGAIN : EXO_OK;
}

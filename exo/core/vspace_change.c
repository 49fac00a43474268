/*
 * Mappings that go or change: hide the entries, invalidate the TLBs once for all of them, then
 * drop the counts (pagetable.h says why in this order; Arm ARM D8.14 wants break-before-make).
 */
#include "core/pagetable.h"

#include "arch/arch.h"

/*
 * The CPUs whose TLBs may hold entries of the space. The fence pairs with vspace_activate: a CPU
 * that sets its bit after this load finds the entries hidden when it walks.
 */
static uint32_t
space_holders(struct vspace *space)
{
    atomic_thread_fence(memory_order_seq_cst);
    return atomic_load_explicit(&space->cpus, memory_order_seq_cst);
}

/* False when no TLB needs it. The walkers find the entries hidden before they are asked to forget.
 */
static bool
flush_begin(struct vspace *space, bool *everywhere)
{
    arch_tables_written();
    uint32_t holders = space_holders(space);
    *everywhere = (holders & ~(1u << this_cpu()->number)) != 0;
    return holders != 0;
}

void
flush_space(struct vspace *space)
{
    bool everywhere;
    if (!flush_begin(space, &everywhere)) {
        return;
    }
    arch_tlb_flush_asid(space->asid, everywhere);
    arch_tlb_done(everywhere);
}

static void
flush_pages(struct vspace *space, uint64_t page, uint64_t end)
{
    struct segment segment;
    bool everywhere;
    if (!flush_begin(space, &everywhere)) {
        return;
    }
    for (; page < end; page += segment.pages) {
        segment = segment_at(space, page, end);
        for (uint64_t i = 0; segment.entry != NULL && i < segment.entries; i++) {
            if (pte_is_hidden(pte_read(&segment.entry[i]))) {
                arch_tlb_flush_page(space->asid, (page + i) << PAGE_SHIFT, everywhere);
            }
        }
    }
    arch_tlb_done(everywhere);
}

void
flush_hidden(struct vspace *space, uint64_t page, uint64_t end, uint64_t count)
{
    if (count > FLUSH_PAGES) {
        flush_space(space);
    } else if (count > 0) {
        flush_pages(space, page, end);
    }
}

uint64_t
hidden_run(const pte_t *entry, uint64_t entries)
{
    uint64_t pte = pte_read(entry), run = 0;
    if (!pte_is_hidden(pte)) {
        return 0;
    }
    do {
        run++;
        pte += PAGE_BYTES;
    } while (run < entries && pte_read(&entry[run]) == pte);
    return run;
}

/* Drops a run of frames that follow each other; returns where the next one may begin. */
static pte_t *
drop_run(pte_t *entry, const pte_t *end)
{
    uint64_t first = pte_read(entry), pte = first, run = 0;
    if (!pte_is_hidden(pte)) {
        return entry + 1;
    }
    do {
        pte_write(entry, 0);
        entry++;
        run++;
        pte += PAGE_BYTES;
    } while (entry < end && pte_read(entry) == pte);
    frame_unmap_run(pte_pfn(first), run * pte_pages(first), pte_prot(first));
    return entry;
}

void
drop_hidden(struct vspace *space, uint64_t page, uint64_t end)
{
    struct segment segment;
    for (; page < end; page += segment.pages) {
        segment = segment_at(space, page, end);
        pte_t *entry = segment.entry;
        while (entry != NULL && entry < segment.entry + segment.entries) {
            entry = drop_run(entry, segment.entry + segment.entries);
        }
    }
}

/* Hides what is mapped in the segment; *done pages of it until it failed. */
static err_t
hide_segment(const struct segment *segment, bool control, uint64_t *hidden, uint64_t *done)
{
    pte_t *entry = segment->entry;
    uint64_t entries = segment->entries, count = 0;
    uint64_t refused = control ? 0 : PTE_CONTROL;
    for (uint64_t i = 0; i < entries; i++) {
        uint64_t pte = pte_read(&entry[i]);
        if ((pte & (PTE_VALID | refused)) == PTE_VALID) {
            pte_write(&entry[i], pte & ~PTE_VALID);
            count++;
        } else if ((pte & PTE_VALID) != 0) {
            *done = i;
            *hidden += count;
            return EXO_E_STATE;
        }
    }
    *done = segment->pages;
    *hidden += count;
    return EXO_OK;
}

err_t
vspace_unmap(struct vspace *space, va_t va, uint64_t pages, bool control, uint64_t *done)
{
    uint64_t first = va >> PAGE_SHIFT, page = first, hidden = 0, blocks = 0;
    err_t err = check_change(va, 0, pages, 0);
    while (err == EXO_OK && page < first + pages) {
        struct segment segment = segment_at(space, page, first + pages);
        uint64_t passed = segment.pages;
        blocks += segment.is_block;
        if (cuts_block(&segment, page)) {
            err = EXO_E_ALIGN;
            break;
        }
        if (blocks > VSPACE_BLOCKS_MAX) {
            err = EXO_E_AGAIN;
            break;
        }
        if (segment.entry != NULL) {
            err = hide_segment(&segment, control, &hidden, &passed);
        }
        page += passed;
    }
    flush_hidden(space, first, page, hidden);
    drop_hidden(space, first, page);
    *done = page - first;
    return err;
}

err_t
vspace_protect(struct vspace *space, va_t va, pfn_t base, uint64_t pages, uint32_t prot,
               uint64_t *done)
{
    uint32_t have, budget = UINT32_MAX;
    uint64_t unmapped;
    pfn_t pfn;
    *done = 0;
    err_t err = check_change(va, base, pages, prot);
    for (uint64_t i = 0; err == EXO_OK && i < pages; i++) {
        if (vspace_find(space, va + i * PAGE_BYTES, &pfn, &have) != EXO_OK || pfn != base + i) {
            err = EXO_E_RANGE;
        }
    }
    if (err != EXO_OK) {
        return err;
    }
    err = vspace_unmap(space, va, pages, false, &unmapped);
    err_t mapped = vspace_map(space, va, base, unmapped, prot, VSPACE_MEMORY, &budget, done);
    return mapped != EXO_OK ? mapped : err;
}

/* Hides the mappings of frames [base, base + count); blocks that hold one of them, too. */
static uint64_t
hide_frames(const struct segment *segment, pfn_t base, uint64_t count)
{
    uint64_t hidden = 0;
    for (uint64_t i = 0; i < segment->entries; i++) {
        uint64_t pte = pte_read(&segment->entry[i]);
        pfn_t pfn = pte_pfn(pte);
        if ((pte & PTE_VALID) != 0 && pfn < base + count && pfn + pte_pages(pte) > base) {
            pte_write(&segment->entry[i], pte & ~PTE_VALID);
            hidden++;
        }
    }
    return hidden;
}

/* Holes cost one visit whatever their size. */
err_t
vspace_sweep(struct vspace *space, pfn_t base, uint64_t count, uint32_t *lo, uint32_t hi,
             uint32_t budget)
{
    uint64_t page = *lo, hidden = 0, visits;
    for (; page < hi && budget > 0; budget -= (uint32_t)visits) {
        struct segment segment = segment_at(space, page, hi);
        visits = 1;
        if (segment.is_block) {
            visits = min_u64(budget, BLOCK_VISITS);
        } else if (segment.entry != NULL) {
            visits = segment.pages = segment.entries = min_u64(budget, segment.entries);
        }
        if (segment.entry != NULL) {
            hidden += hide_frames(&segment, base, count);
        }
        page += segment.pages;
    }
    flush_hidden(space, *lo, page, hidden);
    drop_hidden(space, *lo, page);
    *lo = (uint32_t)page;
    return page < hi ? EXO_E_AGAIN : EXO_OK;
}

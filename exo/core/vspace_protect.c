/* Changing the protection of mappings: check all, hide, invalidate, count anew, show. */
#include "core/pagetable.h"

#include "arch/arch.h"

struct change {
    struct vspace *space;
    uint64_t first, end; /* page numbers */
    pfn_t base;          /* frame of the first page */
    uint32_t prot;
};

static err_t
check_segment(const struct change *change, const struct segment *segment, uint64_t page)
{
    pfn_t pfn = change->base + (page - change->first);
    if (segment->entry == NULL) {
        return EXO_E_RANGE;
    }
    if (cuts_block(segment, page)) {
        return EXO_E_ALIGN;
    }
    for (uint64_t i = 0; i < segment->entries; i++) {
        uint64_t pte = pte_read(&segment->entry[i]);
        if ((pte & PTE_VALID) == 0 || pte_pfn(pte) != pfn + i) {
            return EXO_E_RANGE;
        }
        if ((pte & PTE_CONTROL) != 0) {
            return EXO_E_STATE;
        }
        if (pte_is_device(pte) && (change->prot & EXO_PROT_EXEC) != 0) {
            return EXO_E_RIGHT;
        }
    }
    return EXO_OK;
}

/* Changes nothing but `end`, which comes down to what one call may do. */
static err_t
check_pages(struct change *change)
{
    uint64_t page = change->first, blocks = 0;
    while (page < change->end) {
        struct segment segment = segment_at(change->space, page, change->end);
        err_t err = check_segment(change, &segment, page);
        if (err != EXO_OK) {
            return err;
        }
        page += segment.pages;
        blocks += segment.is_block;
        if (blocks == VSPACE_BLOCKS_MAX) {
            change->end = page;
        }
    }
    return EXO_OK;
}

/* Returns how many. */
static uint64_t
hide_changing(const struct change *change)
{
    uint64_t bits = pte_prot_bits(change->prot), hidden = 0;
    struct segment segment;
    for (uint64_t page = change->first; page < change->end; page += segment.pages) {
        segment = segment_at(change->space, page, change->end);
        for (uint64_t i = 0; i < segment.entries; i++) {
            uint64_t pte = pte_read(&segment.entry[i]);
            if ((pte & PTE_PROT_MASK) != bits) {
                pte_write(&segment.entry[i], pte & ~PTE_VALID);
                hidden++;
            }
        }
    }
    return hidden;
}

/* Counts all frames of a leaf entry, or none. */
static err_t
count_leaf(uint64_t pte, uint32_t prot)
{
    uint64_t done;
    err_t err = frame_map_run(pte_pfn(pte), pte_pages(pte), prot, &done);
    if (err != EXO_OK) {
        frame_unmap_run(pte_pfn(pte), done, prot);
    }
    return err;
}

/* A mapping whose new use was refused: as it was, if nobody took the frame meanwhile. */
static void
restore(pte_t *entry)
{
    uint64_t pte = pte_read(entry);
    pte_write(entry, count_leaf(pte, pte_prot(pte)) == EXO_OK ? pte | PTE_VALID : 0);
}

/*
 * The old counts of a run of entries go before the new ones come, since a frame's only mapping may
 * turn from writable to executable. *done entries have the new protection.
 */
static err_t
change_run(pte_t *entry, uint64_t run, uint32_t prot, uint64_t *done)
{
    uint64_t pte = pte_read(entry), frames;
    uint64_t bits = pte_prot_bits(prot) | PTE_VALID;
    frame_unmap_run(pte_pfn(pte), run * pte_pages(pte), pte_prot(pte));
    err_t err = frame_map_run(pte_pfn(pte), run * pte_pages(pte), prot, &frames);
    *done = frames / pte_pages(pte);
    frame_unmap_run(pte_pfn(pte) + *done * pte_pages(pte), frames % pte_pages(pte), prot);
    for (uint64_t i = 0; i < *done; i++) {
        pte_write(&entry[i], (pte_read(&entry[i]) & ~PTE_PROT_MASK) | bits);
    }
    for (uint64_t i = *done; i < run; i++) {
        restore(&entry[i]);
    }
    return err;
}

/* Entries that are not hidden have the protection already. *done entries until it failed. */
static err_t
change_segment(const struct segment *segment, uint32_t prot, uint64_t *done)
{
    uint64_t i = 0, changed;
    err_t err = EXO_OK;
    while (i < segment->entries && err == EXO_OK) {
        uint64_t run = hidden_run(&segment->entry[i], segment->entries - i);
        changed = 1;
        if (run != 0) {
            err = change_run(&segment->entry[i], run, prot, &changed);
        }
        i += changed;
    }
    *done = i;
    return err;
}

/* After a failure: what is still hidden still has its counts. */
static void
show_hidden(const struct segment *segment)
{
    for (uint64_t i = 0; i < segment->entries; i++) {
        uint64_t pte = pte_read(&segment->entry[i]);
        if (pte_is_hidden(pte)) {
            pte_write(&segment->entry[i], pte | PTE_VALID);
        }
    }
}

/* Counts the hidden entries anew and shows them; *done pages until it failed. */
static err_t
change_all(const struct change *change, uint64_t *done)
{
    struct segment segment;
    uint64_t entries;
    err_t err = EXO_OK;
    for (uint64_t page = change->first; page < change->end; page += segment.pages) {
        segment = segment_at(change->space, page, change->end);
        if (err == EXO_OK) {
            err = change_segment(&segment, change->prot, &entries);
            *done += segment.is_block ? entries * BLOCK_PAGES : entries;
        }
        if (err != EXO_OK) {
            show_hidden(&segment);
        }
    }
    return err;
}

err_t
vspace_protect(struct vspace *space, va_t va, pfn_t base, uint64_t pages, uint32_t prot,
               uint64_t *done)
{
    struct change change = {.space = space, .first = va >> PAGE_SHIFT, .base = base, .prot = prot};
    change.end = change.first + pages;
    *done = 0;
    err_t err = check_change(va, pages, prot);
    if (err == EXO_OK) {
        err = check_pages(&change);
    }
    if (err != EXO_OK) {
        return err;
    }
    flush_hidden(space, change.first, change.end, hide_changing(&change));
    err = change_all(&change, done);
    arch_tables_written();
    return err == EXO_OK && *done < pages ? EXO_E_AGAIN : err;
}

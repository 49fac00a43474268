/* Which frame lies at which address: a table of three levels, like the machine's. */
#include "private.h"

#define LEAF_PAGES  512u
#define TOP_ENTRIES 256u /* of 1 GiB each: VM_START to VM_END */

static uint32_t **top[TOP_ENTRIES];

/* The leaf of an address: words of LEAF_PAGES pages. */
static uint32_t *
leaf_of(uint64_t va, bool make)
{
    uint32_t ***middle = &top[(va - VM_START) >> 30];
    if (*middle == NULL && make)
        *middle = meta_take(LEAF_PAGES * sizeof(**middle));
    if (*middle == NULL)
        return NULL;
    uint32_t **leaf = &(*middle)[va >> 21 & (LEAF_PAGES - 1)];
    if (*leaf == NULL && make)
        *leaf = meta_take(LEAF_PAGES * sizeof(**leaf));
    return *leaf;
}

uint32_t *
page_word(uint64_t va, bool make)
{
    uint32_t *leaf = leaf_of(va, make);
    return leaf == NULL ? NULL : &leaf[va / PAGE % LEAF_PAGES];
}

/* VM_EXEC mappings of frames that were writable: they are unmapped before, so nothing is both. */
int64_t
page_map(uint64_t va, uint32_t *word, uint32_t prot)
{
    if (*word & PAGE_MAPPED)
        pages_hide(va, va + PAGE);
    const struct exo_map entry = frame_entry(*word & FRAME_MASK, va, 1, prot | EXO_PROT_READ);
    int64_t err = rt_map(EXO_SELF, &entry, 1);
    if (err == EXO_OK)
        *word |=
            PAGE_MAPPED | (prot & VM_WRITE ? PAGE_WRITE : 0) | (prot & VM_EXEC ? PAGE_EXEC : 0);
    return err;
}

static void
forget_frame(uint32_t *word)
{
    if ((*word & PAGE_HELD) && !(*word & PAGE_OBJECT))
        frame_give(*word & FRAME_MASK);
    *word = 0;
}

/* One leaf's part: unmapped by one call if anything is mapped there. */
static void
hide_part(uint64_t va, uint64_t end, bool forget)
{
    uint32_t *word = page_word(va, false), pages = (uint32_t)((end - va) / PAGE);
    uint32_t seen = 0;
    if (word == NULL)
        return;
    for (uint32_t i = 0; i < pages; i++)
        seen |= word[i];
    if (seen & PAGE_MAPPED)
        (void)rt_unmap_pages(va, pages);
    for (uint32_t i = 0; i < pages && seen != 0; i++) {
        word[i] &= ~PAGE_PROTECT;
        if (forget)
            forget_frame(&word[i]);
    }
}

static void
hide_all(uint64_t va, uint64_t end, bool forget)
{
    while (va < end) {
        uint64_t leaf_end = (va / BLOCK_BYTES + 1) * BLOCK_BYTES;
        uint64_t part_end = leaf_end < end ? leaf_end : end;
        hide_part(va, part_end, forget);
        va = part_end;
    }
}

void
pages_hide(uint64_t va, uint64_t end)
{
    hide_all(va, end, false);
}

void
pages_forget(uint64_t va, uint64_t end)
{
    hide_all(va, end, true);
}

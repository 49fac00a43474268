/* Arguments of map, unmap and protect: batches of entries in the arena and among the blocks. */
#include "worker.h"

static uint32_t
pick_prot(uint32_t rights)
{
    switch (below(16)) {
    case 0: return below(16);
    case 1:
    case 2: return EXO_PROT_READ;
    case 3:
    case 4: return rights & EXO_EXEC ? EXO_PROT_READ | EXO_PROT_EXEC : EXO_PROT_READ;
    default: return rights & EXO_WRITE ? EXO_PROT_READ | EXO_PROT_WRITE : EXO_PROT_READ;
    }
}

/* Arena pages from a random one on that are all mapped, or all free: how many, at most `most`. */
static uint32_t
find_pages(bool mapped, uint32_t most, uint32_t *first)
{
    uint32_t at = below(ARENA_PAGES), length = 0;
    for (uint32_t tries = 0; tries < ARENA_PAGES; tries++, at = (at + 1) % ARENA_PAGES)
        if ((now.arena[at].prot != 0) == mapped)
            break;
    *first = at;
    while (length < most && at < ARENA_PAGES && (now.arena[at].prot != 0) == mapped) {
        length++;
        at++;
    }
    return length != 0 ? length : 1;
}

static void
fill_block(struct exo_map *entry, const struct slot *slot)
{
    uint32_t skip = (EXO_BLOCK_PAGES - slot->base % EXO_BLOCK_PAGES) % EXO_BLOCK_PAGES;
    entry->va = BLOCK_VA + below(4) * EXO_BLOCK_PAGES * PAGE;
    entry->first = skip;
    entry->pages = EXO_BLOCK_PAGES;
    entry->prot |= EXO_PROT_BLOCK;
}

static void
fill_map(struct exo_map *entry, bool own)
{
    uint64_t slot = own ? pick(EXO_TYPE_FRAMES, EXO_READ) : 4 + below(12);
    const struct slot *frames = slot_at(slot);
    uint32_t count = frames->count != 0 ? frames->count : 1, at;
    uint32_t pages = find_pages(false, 1 + below(8), &at);
    pages = pages < count ? pages : count;
    *entry = (struct exo_map){ARENA_VA + at * PAGE, (uint32_t)slot, below(count - pages + 1), pages,
                              pick_prot(frames->rights)};
    if (count >= EXO_BLOCK_PAGES && one_in(2))
        fill_block(entry, frames);
}

static void
fill_unmap(struct exo_map *entry)
{
    uint32_t at, pages = find_pages(true, 1 + below(8), &at);
    *entry = (struct exo_map){.va = ARENA_VA + at * PAGE, .pages = pages};
    if (one_in(10)) {
        entry->va = BLOCK_VA + below(4) * EXO_BLOCK_PAGES * PAGE;
        entry->pages = EXO_BLOCK_PAGES;
        entry->prot = EXO_PROT_BLOCK;
    }
}

static void
fill_protect(struct exo_map *entry)
{
    uint32_t at;
    (void)find_pages(true, 1, &at);
    const struct page *page = &now.arena[at];
    *entry = (struct exo_map){ARENA_VA + at * PAGE, page->slot, page->first, 1,
                              pick_prot(slot_at(page->slot)->rights)};
}

static uint32_t
entries(void)
{
    return one_in(60) ? EXO_MAP_ENTRIES_MAX : 1 + below(one_in(4) ? 4 : 1);
}

static void
corrupt_entry(uint32_t count)
{
    uint64_t *word = (uint64_t *)(void *)&map_buffer[below(count)];
    if (one_in(24))
        word[below(3)] = pick_odd();
}

void
gen_map(uint64_t *x)
{
    x[0] = below(4) ? EXO_SELF : pick(EXO_TYPE_ENV, EXO_WRITE);
    x[2] = entries();
    for (uint32_t i = 0; i < x[2]; i++)
        fill_map(&map_buffer[i], x[0] == EXO_SELF);
    corrupt_entry((uint32_t)x[2]);
    x[1] = pick_buffer(map_buffer);
    x[3] = one_in(4) ? exo_address(&context_buffer) : 0;
}

void
gen_unmap(uint64_t *x)
{
    x[0] = below(4) ? EXO_SELF : pick(EXO_TYPE_ENV, EXO_WRITE);
    x[2] = entries();
    for (uint32_t i = 0; i < x[2]; i++)
        fill_unmap(&map_buffer[i]);
    corrupt_entry((uint32_t)x[2]);
    x[1] = pick_buffer(map_buffer);
}

void
gen_protect(uint64_t *x)
{
    x[0] = below(8) ? EXO_SELF : pick(EXO_TYPE_ENV, EXO_WRITE);
    x[2] = entries();
    for (uint32_t i = 0; i < x[2]; i++)
        fill_protect(&map_buffer[i]);
    corrupt_entry((uint32_t)x[2]);
    x[1] = pick_buffer(map_buffer);
}

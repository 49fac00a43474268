/* Calls in steps, driven to their end; mappings in batches. */
#include "private.h"

#include <rt/again.h>

int64_t
rt_drop(uint32_t slot)
{
    return exo_again(exo_cap_drop(slot));
}

int64_t
rt_revoke(uint32_t slot)
{
    return exo_again(exo_cap_revoke(slot));
}

int64_t
rt_reap(uint32_t cell)
{
    return exo_again(exo_cell_reap(cell));
}

int64_t
rt_stop_env(uint32_t env)
{
    return exo_again(exo_env_stop(env));
}

int64_t
rt_stop_vcpu(uint32_t vcpu)
{
    return exo_again(exo_vcpu_stop(vcpu));
}

int64_t
rt_reclaim(uint32_t cell, uint32_t frames, uint64_t grace_ticks)
{
    for (;;) {
        struct exo_reclaim step = exo_cell_reclaim(cell, frames, grace_ticks);
        if (step.status != EXO_E_AGAIN)
            return step.status;
        if (rt_ticks() < step.deadline_ticks) {
            uint64_t next = rt_deadline_ns(RT_MS_NS);
            rt_sleep_until(next < step.deadline_ticks ? next : step.deadline_ticks);
        }
    }
}

/* --- Batches -------------------------------------------------------------------------------- */

enum change { MAP, UNMAP, PROTECT };

/* Where in a list of entries the next page is. */
struct cursor {
    const struct exo_map *entries;
    uint32_t count, index;
    uint32_t page; /* of entries[index] */
};

static uint32_t
pages_per_unit(const struct exo_map *entry)
{
    return entry->prot & EXO_PROT_BLOCK ? EXO_BLOCK_PAGES : 1;
}

/* What one call takes, from the cursor on, which stays. Returns the number of entries. */
static uint32_t
next_batch(const struct cursor *at, struct exo_map batch[EXO_MAP_ENTRIES_MAX])
{
    uint32_t count = 0, room = EXO_MAP_PAGES_MAX, page = at->page;
    for (uint32_t i = at->index; i < at->count && count < EXO_MAP_ENTRIES_MAX && room > 0; i++) {
        const struct exo_map *entry = &at->entries[i];
        uint32_t unit = pages_per_unit(entry), pages = entry->pages - page;
        /* Pages that are no multiple of a unit are the kernel's to refuse. */
        uint32_t most = room * unit;
        batch[count] = *entry;
        batch[count].va += (uint64_t)page * EXO_PAGE_BYTES;
        batch[count].first += page;
        batch[count].pages = pages < most ? pages : most;
        room -= (batch[count].pages + unit - 1) / unit;
        count++;
        page = 0;
    }
    return count;
}

static void
advance(struct cursor *at, uint64_t done)
{
    while (done > 0 && at->index < at->count) {
        uint64_t left = at->entries[at->index].pages - at->page;
        if (done < left) {
            at->page += (uint32_t)done;
            return;
        }
        done -= left;
        at->page = 0;
        at->index++;
    }
}

static struct exo_progress
change_once(enum change change, uint32_t env, const struct exo_map *entries, uint32_t count)
{
    switch (change) {
    case MAP: return exo_map(env, entries, count, NULL);
    case UNMAP: return exo_unmap(env, entries, count);
    default: return exo_protect(env, entries, count);
    }
}

static int64_t
change_all(enum change change, uint32_t env, const struct exo_map *entries, uint32_t count)
{
    struct exo_map batch[EXO_MAP_ENTRIES_MAX];
    struct cursor at = {.entries = entries, .count = count};
    while (at.index < at.count) {
        uint32_t size = next_batch(&at, batch);
        struct exo_progress step = change_once(change, env, batch, size);
        if (step.status != EXO_OK && step.status != EXO_E_AGAIN)
            return step.status;
        advance(&at, step.done);
    }
    return EXO_OK;
}

int64_t
rt_map(uint32_t env, const struct exo_map *entries, uint32_t count)
{
    return change_all(MAP, env, entries, count);
}

int64_t
rt_unmap(uint32_t env, const struct exo_map *entries, uint32_t count)
{
    return change_all(UNMAP, env, entries, count);
}

int64_t
rt_protect(uint32_t env, const struct exo_map *entries, uint32_t count)
{
    return change_all(PROTECT, env, entries, count);
}

/* System calls on frames and mappings. */
#include "core/cap_read.h"
#include "core/vspace.h"
#include "sys/sys.h"

#define ZERO_BUDGET 64u /* frames zeroed in a call, at most */

/* Takes the frames of a new origin, which its cell pays for. */
static err_t
take_run(struct origin *origin, uint32_t count, enum exo_alloc how, pfn_t at)
{
    uint64_t got = 0;
    TRY(cell_charge(origin->cell, EXO_RES_FRAMES, count));
    err_t err = frame_take(count, how, at, origin, &origin->base, &got);
    origin->count = err == EXO_OK ? (uint32_t)got : 0;
    cell_refund(origin->cell, EXO_RES_FRAMES, count - origin->count);
    return err;
}

err_t
sys_frames_alloc(struct vcpu *self, uint64_t *x)
{
    void *object;
    if (x[2] == 0 || x[2] > EXO_ALLOC_MAX || x[3] > EXO_ALLOC_AT)
        return EXO_E_ARG;
    PLACE(cell, dst);
    TRY(cell_new_object(cell, EXO_TYPE_FRAMES, sizeof(struct origin), &object));
    struct origin *origin = object;
    err_t err = take_run(origin, (uint32_t)x[2], (enum exo_alloc)x[3], x[4]);
    if (err != EXO_OK) {
        cell_put_object(cell, object);
        return err;
    }
    uint64_t base = origin->base, got = origin->count;
    TRY(cell_publish(origin, dst));
    x[1] = base;
    x[2] = got;
    return EXO_OK;
}

err_t
sys_frames_split(struct vcpu *self, uint64_t *x)
{
    if (x[1] > UINT32_MAX)
        return EXO_E_ARG;
    LOOKUP(cap, x[0], EXO_TYPE_FRAMES, EXO_CONTROL);
    SLOT(dst, self->env, x[2]);
    if (x[1] == 0 || x[1] >= cap.count)
        return EXO_E_RANGE;
    return frames_split(&cap, (uint32_t)x[1], dst);
}

/* --- map, unmap, protect: a batch of entries, with progress in x1
 * --------------------------------- */

struct batch {
    struct env *env;
    struct exo_map entries[EXO_MAP_ENTRIES_MAX];
    uint32_t count;
    uint32_t budget; /* frames that may still be zeroed */
    uint64_t done;   /* pages */
};

static uint64_t
weight(const struct exo_map *entry)
{
    return entry->prot & EXO_PROT_BLOCK ? entry->pages / BLOCK_PAGES * EXO_MAP_BLOCK_WEIGHT
                                        : entry->pages;
}

static err_t
check_entry(const struct exo_map *entry)
{
    bool block = entry->prot & EXO_PROT_BLOCK;
    uint64_t unit = block ? BLOCK_PAGES : 1;
    if (entry->pages == 0 || entry->prot & ~15u)
        return EXO_E_ARG;
    if (!is_aligned(entry->va, unit * PAGE_BYTES) || !is_aligned(entry->pages, unit))
        return EXO_E_ALIGN;
    if (entry->va < EXO_VA_START ||
        !range_fits(entry->va, (uint64_t)entry->pages * PAGE_BYTES, EXO_VA_END)) {
        return EXO_E_RANGE;
    }
    return EXO_OK;
}

static err_t
batch_in(struct vcpu *self, const uint64_t *x, struct batch *batch)
{
    uint64_t pages = 0;
    if (x[2] == 0 || x[2] > EXO_MAP_ENTRIES_MAX)
        return EXO_E_ARG;
    batch->count = (uint32_t)x[2];
    batch->budget = ZERO_BUDGET;
    TRY(sys_env(self, x[0], EXO_WRITE, &batch->env));
    TRY(arch_copy_in(batch->entries, x[1], batch->count * sizeof(batch->entries[0])));
    for (uint32_t i = 0; i < batch->count; i++) {
        TRY(check_entry(&batch->entries[i]));
        pages += weight(&batch->entries[i]);
    }
    return pages > EXO_MAP_PAGES_MAX ? EXO_E_ARG : EXO_OK;
}

/* The capability in the target's own table that justifies the mapping, and the first frame. */
static err_t
justify(struct env *env, const struct exo_map *entry, struct cap *cap, pfn_t *base)
{
    uint32_t prot = entry->prot;
    uint16_t rights = EXO_READ;
    if (!(prot & EXO_PROT_READ))
        return EXO_E_ARG;
    if ((prot & EXO_PROT_WRITE) && (prot & EXO_PROT_EXEC))
        return EXO_E_WX;
    rights |= prot & EXO_PROT_WRITE ? EXO_WRITE : 0;
    rights |= prot & EXO_PROT_EXEC ? EXO_EXEC : 0;
    TRY(cap_lookup(env, entry->slot, EXO_TYPE_FRAMES, rights, cap));
    if (!range_fits(entry->first, entry->pages, cap->count))
        return EXO_E_RANGE;
    *base = (pfn_t)cap->base + entry->first;
    if ((prot & EXO_PROT_BLOCK) && !is_aligned(*base, BLOCK_PAGES))
        return EXO_E_ALIGN;
    return EXO_OK;
}

enum change { CHANGE_MAP = 0, CHANGE_UNMAP = 1, CHANGE_PROTECT = 2 }; /* as EXO_TRACE_MAP says */

static err_t
change_entry(struct batch *batch, const struct exo_map *entry, enum change change)
{
    struct cap cap;
    pfn_t base = 0;
    uint64_t done = 0;
    struct vspace *space = &batch->env->space;
    if (change != CHANGE_UNMAP) {
        TRY(justify(batch->env, entry, &cap, &base));
        if (cap.origin->device &&
            (change == CHANGE_PROTECT || (entry->prot & (EXO_PROT_EXEC | EXO_PROT_BLOCK))))
            return EXO_E_ARG;
    }
    err_t err = EXO_E_GONE;
    lock_acquire(&space->lock);
    if (change == CHANGE_UNMAP) {
        err = vspace_unmap(space, entry->va, entry->pages, false, &done);
    } else if (cap_still(&cap)) {
        cap_widen_hull(cap.slot, entry->va, entry->pages);
        if (change == CHANGE_PROTECT)
            err = vspace_protect(space, entry->va, base, entry->pages, entry->prot, &done);
        else
            err = vspace_map(space, entry->va, base, entry->pages, entry->prot,
                             cap.origin->device ? VSPACE_DEVICE : VSPACE_MEMORY, &batch->budget,
                             &done);
    }
    lock_release(&space->lock);
    batch->done += done;
    trace(EXO_TRACE_MAP, entry->va, entry->pages | (uint64_t)change << 32);
    return err;
}

static err_t
run_batch(struct vcpu *self, uint64_t *x, enum change change)
{
    struct batch batch;
    batch.done = 0;
    err_t err = batch_in(self, x, &batch);
    for (uint32_t i = 0; err == EXO_OK && i < batch.count; i++)
        err = change_entry(&batch, &batch.entries[i], change);
    x[1] = batch.done;
    return err;
}

_Static_assert((int)EXO_PROT_READ == EXO_READ && (int)EXO_PROT_WRITE == EXO_WRITE, "map_one");

/*
 * What a page fault takes, in few instructions: one page of memory for the caller. False: nothing
 * has changed, and run_batch does it, or says why not. The lock is held before the capability is
 * looked up, so that who revokes it comes later and finds the mapping.
 */
static bool
map_one(struct vcpu *self, uint64_t *x)
{
    struct exo_map entry;
    uint64_t range;
    struct vspace *space = &self->env->space;
    if (x[0] != EXO_SELF || x[2] != 1 || arch_copy_in(&entry, x[1], sizeof(entry)) != EXO_OK ||
        entry.pages != 1 || entry.va < EXO_VA_START ||
        (entry.prot | EXO_PROT_WRITE) != (EXO_PROT_READ | EXO_PROT_WRITE))
        return false;
    HOLD(&space->lock);
    struct cap_slot *slot = slot_at(self->env, entry.slot);
    const struct origin *origin = cap_peek(slot, EXO_TYPE_FRAMES, entry.prot, &range);
    if (origin == NULL || origin->device || entry.first >= range >> 32)
        return false;
    if (!vspace_map_one(space, entry.va, (uint32_t)range + entry.first, entry.prot))
        return false;
    cap_widen_hull(slot, entry.va, 1); /* only now is the address known to be a page's */
    trace(EXO_TRACE_MAP, entry.va, 1);
    x[1] = 1;
    return true;
}

err_t
sys_map(struct vcpu *self, uint64_t *x)
{
    if (!map_one(self, x))
        TRY(run_batch(self, x, CHANGE_MAP));
    return x[3] != 0 ? sys_resume_at(self, x[3]) : EXO_OK;
}

err_t
sys_unmap(struct vcpu *self, uint64_t *x)
{
    return run_batch(self, x, CHANGE_UNMAP);
}

err_t
sys_protect(struct vcpu *self, uint64_t *x)
{
    return run_batch(self, x, CHANGE_PROTECT);
}

/* System calls on frames and mappings. */
#include "core/vspace.h"
#include "sys/sys.h"

#define ZERO_BUDGET 64u /* frames zeroed in a call, at most */

/* Charged, taken and named by a new origin; not yet published. */
static err_t
take_run(struct cell *cell, uint32_t count, enum exo_alloc how, pfn_t at, struct origin **origin)
{
    void *object;
    pfn_t base;
    uint64_t got;
    err_t err = cell_take_object(cell, sizeof(struct origin), &object);
    if (err != EXO_OK)
        return err;
    *origin = object;
    origin_init(*origin, EXO_TYPE_FRAMES, cell);
    err = cell_charge(cell, EXO_RES_FRAMES, count);
    if (err == EXO_OK) {
        err = frame_take(count, how, at, *origin, &base, &got);
        if (err == EXO_OK) {
            (*origin)->base = base;
            (*origin)->count = (uint32_t)got;
            cell_refund(cell, EXO_RES_FRAMES, count - (uint32_t)got);
        } else {
            cell_refund(cell, EXO_RES_FRAMES, count);
        }
    }
    if (err != EXO_OK)
        cell_put_object(cell, object, sizeof(struct origin));
    return err;
}

static void
discard_run(struct origin *origin)
{
    frame_put(origin->base, origin->count);
    cell_refund(origin->cell, EXO_RES_FRAMES, origin->count);
    cell_put_object(origin->cell, origin, sizeof(*origin));
}

err_t
sys_frames_alloc(struct vcpu *self, uint64_t *x)
{
    struct cell *cell;
    struct cap_slot *dst;
    struct origin *origin;
    err_t err = EXO_OK;
    uint32_t count = arg_u32(x[2], &err);
    if (err == EXO_OK && (count == 0 || count > EXO_ALLOC_MAX || x[3] > EXO_ALLOC_AT))
        err = EXO_E_ARG;
    if (err == EXO_OK)
        err = sys_cell(self, x[0], EXO_WRITE, &cell);
    if (err == EXO_OK)
        err = sys_slot(self->env, x[1], &dst);
    if (err == EXO_OK) {
        (void)cell_free_zombies(cell);
        err = take_run(cell, count, (enum exo_alloc)x[3], x[4], &origin);
    }
    if (err == EXO_OK) {
        uint64_t base = origin->base, got = origin->count;
        err = cell_publish(cell, origin, dst, EXO_RIGHTS_ALL);
        if (err == EXO_OK) {
            x[1] = base;
            x[2] = got;
        } else {
            discard_run(origin);
        }
    }
    return err;
}

err_t
sys_frames_split(struct vcpu *self, uint64_t *x)
{
    struct cap cap;
    struct cap_slot *dst;
    err_t err = EXO_OK;
    uint32_t at = arg_u32(x[1], &err);
    if (err == EXO_OK)
        err = sys_lookup(self, x[0], EXO_TYPE_FRAMES, EXO_CONTROL, &cap);
    if (err == EXO_OK)
        err = sys_slot(self->env, x[2], &dst);
    if (err == EXO_OK && (at == 0 || at >= cap.count))
        err = EXO_E_RANGE;
    return err == EXO_OK ? frames_split(&cap, at, dst) : err;
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
    batch->done = 0;
    err_t err = sys_env(self, x[0], EXO_WRITE, &batch->env);
    if (err == EXO_OK)
        err = sys_copy_in(batch->entries, x[1], batch->count * sizeof(batch->entries[0]));
    for (uint32_t i = 0; err == EXO_OK && i < batch->count; i++) {
        err = check_entry(&batch->entries[i]);
        pages += weight(&batch->entries[i]);
        if (err == EXO_OK && pages > EXO_MAP_PAGES_MAX)
            err = EXO_E_ARG;
    }
    return err;
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
    err_t err = cap_lookup(env, entry->slot, EXO_TYPE_FRAMES, rights, cap);
    if (err != EXO_OK)
        return err;
    if (!range_fits(entry->first, entry->pages, cap->count))
        return EXO_E_RANGE;
    *base = (pfn_t)cap->base + entry->first;
    if ((prot & EXO_PROT_BLOCK) && !is_aligned(*base, BLOCK_PAGES))
        return EXO_E_ALIGN;
    return EXO_OK;
}

static err_t
map_entry(struct batch *batch, const struct exo_map *entry)
{
    struct cap cap;
    pfn_t base;
    uint64_t done = 0;
    struct vspace *space = &batch->env->space;
    err_t err = justify(batch->env, entry, &cap, &base);
    if (err != EXO_OK)
        return err;
    bool device = cap.origin->device;
    if (device && (entry->prot & (EXO_PROT_EXEC | EXO_PROT_BLOCK)))
        return EXO_E_ARG;
    lock_acquire(&space->lock);
    if (cap_still(&cap)) {
        cap_widen_hull(cap.slot, entry->va, entry->pages);
        err = vspace_map(space, entry->va, base, entry->pages, entry->prot,
                         device ? VSPACE_DEVICE : VSPACE_MEMORY, &batch->budget, &done);
    } else {
        err = EXO_E_GONE;
    }
    lock_release(&space->lock);
    batch->done += done;
    trace(EXO_TRACE_MAP, entry->va, entry->pages);
    return err;
}

static err_t
unmap_entry(struct batch *batch, const struct exo_map *entry)
{
    uint64_t done = 0;
    struct vspace *space = &batch->env->space;
    lock_acquire(&space->lock);
    err_t err = vspace_unmap(space, entry->va, entry->pages, false, &done);
    lock_release(&space->lock);
    batch->done += done;
    trace(EXO_TRACE_MAP, entry->va, entry->pages | 1ull << 32);
    return err;
}

static err_t
protect_entry(struct batch *batch, const struct exo_map *entry)
{
    struct cap cap;
    pfn_t base;
    uint64_t done = 0;
    struct vspace *space = &batch->env->space;
    err_t err = justify(batch->env, entry, &cap, &base);
    if (err != EXO_OK)
        return err;
    if (cap.origin->device)
        return EXO_E_ARG;
    lock_acquire(&space->lock);
    if (cap_still(&cap)) {
        cap_widen_hull(cap.slot, entry->va, entry->pages);
        err = vspace_protect(space, entry->va, base, entry->pages, entry->prot, &done);
    } else {
        err = EXO_E_GONE;
    }
    lock_release(&space->lock);
    batch->done += done;
    trace(EXO_TRACE_MAP, entry->va, entry->pages | 2ull << 32);
    return err;
}

static err_t
run_batch(struct vcpu *self, uint64_t *x,
          err_t (*each)(struct batch *batch, const struct exo_map *entry))
{
    struct batch batch;
    err_t err = batch_in(self, x, &batch);
    if (err != EXO_OK) {
        x[1] = 0;
        return err;
    }
    for (uint32_t i = 0; err == EXO_OK && i < batch.count; i++)
        err = each(&batch, &batch.entries[i]);
    x[1] = batch.done;
    return err;
}

err_t
sys_map(struct vcpu *self, uint64_t *x)
{
    va_t context = x[3];
    err_t err = run_batch(self, x, map_entry);
    return err == EXO_OK && context != 0 ? sys_resume_at(self, context) : err;
}

err_t
sys_unmap(struct vcpu *self, uint64_t *x)
{
    return run_batch(self, x, unmap_entry);
}

err_t
sys_protect(struct vcpu *self, uint64_t *x)
{
    return run_batch(self, x, protect_entry);
}

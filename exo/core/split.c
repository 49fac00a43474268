/*
 * Splitting a run of frames in two: the holder of its root capability gets a second root for the
 * second part, so that each can be given back alone.
 */
#include "core/cell.h"
#include "core/env.h"
#include "core/frame.h"

/* Both slots and the origin locked, and the address space that the first was mapped in. */
static void
divide(struct cap_slot *slot, struct origin *origin, struct origin *second, uint32_t at)
{
    origin->count = at;
    frame_set_owner(second->base, second->count, second);
    __atomic_store_n(&slot->badge, origin->base | (uint64_t)at << 32, __ATOMIC_RELAXED);
}

/* The second part may be mapped wherever the whole was. */
static void
inherit_hull(const struct cap_slot *slot, struct cap_slot *dst)
{
    dst->hull_lo = slot->hull_lo;
    dst->hull_hi = slot->hull_hi;
    atomic_store(&dst->flags, atomic_load(&slot->flags) & CAP_MAPPED);
}

static err_t
split_locked(const struct cap *cap, uint32_t at, struct cap_slot *dst, struct origin *second)
{
    struct origin *origin = cap->origin;
    struct cap_slot *slot = cap->slot;
    if (!cap_still(cap)) {
        return EXO_E_GONE;
    }
    if (origin->phase != ORIGIN_IDLE || slot->depth != 0 || slot->next != NULL || origin->device ||
        origin->eternal) {
        return EXO_E_STATE;
    }
    second->base = origin->base + at;
    second->count = origin->count - at;
    /* Nothing finds the second part before its slot is filled, and nobody can unmap it before the
     * hull is there: the first part's origin lock keeps drops away, the cell's lock dooms. */
    err_t err = cap_plant(dst, second, slot->rights, second->base | (uint64_t)second->count << 32);
    if (err == EXO_OK) {
        struct vspace *space = &slot->env->space;
        slot_lock(slot);
        lock_acquire(&space->lock);
        divide(slot, origin, second, at);
        inherit_hull(slot, dst);
        lock_release(&space->lock);
        slot_unlock(slot);
    }
    return err;
}

err_t
frames_split(const struct cap *cap, uint32_t at, struct cap_slot *dst)
{
    struct cell *cell = cap->origin->cell;
    void *object;
    if (dst->env != cap->slot->env || dst == cap->slot) {
        return EXO_E_OCCUPIED;
    }
    err_t err = cell_take_object(cell, sizeof(struct origin), &object);
    if (err != EXO_OK) {
        return err;
    }
    struct origin *second = object;
    origin_init(second, EXO_TYPE_FRAMES, cell);
    lock_acquire(&cell->lock);
    lock_acquire(&cap->origin->lock);
    err = cell_is_dying(cell) ? EXO_E_GONE : split_locked(cap, at, dst, second);
    if (err == EXO_OK) {
        cell_list(cell, second);
    }
    lock_release(&cap->origin->lock);
    lock_release(&cell->lock);
    if (err != EXO_OK) {
        cell_put_object(cell, object, sizeof(struct origin));
    }
    return err;
}

/*
 * Splitting a run of frames in two: the holder of its root capability gets a second root for the
 * second part, so that each can be given back alone.
 */
#include "core/cell.h"
#include "core/env.h"
#include "core/frame.h"

/*
 * Both roots hold the whole hull afterwards: either part may be mapped anywhere in it. Once `slot`
 * is locked no map through it passes cap_still; taking the address-space lock once waits for those
 * that did, so that the hull stands still when the new root is planted with it.
 */
static err_t
split_locked(const struct cap *cap, uint32_t at, struct cap_slot *dst, struct origin *second)
{
    struct origin *origin = cap->origin;
    struct cap_slot *slot = cap->slot;
    if (!cap_still(cap))
        return EXO_E_GONE;
    if (origin->phase != ORIGIN_IDLE || slot->depth != 0 || slot->next != NULL || origin->device ||
        origin->eternal)
        return EXO_E_STATE;
    second->base = origin->base + at;
    second->count = origin->count - at;
    slots_lock(slot, dst);
    lock_acquire(&slot->env->space.lock);
    lock_release(&slot->env->space.lock);
    err_t err =
        cap_plant(dst, second, slot->rights, second->base | (uint64_t)second->count << 32, slot);
    if (err == EXO_OK) {
        origin->count = at;
        frame_set_owner(second->base, second->count, second);
        __atomic_store_n(&slot->badge, origin->base | (uint64_t)at << 32, __ATOMIC_RELAXED);
    }
    slots_unlock(slot, dst, err == EXO_OK);
    return err;
}

err_t
frames_split(const struct cap *cap, uint32_t at, struct cap_slot *dst)
{
    struct cell *cell = cap->origin->cell;
    void *object;
    if (dst->env != cap->slot->env || dst == cap->slot)
        return EXO_E_OCCUPIED;
    TRY(cell_new_object(cell, EXO_TYPE_FRAMES, sizeof(struct origin), &object));
    lock_acquire(&cell->lock);
    lock_acquire(&cap->origin->lock);
    err_t err = cell_is_dying(cell) ? EXO_E_GONE : split_locked(cap, at, dst, object);
    if (err == EXO_OK)
        cell_list(cell, object);
    lock_release(&cap->origin->lock);
    lock_release(&cell->lock);
    if (err != EXO_OK)
        cell_put_object(cell, object);
    return err;
}

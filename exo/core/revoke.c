/*
 * Revoke, drop and doom: one machine on an origin, a bounded step a call
 * (docs/design/capabilities.md; tests/models/revoke.pml).
 */
#include "core/cap_read.h"
#include "core/reap.h"
#include "virtio/queue.h"

#define STEP_SLOTS 32   /* capabilities marked or swept in a step */
#define STEP_PAGES 512u /* page-table entries visited in a step */

void
origin_init(struct origin *origin, enum exo_type type, struct cell *cell)
{
    *origin = (struct origin){.type = (uint8_t)type, .phase = ORIGIN_IDLE, .cell = cell};
    lock_init(&origin->lock, RANK_ORIGIN);
    atomic_store_explicit(&origin->generation, 1, memory_order_relaxed);
}

static bool
has_children(const struct cap_slot *slot)
{
    return slot->next != NULL && slot->next->depth > slot->depth;
}

err_t
cap_unmap_step(struct cap_slot *slot)
{
    if (slot->type != EXO_TYPE_FRAMES)
        return EXO_OK;
    if (slot->env == NULL) /* a region of a queue, or the root of a ring page */
        return slot->depth == 0 ? EXO_OK : region_close_step(slot);
    struct vspace *space = &slot->env->space;
    /* Always under the lock: a map that saw the capability alive sets CAP_MAPPED before it lets go.
     */
    HOLD(&space->lock);
    if (atomic_load_explicit(&slot->flags, memory_order_relaxed) & CAP_MAPPED)
        TRY(vspace_sweep(space, slot->base, slot->count, &slot->hull_lo, slot->hull_hi,
                         STEP_PAGES));
    atomic_fetch_and(&slot->flags, (uint8_t)~CAP_MAPPED);
    slot->hull_lo = slot->hull_hi = 0;
    return EXO_OK;
}

/* Unmaps, a step at a time, then empties the slot. Origin lock held. */
static err_t
remove_step(struct cap_slot *slot)
{
    atomic_fetch_or(&slot->flags, CAP_DYING);
    TRY(cap_unmap_step(slot));
    slot_lock(slot);
    cap_erase(slot);
    slot_unlock(slot, true);
    return EXO_OK;
}

static void
begin_subtree(struct origin *origin, struct cap_slot *slot)
{
    origin->revoking = slot;
    origin->cursor = slot;
    origin->phase = ORIGIN_MARK;
}

static void
mark_step(struct origin *origin)
{
    for (int i = 0; i < STEP_SLOTS; i++) {
        struct cap_slot *next = origin->cursor->next;
        if (next == NULL || next->depth <= origin->revoking->depth) {
            origin->epoch = epoch_advance();
            origin->phase = ORIGIN_GRACE;
            return;
        }
        atomic_fetch_or(&next->flags, CAP_DYING);
        origin->cursor = next;
    }
}

/* What the sweep takes next: leaves first, never the root of what is revoked. */
static struct cap_slot *
next_victim(const struct origin *origin)
{
    if (origin->doomed) {
        struct cap_slot *last = origin->last;
        return last == NULL || last->depth == 0 ? NULL : last;
    }
    return origin->cursor == origin->revoking ? NULL : origin->cursor;
}

/* A holder of a derived capability must not keep its grantor waiting with revokes of its own. */
static void
end_sweep(struct origin *origin)
{
    origin->phase = origin->doomed ? ORIGIN_FINISH : ORIGIN_IDLE;
    origin->revoking = origin->cursor = NULL;
    if (origin->pending != NULL && !origin->doomed)
        begin_subtree(origin, origin->pending);
    origin->pending = NULL;
}

static void
sweep_step(struct origin *origin)
{
    for (int i = 0; i < STEP_SLOTS; i++) {
        struct cap_slot *victim = next_victim(origin);
        if (victim == NULL) {
            end_sweep(origin);
            return;
        }
        struct cap_slot *before = victim->prev;
        bool mapped = atomic_load_explicit(&victim->flags, memory_order_relaxed) & CAP_MAPPED;
        if (remove_step(victim) != EXO_OK)
            return;
        origin->cursor = before;
        if (mapped)
            return; /* that was a whole step of a sweep */
    }
}

/* FINISH runs without the lock, since it takes those of other objects; `stepping` keeps others out.
 */
static err_t
finish_step(struct origin *origin)
{
    atomic_store(&origin->stepping, true);
    lock_release(&origin->lock);
    err_t err = origin_finish_step(origin);
    lock_acquire(&origin->lock);
    atomic_store(&origin->stepping, false);
    return err;
}

err_t
origin_step(struct origin *origin)
{
    bool dead = false;
    lock_acquire(&origin->lock);
    if (!atomic_load(&origin->stepping)) {
        switch (origin->phase) {
        case ORIGIN_MARK: mark_step(origin); break;
        case ORIGIN_GRACE:
            if (epoch_passed(origin->epoch))
                origin->phase = ORIGIN_SWEEP;
            break;
        case ORIGIN_SWEEP: sweep_step(origin); break;
        case ORIGIN_FINISH:
            /* A frames root may be mapped: its mappings go before its frames do, and it after
               them, if it was not closed before. */
            if ((origin->last == NULL || cap_unmap_step(origin->last) == EXO_OK) &&
                finish_step(origin) == EXO_OK &&
                (origin->last == NULL || remove_step(origin->last) == EXO_OK)) {
                origin->phase = ORIGIN_DEAD;
                dead = true;
            }
            break;
        default: break;
        }
    }
    bool over = origin->phase == ORIGIN_IDLE || origin->phase == ORIGIN_DEAD;
    lock_release(&origin->lock);
    if (dead)
        origin_bury(origin);
    return over ? EXO_OK : EXO_E_AGAIN;
}

/*
 * The origin of a non-empty slot, locked, and the slot still its; NULL when the slot is empty. The
 * slot may be DYING: ending something twice is how callers drive it.
 */
static struct origin *
lock_origin_of(struct cap_slot *slot)
{
    for (;;) {
        struct cap cap;
        if (cap_read(slot, EXO_TYPE_NONE, 0, &cap) == EXO_E_SLOT)
            return NULL;
        lock_acquire(&cap.origin->lock);
        if (atomic_load_explicit(&slot->sequence, memory_order_acquire) == cap.sequence)
            return cap.origin;
        lock_release(&cap.origin->lock);
    }
}

/* A revoke is under way elsewhere in the tree: this one comes next, if none nearer the root does.
 */
static void
queue_revoke(struct origin *origin, struct cap_slot *slot)
{
    if (!origin->doomed && origin->revoking != slot && has_children(slot) &&
        (origin->pending == NULL || slot->depth < origin->pending->depth))
        origin->pending = slot;
}

err_t
cap_revoke_step(struct cap_slot *slot)
{
    struct origin *origin = lock_origin_of(slot);
    if (origin == NULL)
        return EXO_E_SLOT;
    bool idle = origin->phase == ORIGIN_IDLE;
    /* A child that was dropped just now may still be in use by a call on another CPU. */
    bool done = idle && !has_children(slot) && epoch_passed(origin->epoch);
    if (!idle)
        queue_revoke(origin, slot);
    else if (has_children(slot))
        begin_subtree(origin, slot);
    lock_release(&origin->lock);
    if (done)
        return EXO_OK;
    (void)origin_step(origin);
    return EXO_E_AGAIN;
}

err_t
cap_drop_step(struct cap_slot *slot)
{
    struct origin *origin = lock_origin_of(slot);
    if (origin == NULL)
        return EXO_E_SLOT;
    if (origin->phase == ORIGIN_IDLE && !has_children(slot)) {
        if (slot->depth > 0 || origin->eternal) {
            err_t err = remove_step(slot);
            if (err == EXO_OK)
                origin->epoch = epoch_advance(); /* for who revokes its parent next */
            lock_release(&origin->lock);
            return err;
        }
        lock_release(&origin->lock);
        origin_doom(origin);
    } else {
        if (origin->phase == ORIGIN_IDLE)
            begin_subtree(origin, slot);
        else
            queue_revoke(origin, slot);
        lock_release(&origin->lock);
    }
    (void)origin_step(origin);
    return READ_ONCE(slot->type) == EXO_TYPE_NONE ? EXO_OK : EXO_E_AGAIN;
}

/* A root in a dying table: the object is doomed and the slot emptied without waiting for its end.
 */
static err_t
close_root(struct origin *origin, struct cap_slot *slot)
{
    origin_doom(origin);
    HOLD(&origin->lock);
    bool still = slot->type != EXO_TYPE_NONE && slot->origin == origin;
    return still ? remove_step(slot) : EXO_OK;
}

err_t
cap_close_step(struct cap_slot *slot)
{
    struct origin *origin = lock_origin_of(slot);
    if (origin == NULL) {
        slot_lock(slot);
        bool empty = slot->type == EXO_TYPE_NONE;
        if (empty)
            atomic_fetch_or(&slot->flags, CAP_DYING);
        slot_unlock(slot, true);
        return empty ? EXO_OK : EXO_E_AGAIN;
    }
    bool root = slot->depth == 0 && !origin->eternal;
    lock_release(&origin->lock);
    err_t err = root ? close_root(origin, slot) : cap_drop_step(slot);
    return err == EXO_OK || err == EXO_E_SLOT ? EXO_E_AGAIN : err;
}

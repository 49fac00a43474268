/*
 * Capabilities: reading slots without locks, planting, deriving and moving them.
 *
 * The fields of a slot that lookups read are written only between slot_lock and slot_unlock, which
 * make the sequence odd and even again; lookups retry when it moved under them.
 */
#include "core/cap.h"

#include "core/cap_read.h"

#define WRITE_ONCE(field, value) __atomic_store_n(&(field), (value), __ATOMIC_RELAXED)

void
slot_lock(struct cap_slot *slot)
{
    for (;;) {
        uint32_t sequence = atomic_load_explicit(&slot->sequence, memory_order_relaxed);
        if (!(sequence & 1) &&
            atomic_compare_exchange_weak_explicit(&slot->sequence, &sequence, sequence + 1,
                                                  memory_order_acquire, memory_order_relaxed)) {
            /* The odd sequence is seen before any field that changes. */
            atomic_thread_fence(memory_order_release);
            return;
        }
    }
}

void
slot_unlock(struct cap_slot *slot, bool changed)
{
    uint32_t sequence = atomic_load_explicit(&slot->sequence, memory_order_relaxed);
    atomic_store_explicit(&slot->sequence, changed ? sequence + 1 : sequence - 1,
                          memory_order_release);
}

void
slots_lock(struct cap_slot *a, struct cap_slot *b)
{
    slot_lock(a < b ? a : b);
    slot_lock(a < b ? b : a);
}

void
slots_unlock(struct cap_slot *a, struct cap_slot *b, bool changed)
{
    slot_unlock(a, changed);
    slot_unlock(b, changed);
}

struct cap_slot *
cap_slot_at(struct env *env, uint64_t slot)
{
    return slot_at(env, slot);
}

err_t
cap_lookup(struct env *env, uint64_t slot, enum exo_type type, uint16_t rights, struct cap *cap)
{
    return cap_find(env, slot, type, rights, cap);
}

bool
cap_still(const struct cap *cap)
{
    const struct cap_slot *slot = cap->slot;
    return atomic_load_explicit(&slot->sequence, memory_order_acquire) == cap->sequence &&
           !(atomic_load_explicit(&slot->flags, memory_order_acquire) & CAP_DYING) &&
           atomic_load_explicit(&cap->origin->generation, memory_order_acquire) ==
               READ_ONCE(slot->generation);
}

/* Fills a locked, empty slot. */
static void
slot_fill(struct cap_slot *slot, struct origin *origin, uint16_t rights, uint64_t badge)
{
    WRITE_ONCE(slot->type, origin->type);
    WRITE_ONCE(slot->rights, rights);
    WRITE_ONCE(slot->origin, origin);
    WRITE_ONCE(slot->generation, atomic_load_explicit(&origin->generation, memory_order_relaxed));
    WRITE_ONCE(slot->badge, badge);
}

/* EXO_OK when a locked slot may be filled. */
static err_t
slot_vacant(const struct cap_slot *slot)
{
    if (slot->type != EXO_TYPE_NONE)
        return EXO_E_OCCUPIED;
    return atomic_load_explicit(&slot->flags, memory_order_relaxed) & CAP_DYING ? EXO_E_GONE
                                                                                : EXO_OK;
}

static void
link_behind(struct origin *origin, struct cap_slot *before, struct cap_slot *slot)
{
    slot->prev = before;
    slot->next = before == NULL ? origin->first : before->next;
    *(slot->prev == NULL ? &origin->first : &slot->prev->next) = slot;
    *(slot->next == NULL ? &origin->last : &slot->next->prev) = slot;
}

void
cap_erase(struct cap_slot *slot)
{
    struct origin *origin = slot->origin;
    if (origin->pending == slot)
        origin->pending = NULL;
    *(slot->prev == NULL ? &origin->first : &slot->prev->next) = slot->next;
    *(slot->next == NULL ? &origin->last : &slot->next->prev) = slot->prev;
    slot->next = slot->prev = NULL;
    WRITE_ONCE(slot->type, (uint8_t)EXO_TYPE_NONE);
    WRITE_ONCE(slot->rights, (uint16_t)0);
    WRITE_ONCE(slot->badge, (uint64_t)0);
    slot->depth = 0;
    slot->hull_lo = slot->hull_hi = 0;
    atomic_store_explicit(&slot->flags, 0, memory_order_relaxed);
    /* origin stays: a lookup that read the slot earlier compares its sequence before it is used */
}

err_t
cap_plant(struct cap_slot *dst, struct origin *origin, uint16_t rights, uint64_t badge,
          const struct cap_slot *mapped_like)
{
    HOLD(&origin->lock);
    if (mapped_like == NULL)
        slot_lock(dst);
    err_t err = slot_vacant(dst);
    if (err == EXO_OK) {
        slot_fill(dst, origin, rights, badge);
        dst->depth = 0;
        if (mapped_like != NULL) {
            dst->hull_lo = mapped_like->hull_lo;
            dst->hull_hi = mapped_like->hull_hi;
            atomic_store(&dst->flags, atomic_load(&mapped_like->flags) & CAP_MAPPED);
        }
        link_behind(origin, NULL, dst);
    }
    if (mapped_like == NULL)
        slot_unlock(dst, err == EXO_OK);
    return err;
}

/* Whether the tree may change now; origin lock held. */
static err_t
tree_changeable(const struct origin *origin, const struct cap *cap)
{
    if (!cap_still(cap))
        return EXO_E_GONE;
    return origin->phase == ORIGIN_IDLE ? EXO_OK : EXO_E_BUSY;
}

err_t
cap_derive(const struct cap *cap, struct cap_slot *dst, uint16_t rights, uint64_t badge)
{
    HOLD(&cap->origin->lock);
    TRY(tree_changeable(cap->origin, cap));
    if (cap->slot->depth >= CAP_DEPTH_MAX)
        return EXO_E_LIMIT;
    slot_lock(dst);
    err_t err = slot_vacant(dst);
    if (err == EXO_OK) {
        slot_fill(dst, cap->origin, rights, badge);
        dst->depth = cap->slot->depth + 1;
        link_behind(cap->origin, cap->slot, dst);
    }
    slot_unlock(dst, err == EXO_OK);
    return err;
}

void
cap_widen_hull(struct cap_slot *slot, va_t va, uint64_t pages)
{
    uint32_t lo = (uint32_t)(va / PAGE_BYTES), hi = lo + (uint32_t)pages;
    if (!(atomic_load_explicit(&slot->flags, memory_order_relaxed) & CAP_MAPPED)) {
        slot->hull_lo = lo;
        slot->hull_hi = hi;
        atomic_fetch_or_explicit(&slot->flags, CAP_MAPPED, memory_order_relaxed);
        return;
    }
    slot->hull_lo = slot->hull_lo < lo ? slot->hull_lo : lo;
    slot->hull_hi = slot->hull_hi > hi ? slot->hull_hi : hi;
}

/* Both slots locked, origin lock held. */
static void
slot_replace(struct cap_slot *src, struct cap_slot *dst)
{
    slot_fill(dst, src->origin, src->rights, src->badge);
    WRITE_ONCE(dst->generation, src->generation);
    dst->depth = src->depth;
    link_behind(src->origin, src, dst);
    cap_erase(src);
}

/*
 * The mappings go while the slot's sequence is odd: a map that looked it up before sees that under
 * the address-space lock, so that none is made behind the sweep (tests/models/mapping.pml).
 */
err_t
cap_transfer(const struct cap *cap, struct cap_slot *dst)
{
    struct cap_slot *src = cap->slot;
    if (src == dst)
        return EXO_E_OCCUPIED;
    HOLD(&cap->origin->lock);
    TRY(tree_changeable(cap->origin, cap));
    slots_lock(src, dst);
    err_t err = slot_vacant(dst);
    if (err == EXO_OK)
        err = cap_unmap_step(src);
    if (err == EXO_OK)
        slot_replace(src, dst);
    slots_unlock(src, dst, err == EXO_OK);
    return err;
}

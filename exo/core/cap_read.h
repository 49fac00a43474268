/* Looking capabilities up, inline for the calls that count instructions; cap.h has the contract. */
#ifndef EXO_CORE_CAP_READ_H
#define EXO_CORE_CAP_READ_H

#include "core/env.h"

#define READ_ONCE(field) __atomic_load_n(&(field), __ATOMIC_RELAXED)

static inline struct cap_slot *
slot_at(struct env *env, uint64_t slot)
{
    uint64_t page = slot / EXO_CAPS_PER_PAGE;
    if (page >= EXO_CAP_PAGES_MAX)
        return NULL;
    struct cap_slot *slots = __atomic_load_n(&env->table[page], __ATOMIC_ACQUIRE);
    return slots == NULL ? NULL : &slots[slot % EXO_CAPS_PER_PAGE];
}

/*
 * By address, also slots that are in no table (supervisor, binding).
 *
 * The sequence is read before and after the fields; odd or moved means that a writer was at it.
 * The generation is compared last: it belongs to the object, which stays memory in this epoch.
 */
static inline err_t
cap_read(struct cap_slot *slot, enum exo_type type, uint16_t rights, struct cap *cap)
{
    struct cap read; /* in registers: `cap` may be seen by others */
    uint32_t generation;
    do {
        read.sequence = atomic_load_explicit(&slot->sequence, memory_order_acquire);
        read.type = READ_ONCE(slot->type);
        read.flags = atomic_load_explicit(&slot->flags, memory_order_relaxed);
        read.rights = READ_ONCE(slot->rights);
        generation = READ_ONCE(slot->generation);
        read.origin = READ_ONCE(slot->origin);
        read.badge = READ_ONCE(slot->badge);
        atomic_thread_fence(memory_order_acquire);
    } while ((read.sequence & 1) ||
             atomic_load_explicit(&slot->sequence, memory_order_relaxed) != read.sequence);
    read.slot = slot;
    *cap = read;
    if (read.type == EXO_TYPE_NONE)
        return EXO_E_SLOT;
    if (read.type != type && type != EXO_TYPE_NONE)
        return EXO_E_TYPE;
    if ((read.flags & CAP_DYING) ||
        atomic_load_explicit(&read.origin->generation, memory_order_acquire) != generation)
        return EXO_E_GONE;
    return rights & ~read.rights ? EXO_E_RIGHT : EXO_OK;
}

/*
 * In few instructions, without waiting and without a copy: the object and badge of a slot of that
 * type, with those rights. NULL: there is no such slot, or cap_read says what there is.
 */
static inline void *
cap_peek(const struct cap_slot *slot, enum exo_type type, uint32_t rights, uint64_t *badge)
{
    if (slot == NULL)
        return NULL;
    uint32_t sequence = atomic_load_explicit(&slot->sequence, memory_order_acquire);
    uint32_t head = READ_ONCE(slot->head);
    struct origin *origin = READ_ONCE(slot->origin);
    uint32_t generation = READ_ONCE(slot->generation);
    *badge = READ_ONCE(slot->badge);
    atomic_thread_fence(memory_order_acquire);
    if ((sequence & 1) || atomic_load_explicit(&slot->sequence, memory_order_relaxed) != sequence ||
        (head & (0xffu | CAP_DYING << 8 | rights << 16)) != (type | rights << 16) ||
        atomic_load_explicit(&origin->generation, memory_order_acquire) != generation)
        return NULL;
    return origin;
}

static inline err_t
cap_find(struct env *env, uint64_t slot, enum exo_type type, uint16_t rights, struct cap *cap)
{
    struct cap_slot *at = slot_at(env, slot);
    return at == NULL ? EXO_E_SLOT : cap_read(at, type, rights, cap);
}

#endif

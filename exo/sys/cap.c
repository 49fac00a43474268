/* System calls on capabilities. */
#include "sys/sys.h"

/* A copy may keep the range or narrow it, keep a badge or set one where there is none. */
static err_t
narrow(const struct cap *cap, uint64_t base_or_badge, uint64_t count, uint64_t *badge)
{
    *badge = cap->badge;
    if (cap_has_range(cap->type) && (count != 0 || base_or_badge != 0)) {
        *badge = base_or_badge | count << 32;
        return count != 0 && base_or_badge >= cap->base &&
                       range_fits(base_or_badge - cap->base, count, cap->count)
                   ? EXO_OK
                   : EXO_E_RANGE;
    }
    switch (cap->type) {
    case EXO_TYPE_ENDPOINT:
    case EXO_TYPE_NOTIFICATION:
        if (base_or_badge != 0 && cap->badge != 0 && base_or_badge != cap->badge)
            return EXO_E_RIGHT;
        *badge = base_or_badge != 0 ? base_or_badge : cap->badge;
        return count == 0 ? EXO_OK : EXO_E_ARG;
    default: return base_or_badge == 0 && count == 0 ? EXO_OK : EXO_E_ARG;
    }
}

err_t
sys_cap_copy(struct vcpu *self, uint64_t *x)
{
    uint64_t badge, rights = x[3];
    if (rights & ~(uint64_t)EXO_RIGHTS_ALL)
        return EXO_E_ARG;
    LOOKUP(cap, x[0], EXO_TYPE_NONE, (uint16_t)(EXO_COPY | rights));
    ENV(env, x[1], EXO_CONTROL);
    SLOT(dst, env, x[2]);
    TRY(narrow(&cap, x[4], x[5], &badge));
    return cap_derive(&cap, dst, (uint16_t)rights, badge);
}

err_t
sys_cap_move(struct vcpu *self, uint64_t *x)
{
    LOOKUP(cap, x[0], EXO_TYPE_NONE, 0);
    ENV(env, x[1], EXO_CONTROL);
    if (env != self->env && !(cap.rights & EXO_COPY))
        return EXO_E_RIGHT;
    SLOT(dst, env, x[2]);
    return cap_transfer(&cap, dst);
}

err_t
sys_cap_drop(struct vcpu *self, uint64_t *x)
{
    struct cap_slot *slot = cap_slot_at(self->env, x[0]);
    return slot == NULL ? EXO_E_SLOT : cap_drop_step(slot);
}

err_t
sys_cap_revoke(struct vcpu *self, uint64_t *x)
{
    struct cap_slot *slot = cap_slot_at(self->env, x[0]);
    return slot == NULL ? EXO_E_SLOT : cap_revoke_step(slot);
}

static uint32_t
info_flags(const struct cap *cap)
{
    const struct cap_slot *slot = cap->slot;
    uint32_t flags = slot->depth == 0 ? EXO_CAP_ROOT : 0;
    flags |= cap->flags & CAP_MAPPED ? EXO_CAP_MAPPED : 0;
    flags |= slot->next != NULL && slot->next->depth > slot->depth ? EXO_CAP_CHILDREN : 0;
    flags |= cap->type == EXO_TYPE_FRAMES && cap->origin->device ? EXO_CAP_DEVICE : 0;
    return flags;
}

err_t
sys_cap_info(struct vcpu *self, uint64_t *x)
{
    LOOKUP(cap, x[0], EXO_TYPE_NONE, 0);
    bool range = cap_has_range(cap.type);
    struct exo_cap_info info = {
        .size = sizeof(info),
        .version = EXO_ABI_VERSION,
        .type = cap.type,
        .rights = cap.rights,
        .base_or_badge = range ? cap.base : cap.badge,
        .count = range ? cap.count : 0,
        .generation = atomic_load_explicit(&cap.origin->generation, memory_order_relaxed),
        .object = (uint64_t)(uintptr_t)cap.origin,
    };
    lock_acquire(&cap.origin->lock); /* the links are its */
    bool still = cap_still(&cap);
    if (still) {
        info.flags = info_flags(&cap);
        info.depth = cap.slot->depth;
    }
    lock_release(&cap.origin->lock);
    return still ? arch_copy_out(x[1], &info, sizeof(info)) : EXO_E_GONE;
}

err_t
sys_cap_extend(struct vcpu *self, uint64_t *x)
{
    if (x[1] > UINT32_MAX)
        return EXO_E_ARG;
    ENV(env, x[0], EXO_CONTROL);
    return env_extend_table(env, (uint32_t)x[1]);
}

/* System calls on cells. */
#include "sys/sys.h"

static err_t
limits_in(va_t va, struct exo_limits *limits)
{
    TRY(arch_copy_in(limits, va, sizeof(*limits)));
    bool known = limits->size == sizeof(*limits) && limits->version == EXO_ABI_VERSION;
    return known ? EXO_OK : EXO_E_ARG;
}

err_t
sys_cell_create(struct vcpu *self, uint64_t *x)
{
    struct cell *cell;
    struct exo_limits limits;
    PLACE(parent, dst);
    TRY(limits_in(x[2], &limits));
    TRY(cell_create(parent, limits.limit, &cell));
    return cell_publish(&cell->origin, dst);
}

err_t
sys_cell_limits(struct vcpu *self, uint64_t *x)
{
    struct exo_limits limits;
    LOOKUP(cap, x[0], EXO_TYPE_CELL, EXO_CONTROL);
    TRY(limits_in(x[1], &limits));
    return cell_set_limits(cap.object, limits.limit);
}

err_t
sys_cell_info(struct vcpu *self, uint64_t *x)
{
    LOOKUP(cap, x[0], EXO_TYPE_CELL, EXO_READ);
    struct cell *cell = cap.object;
    struct exo_cell_info info = {.size = sizeof(info), .version = EXO_ABI_VERSION};
    lock_acquire(&cell->lock);
    for (int i = 0; i < EXO_RES_COUNT; i++) {
        info.limit[i] = cell->limit[i];
        info.own[i] = cell_own(cell, (enum exo_resource)i);
        info.carved[i] = cell->carved[i];
    }
    info.depth = cell->depth;
    info.dying_objects = cell->dying_objects;
    info.repossessed_frames = cell->repossessed_frames;
    lock_release(&cell->lock);
    return arch_copy_out(x[1], &info, sizeof(info));
}

err_t
sys_cell_reap(struct vcpu *self, uint64_t *x)
{
    LOOKUP(cap, x[0], EXO_TYPE_CELL, EXO_WRITE);
    return cell_reap_step(cap.object);
}

err_t
sys_cell_reclaim(struct vcpu *self, uint64_t *x)
{
    uint64_t frames = x[1];
    x[1] = 0; /* the deadline, once there is one */
    if (frames > UINT32_MAX)
        return EXO_E_ARG;
    LOOKUP(cap, x[0], EXO_TYPE_CELL, EXO_CONTROL);
    if (x[2] > arch_ticks_hz() * EXO_GRACE_SECONDS_MAX)
        return EXO_E_RANGE;
    return cell_reclaim_step(cap.object, (uint32_t)frames, x[2], &x[1]);
}

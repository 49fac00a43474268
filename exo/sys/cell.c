/* System calls on cells. */
#include "sys/sys.h"

static err_t
limits_in(va_t va, struct exo_limits *limits)
{
    err_t err = sys_copy_in(limits, va, sizeof(*limits));
    if (err == EXO_OK && (limits->size != sizeof(*limits) || limits->version != EXO_ABI_VERSION))
        err = EXO_E_ARG;
    return err;
}

err_t
sys_cell_create(struct vcpu *self, uint64_t *x)
{
    struct cell *parent, *cell;
    struct cap_slot *dst;
    struct exo_limits limits;
    err_t err = sys_cell(self, x[0], EXO_WRITE, &parent);
    if (err == EXO_OK)
        err = sys_slot(self->env, x[1], &dst);
    if (err == EXO_OK)
        err = limits_in(x[2], &limits);
    if (err == EXO_OK) {
        (void)cell_free_zombies(parent);
        err = cell_create(parent, limits.limit, &cell);
    }
    if (err == EXO_OK) {
        err = cell_publish(parent, &cell->origin, dst, EXO_RIGHTS_ALL);
        if (err != EXO_OK)
            cell_discard(cell);
    }
    return err;
}

err_t
sys_cell_limits(struct vcpu *self, uint64_t *x)
{
    struct cell *cell;
    struct exo_limits limits;
    err_t err = sys_cell(self, x[0], EXO_CONTROL, &cell);
    if (err == EXO_OK)
        err = limits_in(x[1], &limits);
    return err == EXO_OK ? cell_set_limits(cell, limits.limit) : err;
}

err_t
sys_cell_info(struct vcpu *self, uint64_t *x)
{
    struct cell *cell;
    err_t err = sys_cell(self, x[0], EXO_READ, &cell);
    if (err != EXO_OK)
        return err;
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
    return sys_copy_out(x[1], &info, sizeof(info));
}

err_t
sys_cell_reap(struct vcpu *self, uint64_t *x)
{
    struct cell *cell;
    err_t err = sys_cell(self, x[0], EXO_CONTROL, &cell);
    return err == EXO_OK ? cell_reap_step(cell) : err;
}

err_t
sys_cell_reclaim(struct vcpu *self, uint64_t *x)
{
    struct cell *cell;
    uint64_t deadline = 0;
    err_t err = EXO_OK;
    uint32_t frames = arg_u32(x[1], &err);
    if (err == EXO_OK)
        err = sys_cell(self, x[0], EXO_CONTROL, &cell);
    if (err == EXO_OK && x[2] > arch_ticks_hz() * EXO_GRACE_SECONDS_MAX)
        err = EXO_E_RANGE;
    if (err == EXO_OK)
        err = cell_reclaim_step(cell, frames, x[2], &deadline);
    x[1] = deadline;
    return err;
}

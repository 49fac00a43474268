/* System calls on devices' sessions and on their queues. */
#include "sys/sys.h"
#include "virtio/port.h"

err_t
sys_device_open(struct vcpu *self, uint64_t *x)
{
    LOOKUP(cell, x[0], EXO_TYPE_CELL, EXO_WRITE);
    LOOKUP(device, x[1], EXO_TYPE_DEVICE, EXO_CONTROL);
    if (x[2] > UINT32_MAX || x[4] > UINT32_MAX)
        return EXO_E_ARG;
    (void)cell_free_zombies(cell.object);
    TRY(device_open_step(device.object, cell.object, (uint32_t)x[2], x[3], (uint32_t)x[4]));
    x[1] = ((struct device *)device.object)->accepted;
    return EXO_OK;
}

err_t
sys_device_close(struct vcpu *self, uint64_t *x)
{
    LOOKUP(cap, x[0], EXO_TYPE_DEVICE, EXO_CONTROL);
    return device_close_step(cap.object, NULL);
}

err_t
sys_queue_open(struct vcpu *self, uint64_t *x)
{
    PLACE(cell, dst);
    LOOKUP(cap, x[2], EXO_TYPE_DEVICE, EXO_WRITE);
    SLOT(ring_dst, self->env, x[4]);
    if (x[3] < cap.base || x[3] - cap.base >= cap.count)
        return EXO_E_RANGE;
    return queue_open(cap.object, cell, (uint32_t)x[3], x[5], x[6], dst, ring_dst);
}

/* A queue or port, with that right, or an extent, whose rights are about sectors. */
static err_t
find_queue(struct vcpu *self, uint64_t slot, uint16_t rights, struct cap *cap)
{
    TRY(cap_lookup(self->env, slot, EXO_TYPE_NONE, 0, cap));
    if (cap->type < EXO_TYPE_QUEUE || cap->type > EXO_TYPE_PORT)
        return EXO_E_TYPE;
    return cap->type != EXO_TYPE_EXTENT && rights & ~cap->rights ? EXO_E_RIGHT : EXO_OK;
}

err_t
sys_queue_region(struct vcpu *self, uint64_t *x)
{
    struct cap queue;
    uint32_t region = 0;
    TRY(find_queue(self, x[0], EXO_WRITE, &queue));
    if (x[4] == 0 || x[4] & ~(uint64_t)(EXO_READ | EXO_WRITE) || x[3] == 0 || x[3] > EXO_ALLOC_MAX)
        return EXO_E_ARG;
    LOOKUP(frames, x[1], EXO_TYPE_FRAMES, (uint16_t)x[4]);
    if (frames.origin->device)
        return EXO_E_ARG;
    if (!range_fits(x[2], x[3], frames.count))
        return EXO_E_RANGE;
    TRY(region_open(queue.object, &frames, (uint32_t)x[2], (uint32_t)x[3], (uint32_t)x[4],
                    &region));
    x[1] = region;
    return EXO_OK;
}

err_t
sys_queue_release(struct vcpu *self, uint64_t *x)
{
    struct cap cap;
    TRY(find_queue(self, x[0], EXO_WRITE, &cap));
    return region_release_step(cap.object, x[1]);
}

err_t
sys_queue_submit(struct vcpu *self, uint64_t *x)
{
    struct exo_descriptor descriptors[EXO_SUBMIT_MAX];
    struct submitted submitted;
    struct cap cap;
    TRY(find_queue(self, x[0], EXO_WRITE, &cap));
    if (x[2] > EXO_SUBMIT_MAX || x[3] > UINT16_MAX || x[4] > 1)
        return EXO_E_ARG;
    if (x[2] != 0)
        TRY(arch_copy_in(descriptors, x[1], x[2] * sizeof(descriptors[0])));
    err_t err = (cap.type == EXO_TYPE_PORT ? port_submit : queue_submit)(
        &cap, descriptors, (uint32_t)x[2], (uint16_t)x[3], x[4] != 0, &submitted);
    if (err == EXO_E_RESET)
        device_reset_for(cap.object, false);
    if (err != EXO_OK)
        return err;
    x[1] = submitted.used;
    x[2] = submitted.more;
    return EXO_OK;
}

err_t
sys_queue_info(struct vcpu *self, uint64_t *x)
{
    struct cap cap;
    struct exo_queue_info info;
    TRY(find_queue(self, x[0], EXO_READ, &cap));
    queue_describe(cap.object, &cap, &info);
    return arch_copy_out(x[1], &info, sizeof(info));
}

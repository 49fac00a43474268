/* System calls on interrupts. */
#include "core/irq.h"
#include "core/notification.h"
#include "sys/sys.h"
#include "virtio/queue.h"

/* The line is taken before the object is published: from then on it can be bound. */
err_t
sys_irq_open(struct vcpu *self, uint64_t *x)
{
    void *object;
    PLACE(cell, dst);
    LOOKUP(range, x[2], EXO_TYPE_IRQ, EXO_WRITE);
    if (range.origin != &irq_range)
        return EXO_E_TYPE;
    if (x[3] < range.base || x[3] - range.base >= range.count)
        return EXO_E_RANGE;
    if (x[4] & ~(uint64_t)EXO_IRQ_LEVEL)
        return EXO_E_ARG;
    TRY(cell_new_object(cell, EXO_TYPE_IRQ, sizeof(struct irq_line), &object));
    struct irq_line *line = object;
    line->origin.base = x[3];
    line->origin.count = 1;
    irq_init(&line->irq, (uint32_t)x[3], x[4] & EXO_IRQ_LEVEL);
    err_t err = irq_attach(&line->irq);
    if (err == EXO_OK)
        return cell_publish(&line->origin, dst);
    cell_put_object(cell, object);
    return err;
}

/* What interrupts: a line that was opened, a queue's completions, a device's configuration. */
static err_t
find_irq(struct vcpu *self, uint64_t slot, struct cap *cap, struct irq **irq)
{
    TRY(cap_lookup(self->env, slot, EXO_TYPE_NONE, 0, cap));
    bool extent = cap->type == EXO_TYPE_EXTENT;
    bool queue = extent || cap->type == EXO_TYPE_QUEUE || cap->type == EXO_TYPE_PORT;
    if (cap->type == EXO_TYPE_DEVICE)
        *irq = &((struct device *)cap->object)->config_irq;
    else if (queue || (cap->type == EXO_TYPE_IRQ && cap->origin != &irq_range))
        *irq = &((struct irq_line *)cap->object)->irq; /* queues begin like lines */
    else
        return EXO_E_TYPE;
    return extent || cap->rights & EXO_CONTROL ? EXO_OK : EXO_E_RIGHT;
}

err_t
sys_irq_bind(struct vcpu *self, uint64_t *x)
{
    struct irq *irq;
    struct cap object;
    TRY(find_irq(self, x[0], &object, &irq));
    if (x[1] == EXO_NONE)
        return irq_unbind_step(irq);
    LOOKUP(notification, x[1], EXO_TYPE_NOTIFICATION, EXO_WRITE | EXO_COPY);
    if (notification.badge == 0)
        return EXO_E_ARG;
    TRY(irq_bind(irq, &notification));
    if (object.type != EXO_TYPE_DEVICE)
        return EXO_OK;
    /* Bound too late to be told that it is gone (device_removed): told now. */
    struct device *device = object.object;
    HOLD(&device->lock);
    if (device->gone)
        irq_notify(irq);
    return EXO_OK;
}

err_t
sys_irq_ack(struct vcpu *self, uint64_t *x)
{
    struct irq *irq;
    struct cap object;
    TRY(find_irq(self, x[0], &object, &irq));
    return irq_ack(irq);
}

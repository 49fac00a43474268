/*
 * Interrupts: irq.h. An entry's lock is held while an interrupt looks at what is attached to it, so
 * that detaching, under the same lock, leaves no CPU with a reference.
 */
#include "core/irq.h"

#include "arch/arch.h"
#include "core/cap_read.h"
#include "core/notification.h"
#include "core/sched.h"

#define SPIS (IRQ_SPI_END - IRQ_SPI_FIRST)

static struct irq_entry lines[SPIS + LPI_END - LPI_FIRST];

struct origin irq_range;

void
irq_start(void)
{
    for (uint32_t i = 0; i < ARRAY_LENGTH(lines); i++) {
        lock_init(&lines[i].lock, RANK_IRQ);
        lines[i].irq = NULL;
    }
}

struct irq_entry *
irq_entry(uint32_t line)
{
    uint32_t index = line >= LPI_FIRST    ? line - LPI_FIRST + SPIS
                     : line < IRQ_SPI_END ? line - IRQ_SPI_FIRST
                                          : UINT32_MAX;
    return index < ARRAY_LENGTH(lines) ? &lines[index] : NULL;
}

void
irq_init(struct irq *irq, uint32_t line, bool level)
{
    irq->line = line;
    irq->level = level;
    irq->masked = true;
}

err_t
irq_attach(struct irq *irq)
{
    struct irq_entry *line = irq_entry(irq->line);
    if (line == NULL || !arch_irq_exists(irq->line))
        return EXO_E_RANGE;
    HOLD(&line->lock);
    if (line->irq != NULL)
        return EXO_E_BUSY;
    arch_irq_configure(irq->line, irq->level);
    line->irq = irq;
    return EXO_OK;
}

/* The entry's lock is held. */
static void
set_masked(struct irq *irq, bool masked)
{
    if (irq->masked != masked)
        arch_irq_mask(irq->line, masked);
    irq->masked = masked;
}

/* The CPU that is told; 0 while the notification is bound to nobody. */
static uint32_t
target_cpu(struct irq *irq)
{
    struct cap to, vcpu;
    bool known =
        cap_read(&irq->binding, EXO_TYPE_NOTIFICATION, 0, &to) == EXO_OK &&
        cap_read(&((struct notification *)to.object)->binding, EXO_TYPE_VCPU, 0, &vcpu) == EXO_OK;
    return known ? ((struct vcpu *)vcpu.object)->cpu : 0;
}

/* Whether more came in this slot than may; the entry's lock is held. */
static bool
is_over_limit(const struct irq *irq)
{
    return irq->burst > EXO_IRQ_BURST && irq->burst_slot == sched_slot_now();
}

err_t
irq_bind(struct irq *irq, const struct cap *notification)
{
    struct irq_entry *line = irq_entry(irq->line);
    if (line == NULL)
        return cap_derive(notification, &irq->binding, 0, notification->badge);
    lock_acquire(&line->lock);
    bool over = is_over_limit(irq);
    lock_release(&line->lock);
    TRY(over ? EXO_E_AGAIN : cap_derive(notification, &irq->binding, 0, notification->badge));
    HOLD(&line->lock);
    if (line->irq == irq) {
        arch_irq_route(irq->line, target_cpu(irq));
        irq->fired = false;
        set_masked(irq, false);
    }
    return EXO_OK;
}

void
irq_handle(struct irq *irq, void (*handler)(struct irq *irq))
{
    HOLD(&irq_entry(irq->line)->lock);
    irq->handler = handler;
    arch_irq_route(irq->line, 0);
    set_masked(irq, false);
}

void
irq_silence(struct irq *irq, bool detach)
{
    struct irq_entry *line = irq_entry(irq->line);
    if (line == NULL)
        return;
    HOLD(&line->lock);
    if (line->irq == irq) {
        set_masked(irq, true);
        line->irq = detach ? NULL : irq;
    }
}

err_t
irq_unbind_step(struct irq *irq)
{
    irq_silence(irq, false);
    err_t err = cap_drop_step(&irq->binding);
    return err == EXO_E_SLOT ? EXO_OK : err;
}

err_t
irq_detach_step(struct irq *irq)
{
    irq_silence(irq, true);
    return cap_close_step(&irq->binding);
}

err_t
irq_ack(struct irq *irq)
{
    struct irq_entry *line = irq_entry(irq->line);
    struct cap cap;
    if (line == NULL)
        return EXO_OK;
    HOLD(&line->lock);
    bool masked = irq->masked && line->irq == irq;
    if (masked && is_over_limit(irq))
        return EXO_E_AGAIN;
    if (masked && irq->handler == NULL &&
        cap_read(&irq->binding, EXO_TYPE_NOTIFICATION, 0, &cap) != EXO_OK)
        return EXO_E_STATE;
    irq->fired = false;
    if (masked)
        set_masked(irq, false);
    return EXO_OK;
}

/* One more; whether there were too many in this slot. */
static bool
is_storm(struct irq *irq)
{
    uint64_t slot = sched_slot_now();
    irq->burst = irq->burst_slot == slot ? irq->burst + 1 : 1;
    irq->burst_slot = slot;
    irq->count++;
    return irq->burst > EXO_IRQ_BURST;
}

void
irq_limit(struct irq *irq)
{
    HOLD(&irq_entry(irq->line)->lock);
    if (is_storm(irq))
        set_masked(irq, true);
}

/* Counts an interrupt and masks its line if need be; whether there is somebody `to` tell. */
static bool
note(struct irq *irq, struct cap *to)
{
    bool bound = cap_read(&irq->binding, EXO_TYPE_NOTIFICATION, 0, to) == EXO_OK;
    if (is_storm(irq) || irq->level || irq->fired || !bound) {
        irq->masks += !irq->level;
        set_masked(irq, true);
    }
    irq->fired = true;
    return bound;
}

/* One that comes while the line is being masked may be the last before the acknowledgement: it is
 * told, too. */
void
irq_fired(uint32_t number)
{
    struct irq_entry *line = irq_entry(number);
    struct cap to;
    if (line == NULL)
        return;
    lock_acquire(&line->lock);
    struct irq *irq = line->irq;
    void (*handler)(struct irq *) = irq == NULL ? NULL : irq->handler;
    bool tell = irq != NULL && handler == NULL && note(irq, &to);
    lock_release(&line->lock);
    if (handler != NULL)
        handler(irq);
    if (tell)
        (void)notification_signal(to.object, to.badge);
}

void
irq_notify(struct irq *irq)
{
    struct cap to;
    if (cap_read(&irq->binding, EXO_TYPE_NOTIFICATION, 0, &to) == EXO_OK)
        notification_raise(to.object, to.badge);
}

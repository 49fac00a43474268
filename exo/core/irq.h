/*
 * Interrupts: a line of the controller, bound to bits of a notification.
 *
 * A line is an INTID of the GIC (IHI 0069, 2.2.1): a shared peripheral interrupt (SPI), or an LPI,
 * which is how a message-signalled interrupt arrives. Each has an entry of a table, whose lock
 * (RANK_IRQ) protects the entry, what the controller is told of the line, and all members of the
 * struct irq that is attached to it but its binding.
 *
 * An interrupt posts the notification's bits. A level-triggered line is masked until irq_ack. An
 * edge (and so each MSI) leaves the line open: only a second one before irq_ack masks it, so that a
 * device that waits for its acknowledgement costs no access to the controller. More than
 * EXO_IRQ_BURST interrupts within one slot mask it until that slot is over. Masked edges stay
 * pending in the controller. Nobody to tell: masked.
 */
#ifndef EXO_CORE_IRQ_H
#define EXO_CORE_IRQ_H

#include "core/cap.h"

#define IRQ_NONE      0u /* no line: only irq_notify makes it fire */
#define IRQ_SPI_FIRST 32u
#define IRQ_SPI_END   1020u
#define LPI_FIRST     8192u

/* MSIs: vector v of device d is LPI_FIRST + DEVICE_VECTORS * d + v. */
#define IRQ_DEVICES_MAX 64u /* hot-plug ports, too */
#define DEVICE_VECTORS  16u
#define LPI_END         (LPI_FIRST + IRQ_DEVICES_MAX * DEVICE_VECTORS)

struct irq {
    struct cap_slot binding; /* of the notification's tree; its badge: the bits */
    uint32_t line;
    bool level;
    bool masked;         /* so is the line in the controller, while this is attached */
    bool fired;          /* since the last irq_ack */
    uint32_t burst;      /* interrupts within ... */
    uint64_t burst_slot; /* ... the slot of this number */
    uint64_t count;      /* interrupts ever */
    uint64_t masks;      /* times that one was answered by masking an edge */
    /* Of a line that the kernel has for itself (irq_handle). */
    void (*handler)(struct irq *irq);
};

struct irq_entry {
    struct spinlock lock; /* RANK_IRQ */
    struct irq *irq;      /* what is attached; NULL: nothing */
};

/* An opened SPI. */
struct irq_line {
    struct origin origin; /* its range: the line */
    struct irq irq;
};

/* What the range capability of all SPIs is a capability of; boot. */
extern struct origin irq_range;
void irq_start(void);

/* `irq` is zeros; IRQ_NONE as line: it is never attached, and binding and irq_notify work. */
void irq_init(struct irq *irq, uint32_t line, bool level);

/*
 * Makes it the line's: EXO_E_BUSY when another is. The line is masked and what was pending
 * forgotten. EXO_E_RANGE: there is no such line here.
 */
err_t irq_attach(struct irq *irq);

/*
 * From now on interrupts post the bits (badge) of this notification, to the CPU of the vCPU that it
 * is bound to now. EXO_E_OCCUPIED: bound already; EXO_E_AGAIN: there were too many in this slot; or
 * as cap_derive. No lock held.
 */
err_t irq_bind(struct irq *irq, const struct cap *notification);

/* From now on each interrupt calls the kernel's `handler`, with no lock held, and tells nobody. */
void irq_handle(struct irq *irq, void (*handler)(struct irq *irq));

/*
 * For such a handler: one more interrupt, and beyond EXO_IRQ_BURST in a slot the line is masked
 * until an irq_ack in a later one.
 */
void irq_limit(struct irq *irq);

/* Masked, and bound to nothing: EXO_OK, EXO_E_AGAIN. No lock held. */
err_t irq_unbind_step(struct irq *irq);

/*
 * The interrupt was dealt with: the next one may come. EXO_E_AGAIN: there were too many in this
 * slot; EXO_E_STATE: it is masked and bound to nothing. Locks of devices and queues may be held.
 */
err_t irq_ack(struct irq *irq);

/* From the controller: the line fired. No lock held, within an epoch. Another may be current then.
 */
void irq_fired(uint32_t line);

/* Nothing happens on the line any more; if `detach`, it may become another's. What is bound stays
   bound. Locks as for irq_notify. */
void irq_silence(struct irq *irq, bool detach);

/* Posts the bits as if it had fired. A lock of rank up to RANK_QUEUE may be held. */
void irq_notify(struct irq *irq);

/*
 * The line is nobody's and masked, the binding closed for good: EXO_E_AGAIN until so. No call
 * refers to it any more, and afterwards no interrupt does: its memory may be freed. No lock held.
 */
err_t irq_detach_step(struct irq *irq);

/* The line's place in the table; NULL: no line, or none that the table has. */
struct irq_entry *irq_entry(uint32_t line);

#endif

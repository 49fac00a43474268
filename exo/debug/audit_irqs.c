/* I8: the table of interrupt lines, the objects that hold them, and the controller agree. */
#include "debug/audit.h"

#include "core/irq.h"

static uint32_t held, attached; /* shared lines: by objects, and in the table */

/* An object that ends may have left its line already. */
static void
check_holder(struct origin *origin)
{
    const struct irq *irq = &((struct irq_line *)(void *)origin)->irq;
    bool has_line = arch_irq_exists(irq->line) && irq_entry(irq->line)->irq == irq;
    AUDIT(8, irq->line == origin->base, "object %lx has line %u, not that of its range",
          audit_name(origin), irq->line);
    AUDIT(8, has_line || origin->doomed, "object %lx: its line %u is not its own",
          audit_name(origin), irq->line);
    held += has_line;
}

static void
check_line(uint32_t line)
{
    const struct irq *irq = irq_entry(line)->irq;
    bool masked = arch_irq_masked(line);
    AUDIT(8, irq != NULL || masked, "line %u is nobody's and not masked", line);
    if (irq == NULL)
        return;
    AUDIT(8, irq->line == line, "line %u is held as line %u", line, irq->line);
    AUDIT(8, irq->masked == masked, "line %u is %s by the controller", line,
          masked ? "masked" : "not masked");
    AUDIT(8, irq->masked || !(irq->level && irq->fired),
          "line %u came, was not acknowledged, and is not masked", line);
    attached += line < LPI_FIRST && irq->handler == NULL;
}

void
audit_irqs(void)
{
    held = attached = 0;
    for (uint32_t line = IRQ_SPI_FIRST; line < LPI_END; line++)
        if (arch_irq_exists(line))
            check_line(line);
    audit_each(EXO_TYPE_IRQ, check_holder);
    AUDIT(8, held == attached, "machine: %u lines are open, %u objects hold one", attached, held);
}

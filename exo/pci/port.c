/*
 * Ports with a slot that something can be removed from (native hot-plug, 6.7). Nothing is taken in:
 * a slot that lost its power stays without.
 */
#include "pci/pci.h"
#include "virtio/device.h"

/* The PCI Express capability, 7.5.3, with its offsets. */
#define EXPRESS_SLOT     (1u << 24) /* the port has one */
#define SLOT_CAPABLE     0x14
#define SLOT_HOT_PLUG    (1u << 6)
#define SLOT_CONTROL     0x18                          /* 16 bits; the status behind it */
#define SLOT_ENABLE      (1u << 0 | 1u << 3 | 1u << 5) /* button, presence, the interrupt */
#define SLOT_NO_COMMANDS (1u << 4)                     /* no interrupt when a command is done */
#define SLOT_OFF         (3u << 8 | 1u << 10)          /* power indicator and controller */
#define STATUS_BUTTON    (1u << 0)
#define STATUS_CHANGED   (1u << 3)
#define STATUS_EVENTS    0x11fu
#define STATUS_PRESENT   (1u << 6)

static struct port {
    struct irq irq;
    uint32_t bridge, slot; /* the slot's control register */
    uint32_t first, last;  /* buses */
} ports[PCI_PORTS_MAX];
uint32_t pci_ports;

/* The attention button was pressed, or what was in the slot is not any more. */
static void
port_fired(struct irq *irq)
{
    struct port *port = CONTAINER_OF(irq, struct port, irq);
    uint32_t state = pci_read(port->bridge, port->slot), status = state >> 16;
    pci_write16(port->bridge, port->slot + 2, status & STATUS_EVENTS);
    if (!(status & STATUS_BUTTON) && (!(status & STATUS_CHANGED) || (status & STATUS_PRESENT)))
        return;
    bool quiet = true; /* else it keeps its power, until the button is pressed again */
    for (struct device *device = devices; device < &devices[device_count]; device++)
        if (device->requester >> 8 >= port->first && device->requester >> 8 <= port->last)
            quiet &= device_removed(device);
    if (quiet && (status & STATUS_PRESENT))
        pci_write16(port->bridge, port->slot, (uint16_t)(state | SLOT_OFF));
}

void
pci_port_found(uint32_t bridge, const struct boot_range *bars, uint32_t first, uint32_t last)
{
    struct port *port = &ports[pci_ports];
    uint32_t lpi, express = pci_capability(bridge, PCI_CAP_EXPRESS), slot = express + SLOT_CONTROL;
    if (express == 0 || !(pci_read(bridge, express) & EXPRESS_SLOT) ||
        !(pci_read(bridge, express + SLOT_CAPABLE) & SLOT_HOT_PLUG))
        return;
    if (pci_ports == PCI_PORTS_MAX || pci_route(bridge, bars, 1, &lpi) == 0) {
        console_printf("exo: pci " PCI_NAME ": no interrupt: nothing can be removed there\n",
                       PCI_NAMED(bridge));
        return;
    }
    *port = (struct port){.bridge = bridge, .slot = slot, .first = first, .last = last};
    irq_init(&port->irq, lpi, false);
    ensure(irq_attach(&port->irq) == EXO_OK);
    irq_handle(&port->irq, port_fired);
    uint32_t state = pci_read(bridge, slot);
    pci_write16(bridge, slot + 2, state >> 16 & STATUS_EVENTS);
    pci_write16(bridge, slot, (uint16_t)((state & ~SLOT_NO_COMMANDS) | SLOT_ENABLE));
    pci_ports++;
}

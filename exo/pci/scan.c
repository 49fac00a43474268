/*
 * Finding everything: depth first, so that each bridge has the buses behind it as one range of
 * numbers, and one range of addresses. A bus's endpoints come before its bridges: they are found in
 * the order of their numbers.
 */
#include "pci/pci.h"

#include "virtio/pci.h"

#define DEPTH_MAX     8 /* bridges behind each other */
#define FUNCTIONS     256
#define MULTIFUNCTION (1u << 23) /* of the dword of the header's type */
#define CLASS_BRIDGE  6

/* Headers of bridges: 7.5.1.3. */
#define BRIDGE_MEMORY       0x20
#define BRIDGE_PREFETCHABLE 0x24
#define PREFETCHABLE_NONE   0xfff0u /* from there to 0 */
#define BRIDGE_UNIT         0x100000ull

static uint32_t buses, bus_last; /* how many there are, and the last number given away */

static void scan_bus(uint32_t bus, uint32_t depth);

/* What the bridge passes on downwards; nothing, where first is end. */
static void
set_window(uint32_t bridge, uint64_t first, uint64_t end)
{
    pci_write(bridge, BRIDGE_MEMORY, (uint32_t)((end - 1) & 0xfff00000) | (uint32_t)(first >> 16));
    pci_write(bridge, BRIDGE_PREFETCHABLE, PREFETCHABLE_NONE);
    pci_write(bridge, BRIDGE_PREFETCHABLE + 4, 0);
    pci_write(bridge, BRIDGE_PREFETCHABLE + 8, 0);
}

static uint64_t
window_aligned(void)
{
    return pci_window.next = (pci_window.next + BRIDGE_UNIT - 1) & ~(BRIDGE_UNIT - 1);
}

/*
 * A root port, or one of a switch (7.5.3.2). What is behind another bridge does not interrupt, and
 * does no DMA, in its own name.
 */
static bool
is_port(uint32_t bridge)
{
    uint32_t at = pci_capability(bridge, PCI_CAP_EXPRESS);
    uint32_t type = pci_read(bridge, at) >> 20 & 15;
    return at != 0 && type >= 4 && type <= 6;
}

/* It passes everything on as long as it is not known how much that is. */
static void
scan_bridge(uint32_t bridge, uint32_t depth)
{
    struct boot_range bars[PCI_BARS_MAX];
    uint32_t secondary = bus_last + 1, numbers = bridge >> 8 | secondary << 8;
    if (!is_port(bridge) || depth == DEPTH_MAX || secondary >= buses ||
        !pci_place(bridge, 2, bars)) {
        console_printf("exo: pci " PCI_NAME ": what is behind this bridge is left out\n",
                       PCI_NAMED(bridge));
        return;
    }
    bus_last = secondary;
    uint64_t first = window_aligned();
    set_window(bridge, first, pci_window.end);
    pci_write(bridge, PCI_BUSES, numbers | 0xff0000);
    pci_write16(bridge, PCI_COMMAND, PCI_MEMORY | PCI_MASTER | PCI_INTX_OFF);
    scan_bus(secondary, depth + 1);
    set_window(bridge, first, window_aligned());
    pci_write(bridge, PCI_BUSES, numbers | bus_last << 16);
    pci_port_found(bridge, bars, secondary, bus_last);
}

/* Firmware's numbers and addresses must not answer meanwhile. */
static void
scan_function(uint32_t requester, bool bridges, uint32_t depth)
{
    uint32_t header = pci_read(requester, PCI_HEADER) >> 16 & 0x7f;
    if (header == 1 && !bridges) {
        pci_write16(requester, PCI_COMMAND, PCI_INTX_OFF);
        pci_write(requester, PCI_BUSES, 0);
    } else if (header == 1) {
        scan_bridge(requester, depth);
    } else if (header == 0 && !bridges && pci_read(requester, PCI_CLASS) >> 24 != CLASS_BRIDGE) {
        pci_write16(requester, PCI_COMMAND, PCI_INTX_OFF);
        device_found(requester);
    }
}

static void
scan_bus(uint32_t bus, uint32_t depth)
{
    for (uint32_t i = 0; i < 2 * FUNCTIONS; i++) {
        uint32_t requester = bus << 8 | i % FUNCTIONS;
        bool behind = (i & 7) != 0 && !(pci_read(requester & ~7u, PCI_HEADER) & MULTIFUNCTION);
        if (!behind && (pci_read(requester, PCI_ID) & 0xffff) != 0xffff)
            scan_function(requester, i >= FUNCTIONS, depth);
    }
}

void
pci_scan(void)
{
    bus_last = 0;
    buses = pci_map();
    if (buses != 0)
        scan_bus(0, 0);
}

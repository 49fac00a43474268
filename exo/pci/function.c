/* One function: its capabilities, its registers' addresses, its interrupts. */
#include "pci/pci.h"

#include "core/irq.h"

#define STATUS_CAPABILITIES (1u << 20) /* of the word that begins with the command */
#define CAPABILITIES_FIRST  0x40

#define BAR_IO   1u
#define BAR_WIDE 4u /* of the bits 2 and 1: 64 bits */

/* 7.7.2: dwords of a table's entry, and the capability's. */
#define MSIX_TABLE       4
#define MSIX_TABLE_BAR   7u
#define MSIX_COUNT       0x7ffu
#define MSIX_ENABLE      0x8000u
#define MSIX_ENTRY_BYTES 16

uint32_t pci_routed;

bool
pci_capabilities(uint32_t requester, struct pci_caps *caps)
{
    caps->count = 0;
    if (!(pci_read(requester, PCI_COMMAND) & STATUS_CAPABILITIES))
        return true;
    uint32_t at = pci_read(requester, PCI_CAPABILITIES) & 0xfc;
    for (; at != 0; at = pci_read(requester, at) >> 8 & 0xfc) {
        if (at < CAPABILITIES_FIRST || caps->count == PCI_CAPS_MAX)
            return false;
        caps->at[caps->count++] = (uint8_t)at;
    }
    return true;
}

uint32_t
pci_capability(uint32_t requester, enum pci_capability id)
{
    struct pci_caps caps;
    if (pci_capabilities(requester, &caps))
        for (uint32_t i = 0; i < caps.count; i++)
            if ((pci_read(requester, caps.at[i]) & 0xff) == id)
                return caps.at[i];
    return 0;
}

/* The bits that can be changed are those of the address (7.5.1.2.1). */
static uint32_t
probe(uint32_t requester, uint32_t at)
{
    pci_write(requester, at, UINT32_MAX);
    return pci_read(requester, at);
}

bool
pci_place(uint32_t requester, uint32_t count, struct boot_range *bars)
{
    memset(bars, 0, PCI_BARS_MAX * sizeof(*bars));
    for (uint32_t i = 0, words; i < count; i += words) {
        uint32_t at = PCI_BAR + 4 * i, low = probe(requester, at);
        words = (low & (BAR_IO | 6)) == BAR_WIDE ? 2 : 1;
        if (low == 0 || (low & BAR_IO))
            continue;
        if (i + words > count)
            return false;
        uint64_t high = words == 2 ? probe(requester, at + 4) : UINT32_MAX;
        uint64_t mask = high << 32 | (low & ~15u), bytes = -mask;
        uint64_t base = (pci_window.next + bytes - 1) & mask;
        if (mask == 0 || !is_aligned(bytes, bytes) || !range_fits(base, bytes, pci_window.end))
            return false;
        pci_write(requester, at, (uint32_t)base);
        if (words == 2)
            pci_write(requester, at + 4, (uint32_t)(base >> 32));
        bars[i] = (struct boot_range){base, bytes};
        pci_window.next = base + bytes;
    }
    return true;
}

volatile void *
pci_in_bar(const struct boot_range *bars, uint32_t bar, uint64_t offset, uint64_t bytes)
{
    if (bar >= PCI_BARS_MAX || bytes == 0 || !is_aligned(offset, 4) ||
        !range_fits(offset, bytes, bars[bar].bytes))
        return NULL;
    return pci_registers(bars[bar].base + offset);
}

uint32_t
pci_route(uint32_t requester, const struct boot_range *bars, uint32_t vectors, uint32_t *first_lpi)
{
    pa_t doorbell;
    uint32_t at = pci_capability(requester, PCI_CAP_MSIX);
    if (at == 0 || pci_routed == IRQ_DEVICES_MAX)
        return 0;
    uint32_t table = pci_read(requester, at + MSIX_TABLE), bar = table & MSIX_TABLE_BAR;
    uint32_t count = (pci_read(requester, at) >> 16 & MSIX_COUNT) + 1;
    count = count < vectors ? count : vectors;
    volatile uint32_t *entry = pci_in_bar(bars, bar, table - bar, count * MSIX_ENTRY_BYTES);
    if (entry == NULL ||
        arch_msi_map(pci_routed, requester + boot_machine.pci_msi_base, &doorbell) != EXO_OK)
        return 0;
    for (uint32_t vector = 0; vector < count; vector++, entry += 4) {
        entry[0] = (uint32_t)doorbell;
        entry[1] = (uint32_t)(doorbell >> 32);
        entry[2] = vector;
        entry[3] = 0; /* not masked */
    }
    pci_write16(requester, at + 2, MSIX_ENABLE);
    *first_lpi = LPI_FIRST + DEVICE_VECTORS * pci_routed++;
    return count;
}

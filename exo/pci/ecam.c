/* Configuration space, a page for each function (7.2.2), and the addresses of registers. */
#include "pci/pci.h"

#define BUS_BYTES    0x100000ull
#define BUSES_MAX    32            /* a block of 2 MiB maps two */
#define WINDOW_BYTES 0x10000000ull /* of which all is mapped */

struct pci_window pci_window;
static char *config, *registers;
static uint64_t window_base;

uint32_t
pci_map(void)
{
    struct boot_range ecam = boot_machine.pci_config, memory = boot_machine.pci_memory;
    uint64_t buses = min_u64(min_u64(boot_machine.pci_buses, ecam.bytes / BUS_BYTES), BUSES_MAX);
    uint64_t end = memory.base + min_u64(memory.bytes, WINDOW_BYTES);
    if (buses == 0 || memory.bytes == 0)
        return 0;
    window_base = memory.base;
    pci_window = (struct pci_window){window_base, end & ~(BUS_BYTES - 1)};
    config = mmu_map_device((struct boot_range){ecam.base, buses * BUS_BYTES});
    registers = mmu_map_device((struct boot_range){window_base, end - window_base});
    return (uint32_t)buses;
}

volatile void *
pci_registers(uint64_t address)
{
    return registers + (address - window_base);
}

void *
pci_at(uint32_t requester, uint32_t offset)
{
    return config + requester * PAGE_BYTES + offset;
}

uint32_t
pci_read(uint32_t requester, uint32_t offset)
{
    return *(volatile uint32_t *)pci_at(requester, offset);
}

void
pci_write(uint32_t requester, uint32_t offset, uint32_t value)
{
    *(volatile uint32_t *)pci_at(requester, offset) = value;
}

void
pci_write16(uint32_t requester, uint32_t offset, uint16_t value)
{
    *(volatile uint16_t *)pci_at(requester, offset) = value;
}

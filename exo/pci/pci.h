/*
 * PCI Express (Base Specification 4.0) as the kernel uses it: functions found by ECAM, bus numbers
 * and addresses assigned anew whatever firmware did, message-signalled interrupts, and hot-plug
 * ports. A requester is bus << 8 | device << 3 | function. What functions say of themselves is not
 * believed further than it can be checked.
 */
#ifndef EXO_PCI_PCI_H
#define EXO_PCI_PCI_H

#include "arch/arch.h"

/* How the console names a function: bus:device.function. */
#define PCI_NAME             "%x:%x.%u"
#define PCI_NAMED(requester) (requester) >> 8, (requester) >> 3 & 31, (requester) & 7

#define PCI_BARS_MAX 6u
#define PCI_CAPS_MAX 48u /* that the 192 bytes behind the header have room for */

/* 7.5.1. */
enum pci_register {
    PCI_ID = 0x00,
    PCI_COMMAND = 0x04, /* 16 bits; the status behind it */
    PCI_CLASS = 0x08,
    PCI_HEADER = 0x0c,
    PCI_BAR = 0x10,
    PCI_BUSES = 0x18,
    PCI_SUBSYSTEM = 0x2c,
    PCI_CAPABILITIES = 0x34,
};

enum pci_command { PCI_MEMORY = 2, PCI_MASTER = 4, PCI_INTX_OFF = 1024 };
enum pci_capability { PCI_CAP_VENDOR = 0x09, PCI_CAP_EXPRESS = 0x10, PCI_CAP_MSIX = 0x11 };

/* --- ecam.c (the host's unit tests have a double) ----------------------------------------------
 */

/* The addresses for registers that are not given away yet; CPU and PCI have the same. */
struct pci_window {
    uint64_t next, end;
};
extern struct pci_window pci_window;

/* Maps configuration space and the window: how many buses there are, 0: no PCI here. Boot. */
uint32_t pci_map(void);

/* Where EL1 has an address of the window. */
volatile void *pci_registers(uint64_t address);

/* Configuration space: naturally aligned; all ones where nothing is. */
void *pci_at(uint32_t requester, uint32_t offset);
uint32_t pci_read(uint32_t requester, uint32_t offset);
void pci_write(uint32_t requester, uint32_t offset, uint32_t value);
void pci_write16(uint32_t requester, uint32_t offset, uint16_t value);

/* --- function.c --------------------------------------------------------------------------------
 */

struct pci_caps {
    uint32_t count;
    uint8_t at[PCI_CAPS_MAX];
};

/* Where its capabilities are: false when they are no list. */
bool pci_capabilities(uint32_t requester, struct pci_caps *caps);

/* The first capability with that number; 0: none. */
uint32_t pci_capability(uint32_t requester, enum pci_capability id);

/*
 * Gives the function's first `count` memory BARs addresses from the window: false when one is not a
 * BAR, or does not fit. I/O BARs, and those that are not there, are 0 bytes. Decoding is off.
 */
bool pci_place(uint32_t requester, uint32_t count, struct boot_range *bars);

/* A part of a BAR that pci_place gave an address: NULL when it is empty, or not inside. */
volatile void *pci_in_bar(const struct boot_range *bars, uint32_t bar, uint64_t offset,
                          uint64_t bytes);

/*
 * Makes its MSI-X vectors 0 to `vectors` - 1 (DEVICE_VECTORS at most) the LPIs from *first_lpi on
 * (irq.h), and turns MSI-X on; only the interrupt controller masks them. How many of them it has;
 * 0: none, or there are too many functions already. Its decoding is on.
 */
uint32_t pci_route(uint32_t requester, const struct boot_range *bars, uint32_t vectors,
                   uint32_t *first_lpi);

/* Functions that pci_route was successful for, and the ports among them. */
extern uint32_t pci_routed, pci_ports;

/* --- scan.c, port.c ----------------------------------------------------------------------------
 */

#define PCI_PORTS_MAX 32u

/* Boot: finds everything, in the order of requester ids; each endpoint goes to device_found. */
void pci_scan(void);

/* Boot: a bridge with the buses `secondary` to `subordinate`, if it is a port with a slot. */
void pci_port_found(uint32_t requester, const struct boot_range *bars, uint32_t secondary,
                    uint32_t subordinate);

#endif

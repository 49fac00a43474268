/*
 * A double of PCI's configuration space under exo/pci and exo/virtio/pci.c: functions with
 * registers of which some bits can be written, behind bridges that pass on the buses that they are
 * told to. Registers in BARs are plain memory: each page of it reads as a sound device's would.
 */
#ifndef HOST_FAKE_PCI_H
#define HOST_FAKE_PCI_H

#include "pci/pci.h"
#include "virtio/transport.h"

#define FAKE_FUNCTIONS   64
#define FAKE_REGISTERS   80 /* of 4 bytes: the header, the capabilities, and some way beyond */
#define FAKE_WINDOW      0x10000000ull
#define FAKE_WINDOW_SIZE 0x4000000ull

/* Where the builders put capabilities. */
enum { FAKE_COMMON = 0x40, FAKE_NOTIFY = 0x50, FAKE_CONFIG = 0x64, FAKE_MSIX = 0x74 };
enum { FAKE_EXPRESS = 0x80, FAKE_SLOT = FAKE_EXPRESS + 0x18 };

struct fake_function {
    struct fake_function *parent; /* NULL: it is on bus 0 */
    uint32_t devfn;
    uint32_t value[FAKE_REGISTERS], writable[FAKE_REGISTERS], cleared[FAKE_REGISTERS];
};

extern struct fake_function fake_functions[FAKE_FUNCTIONS];
extern uint32_t fake_count;
extern bool fake_quiet;        /* devices that are removed become so */
extern uint64_t fake_accesses; /* to configuration space */
extern uint32_t fake_routed;   /* arch_msi_map calls */
extern uint32_t fake_lines;    /* console lines: what was left out says so */

/* Nothing is there, and nothing was found. */
void fake_pci_begin(void);

/* Device 0 to 31 of a bus: a sound virtio function, and a root port with a slot. */
struct fake_function *fake_endpoint(struct fake_function *parent, uint32_t device, uint32_t type);
struct fake_function *fake_port(struct fake_function *parent, uint32_t device);

/* A register at a byte offset, a multiple of 4. */
#define FAKE(function, offset) ((function)->value[(offset) / 4])

/* The bus that it answers on now. */
uint32_t fake_requester(const struct fake_function *function);

/* The slot of that port signals: these status bits are set, and its interrupt comes. */
void fake_slot_event(struct fake_function *port, uint32_t status);

/* Panics unless all that is known of the devices is within its bounds. */
void fake_check_devices(void);

#endif

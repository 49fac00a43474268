#include "fake_pci.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUSES 32

struct fake_function fake_functions[FAKE_FUNCTIONS];
uint32_t fake_count, fake_routed, fake_lines;
uint64_t fake_accesses;
struct boot_machine boot_machine;
struct pci_window pci_window;

static uint8_t *window; /* ends where its allocation does */
static struct irq *handled[IRQ_DEVICES_MAX];
static uint32_t handled_count;

/* --- Doubles ------------------------------------------------------------------------------------
 */

void
panic(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    printf("panic: ");
    vprintf(format, arguments);
    printf("\n");
    va_end(arguments);
    fflush(stdout);
    abort();
}

void
console_printf(const char *format, ...)
{
    (void)format;
    fake_lines++;
}

uint64_t
device_features(uint32_t type)
{
    return type == 1 || type == 2 || type == 4 ? 1ull << 29 | 1ull << 32 : 0;
}

bool fake_quiet = true;

bool
device_removed(struct device *device)
{
    device->gone = fake_quiet;
    return fake_quiet;
}

void
irq_init(struct irq *irq, uint32_t line, bool level)
{
    irq->line = line;
    irq->level = level;
}

err_t
irq_attach(struct irq *irq)
{
    return irq->line >= LPI_FIRST && irq->line < LPI_END ? EXO_OK : EXO_E_RANGE;
}

void
irq_handle(struct irq *irq, void (*handler)(struct irq *irq))
{
    irq->handler = handler;
    ensure(handled_count < IRQ_DEVICES_MAX);
    handled[handled_count++] = irq;
}

err_t
arch_msi_map(uint32_t index, uint32_t requester, pa_t *doorbell)
{
    ensure(index == fake_routed && index < IRQ_DEVICES_MAX);
    fake_routed++;
    *doorbell = 0x8090040;
    return requester < BUSES << 8 ? EXO_OK : EXO_E_RANGE;
}

uint32_t
pci_map(void)
{
    pci_window = (struct pci_window){FAKE_WINDOW, FAKE_WINDOW + FAKE_WINDOW_SIZE};
    return BUSES;
}

volatile void *
pci_registers(uint64_t address)
{
    ensure(address >= FAKE_WINDOW && address < FAKE_WINDOW + FAKE_WINDOW_SIZE);
    return window + (address - FAKE_WINDOW);
}

/* Which function a bus and device number reach through the bridges as they are set. */
static struct fake_function *
find(uint32_t requester)
{
    uint32_t bus = requester >> 8;
    fake_accesses++;
    for (uint32_t i = 0; i < fake_count; i++) {
        struct fake_function *function = &fake_functions[i], *bridge = function->parent;
        uint32_t secondary = bridge == NULL ? 0 : FAKE(bridge, PCI_BUSES) >> 8 & 0xff;
        if (function->devfn != (requester & 0xff) || secondary != bus)
            continue;
        while (bridge != NULL && (FAKE(bridge, PCI_BUSES) >> 8 & 0xff) <= bus &&
               (FAKE(bridge, PCI_BUSES) >> 16 & 0xff) >= bus)
            bridge = bridge->parent;
        if (bridge == NULL)
            return function;
    }
    return NULL;
}

uint32_t
pci_read(uint32_t requester, uint32_t offset)
{
    struct fake_function *function = find(requester);
    ensure(offset % 4 == 0 && offset < 4 * FAKE_REGISTERS);
    return function == NULL ? UINT32_MAX : FAKE(function, offset);
}

static void
write_bits(uint32_t requester, uint32_t offset, uint32_t value, uint32_t mask)
{
    struct fake_function *function = find(requester);
    ensure(offset < 4 * FAKE_REGISTERS);
    if (function == NULL)
        return;
    uint32_t writable = function->writable[offset / 4] & mask;
    uint32_t cleared = function->cleared[offset / 4] & mask & value;
    uint32_t *at = &function->value[offset / 4];
    *at = ((*at & ~writable) | (value & writable)) & ~cleared;
}

void
pci_write(uint32_t requester, uint32_t offset, uint32_t value)
{
    ensure(offset % 4 == 0);
    write_bits(requester, offset, value, UINT32_MAX);
}

void
pci_write16(uint32_t requester, uint32_t offset, uint16_t value)
{
    ensure(offset % 2 == 0);
    write_bits(requester, offset, (uint32_t)value << offset % 4 * 8, 0xffffu << offset % 4 * 8);
}

/* --- Building ------------------------------------------------------------------------------------
 */

/* Each page begins as the common structure of a device that has what it needs (§4.1.4.3). */
static void
fill_window(void)
{
    for (uint64_t at = 0; at < FAKE_WINDOW_SIZE; at += PAGE_BYTES) {
        memset(window + at, 0, 64);
        *(uint32_t *)(void *)(window + at + 4) = 1u << 29 | 1; /* features, whichever half */
        *(uint16_t *)(void *)(window + at + 18) = 3;           /* queues */
        *(uint16_t *)(void *)(window + at + 24) = 256;         /* entries */
    }
}

void
fake_pci_begin(void)
{
    if (window == NULL)
        window = malloc(FAKE_WINDOW_SIZE);
    fill_window();
    memset(fake_functions, 0, sizeof(fake_functions));
    memset(devices, 0, sizeof(devices));
    fake_count = fake_routed = fake_lines = device_count = handled_count = 0;
    fake_accesses = pci_routed = pci_ports = 0;
}

static struct fake_function *
new_function(struct fake_function *parent, uint32_t device, uint32_t id, uint32_t header)
{
    ensure(fake_count < FAKE_FUNCTIONS);
    struct fake_function *function = &fake_functions[fake_count++];
    *function = (struct fake_function){.parent = parent, .devfn = device << 3};
    FAKE(function, PCI_ID) = id;
    FAKE(function, PCI_COMMAND) = 0x100007; /* capabilities; and firmware left it on */
    function->writable[PCI_COMMAND / 4] = 0x407;
    FAKE(function, PCI_HEADER) = header << 16;
    return function;
}

static void
put_bar(struct fake_function *function, uint32_t bar, uint32_t bytes)
{
    function->writable[PCI_BAR / 4 + bar] = ~(bytes - 1);
    FAKE(function, PCI_BAR + 4 * bar) = 0xe0000000; /* somewhere, by firmware */
}

static void
put_cap(struct fake_function *function, uint32_t at, uint32_t head, uint32_t bar, uint32_t offset,
        uint32_t length)
{
    const uint32_t words[] = {head, bar, offset, length};
    memcpy(&FAKE(function, at), words, sizeof(words));
}

struct fake_function *
fake_endpoint(struct fake_function *parent, uint32_t device, uint32_t type)
{
    struct fake_function *function =
        new_function(parent, device, (0x1040 + type) << 16 | 0x1af4, 0);
    put_bar(function, 1, 0x1000);
    put_bar(function, 4, 0x4000);
    FAKE(function, PCI_BAR + 16) |= 0xc; /* 64 bits, prefetchable */
    function->writable[PCI_BAR / 4 + 5] = UINT32_MAX;
    FAKE(function, PCI_CAPABILITIES) = FAKE_COMMON;
    put_cap(function, FAKE_COMMON, 0x01100009 | FAKE_NOTIFY << 8, 4, 0, 0x1000);
    put_cap(function, FAKE_NOTIFY, 0x02140009 | FAKE_CONFIG << 8, 4, 0x3000, 0x1000);
    FAKE(function, FAKE_NOTIFY + 16) = 4;
    put_cap(function, FAKE_CONFIG, 0x04100009 | FAKE_MSIX << 8, 4, 0x2000, 0x1000);
    FAKE(function, FAKE_MSIX) = 0x00030011; /* four vectors, in BAR 1 */
    function->writable[FAKE_MSIX / 4] = 0xc0000000;
    FAKE(function, FAKE_MSIX + 4) = 1;
    return function;
}

struct fake_function *
fake_port(struct fake_function *parent, uint32_t device)
{
    struct fake_function *function = new_function(parent, device, 0x000c1b36, 1);
    put_bar(function, 0, 0x1000);
    FAKE(function, PCI_BUSES) = 0x030201; /* firmware's */
    function->writable[PCI_BUSES / 4] = UINT32_MAX;
    function->writable[0x20 / 4] = function->writable[0x24 / 4] = 0xfff0fff0;
    FAKE(function, 0x24) = 0x00010001;
    FAKE(function, PCI_CAPABILITIES) = FAKE_MSIX;
    FAKE(function, FAKE_MSIX) = 0x00000011 | FAKE_EXPRESS << 8;
    function->writable[FAKE_MSIX / 4] = 0xc0000000;
    FAKE(function, FAKE_EXPRESS) = 0x01420010; /* a root port, with a slot */
    FAKE(function, FAKE_EXPRESS + 0x14) = 0x43;
    FAKE(function, FAKE_SLOT) = 0x00400100; /* something is in it, its indicator is on */
    function->writable[FAKE_SLOT / 4] = 0x1fff;
    function->cleared[FAKE_SLOT / 4] = 0x11f0000;
    return function;
}

uint32_t
fake_requester(const struct fake_function *function)
{
    uint32_t bus = function->parent == NULL ? 0 : FAKE(function->parent, PCI_BUSES) >> 8 & 0xff;
    return bus << 8 | function->devfn;
}

void
fake_slot_event(struct fake_function *port, uint32_t status)
{
    FAKE(port, FAKE_SLOT) |= status << 16;
    for (uint32_t i = 0; i < handled_count; i++)
        handled[i]->handler(handled[i]);
}

/* Reads where a device's registers are mapped: within the window, or the sanitizer says so. */
static void
check_device(const struct device *device)
{
    const struct transport *transport = &device->transport;
    volatile uint8_t sum = *(volatile uint8_t *)transport->common;
    sum += transport->notify[0];
    ensure(transport->notify_bytes <= FAKE_WINDOW_SIZE);
    if (transport->notify_bytes != 0)
        sum += transport->notify[transport->notify_bytes - 1];
    if (device->config_bytes != 0)
        sum += transport->config[device->config_bytes - 1];
    (void)sum;
    ensure(device->config_bytes <= EXO_CONFIG_BYTES_MAX);
    ensure(device->queues <= DEVICE_QUEUES_MAX);
    ensure(device->first_lpi >= LPI_FIRST && device->first_lpi < LPI_END);
    ensure(device_features(device->type) != 0);
}

void
fake_check_devices(void)
{
    ensure(device_count <= DEVICES_MAX && fake_routed <= IRQ_DEVICES_MAX);
    for (uint32_t i = 0; i < device_count; i++)
        check_device(&devices[i]);
    ensure(pci_window.next <= pci_window.end);
}

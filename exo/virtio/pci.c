/* Virtio over PCI (virtio 1.2 §4.1): finding devices at boot, and their registers. */
#include "pci/pci.h"
#include "virtio/transport.h"

#define VENDOR_VIRTIO   0x1af4u
#define ID_TRANSITIONAL 0x1000u /* the subsystem says which type; then ID_MODERN + type */
#define ID_MODERN       0x1040u
#define ID_END          0x1080u

/* §4.1.4: a vendor's capability; its dwords behind the first are bar, offset, length, multiplier */
#define CAP_BYTES        16u
#define CAP_NOTIFY_BYTES 20u
#define STRUCTURES       5u
enum structure { COMMON = 1, NOTIFY = 2, CONFIG = 4 };

#define CONFIG_TRIES 8
#define RESET_TRIES  1000000

/* §4.1.4.3. */
struct virtio_common {
    uint32_t device_feature_select, device_feature, driver_feature_select, driver_feature;
    uint16_t config_vector, num_queues;
    uint8_t status, config_generation;
    uint16_t queue_select, queue_size, queue_vector, queue_enable, queue_notify_off;
    uint32_t queue_rings[6]; /* three addresses, in halves (§4.1.3.1) */
};

struct device devices[DEVICES_MAX];
uint32_t device_count;

/* --- The transport: transport.h ----------------------------------------------------------------
 */

uint8_t
transport_status(struct device *device)
{
    return device->gone ? STATUS_GONE : device->transport.common->status;
}

void
transport_set_status(struct device *device, uint8_t status)
{
    if (!device->gone)
        device->transport.common->status = status;
}

uint64_t
transport_features(struct device *device)
{
    volatile struct virtio_common *common = device->transport.common;
    uint64_t features = 0;
    for (uint32_t half = 0; half < 2 && !device->gone; half++) {
        common->device_feature_select = half;
        features |= (uint64_t)common->device_feature << 32 * half;
    }
    return features;
}

/* Changes of the configuration get vector 0, which the reset took. */
bool
transport_accept(struct device *device, uint64_t features)
{
    volatile struct virtio_common *common = device->transport.common;
    if (device->gone)
        return false;
    for (uint32_t half = 0; half < 2; half++) {
        common->driver_feature_select = half;
        common->driver_feature = (uint32_t)(features >> 32 * half);
    }
    common->status |= STATUS_FEATURES_OK;
    common->config_vector = 0;
    return (common->status & STATUS_FEATURES_OK) != 0 && common->config_vector == 0;
}

uint32_t
transport_queue_entries(struct device *device, uint32_t queue)
{
    return queue < DEVICE_QUEUES_MAX && !device->gone ? device->transport.entries[queue] : 0;
}

bool
transport_queue_enable(struct device *device, uint32_t queue, uint32_t entries, pa_t descriptors,
                       pa_t available, pa_t used)
{
    struct transport *transport = &device->transport;
    volatile struct virtio_common *common = transport->common;
    const pa_t rings[] = {descriptors, available, used};
    if (device->gone || queue >= device->queues)
        return false;
    common->queue_select = (uint16_t)queue;
    uint64_t at = (uint64_t)common->queue_notify_off * transport->notify_multiplier;
    if (!range_fits(at, 2, transport->notify_bytes))
        return false;
    transport->doorbell[queue] = (volatile uint16_t *)(volatile void *)(transport->notify + at);
    common->queue_size = (uint16_t)entries;
    common->queue_vector = (uint16_t)(queue + 1);
    for (uint32_t i = 0; i < ARRAY_LENGTH(common->queue_rings); i++)
        common->queue_rings[i] = (uint32_t)(rings[i / 2] >> i % 2 * 32);
    common->queue_enable = 1;
    return common->queue_vector == queue + 1 && common->queue_size == entries;
}

void
transport_doorbell(struct device *device, uint32_t queue)
{
    if (!device->gone)
        *device->transport.doorbell[queue] = (uint16_t)queue;
}

bool
transport_config(struct device *device, uint32_t offset, void *to, uint32_t bytes)
{
    struct transport *transport = &device->transport;
    for (unsigned i = 0; i < CONFIG_TRIES && !device->gone; i++) {
        uint8_t generation = transport->common->config_generation;
        for (uint32_t at = 0; at < bytes; at++)
            ((uint8_t *)to)[at] = transport->config[offset + at];
        if (transport->common->config_generation == generation)
            return true;
    }
    return false;
}

void
transport_set_mastering(struct device *device, bool on)
{
    uint16_t command = PCI_MEMORY | PCI_INTX_OFF | (on ? PCI_MASTER : 0);
    if (!device->gone)
        pci_write16(device->requester, PCI_COMMAND, command);
}

/* --- Boot ---------------------------------------------------------------------------------------
 */

/* Of each structure the first that lies in registers is the one to use. */
static bool
find_structures(struct device *device, const struct boot_range *bars)
{
    uint32_t requester = device->requester, length[STRUCTURES] = {0};
    volatile void *found[STRUCTURES] = {NULL};
    struct transport *transport = &device->transport;
    struct pci_caps caps;
    if (!pci_capabilities(requester, &caps))
        return false;
    for (uint32_t i = 0; i < caps.count; i++) {
        uint32_t at = caps.at[i], head = pci_read(requester, at), type = head >> 24;
        uint32_t needs = type == NOTIFY ? CAP_NOTIFY_BYTES : CAP_BYTES;
        if ((head & 0xff) != PCI_CAP_VENDOR || (head >> 16 & 0xff) < needs || at + needs > 256 ||
            type >= STRUCTURES || found[type] != NULL)
            continue;
        uint32_t bar = pci_read(requester, at + 4) & 0xff, offset = pci_read(requester, at + 8);
        length[type] = pci_read(requester, at + 12);
        found[type] = pci_in_bar(bars, bar, offset, length[type]);
        if (type == NOTIFY)
            transport->notify_multiplier = pci_read(requester, at + 16);
    }
    transport->common = found[COMMON];
    transport->notify = found[NOTIFY];
    transport->config = found[CONFIG];
    transport->notify_bytes = length[NOTIFY];
    if (transport->config != NULL)
        device->config_bytes = (uint32_t)min_u64(length[CONFIG], EXO_CONFIG_BYTES_MAX);
    return transport->common != NULL && length[COMMON] >= sizeof(struct virtio_common) &&
           transport->notify != NULL && is_aligned(transport->notify_multiplier, 2);
}

static bool
reset(struct device *device)
{
    transport_set_status(device, 0);
    for (uint32_t i = 0; i < RESET_TRIES; i++)
        if (transport_status(device) == 0)
            return true;
    return false;
}

/* A network device's further ones are for features that nobody may have (device_features). */
static void
count_queues(struct device *device, uint32_t vectors)
{
    volatile struct virtio_common *common = device->transport.common;
    uint64_t usable = min_u64(vectors - 1, device->type == DEVICE_NET ? 2 : DEVICE_QUEUES_MAX);
    uint32_t count = (uint32_t)min_u64(common->num_queues, usable);
    for (; device->queues < count; device->queues++) {
        common->queue_select = (uint16_t)device->queues;
        device->transport.entries[device->queues] = common->queue_size;
    }
}

/* 0: it is none of virtio's. */
static uint32_t
type_of(uint32_t requester)
{
    uint32_t id = pci_read(requester, PCI_ID), product = id >> 16;
    if ((id & 0xffff) != VENDOR_VIRTIO || product < ID_TRANSITIONAL || product >= ID_END)
        return 0;
    return product >= ID_MODERN ? product - ID_MODERN : pci_read(requester, PCI_SUBSYSTEM) >> 16;
}

/* Why it cannot be handed out; NULL: it can. */
static const char *
prepare(struct device *device)
{
    struct boot_range bars[PCI_BARS_MAX];
    if (device_features(device->type) == 0)
        return "is of no type that is handed out";
    if (!pci_place(device->requester, PCI_BARS_MAX, bars))
        return "has registers that do not fit";
    transport_set_mastering(device, false);
    if (!find_structures(device, bars))
        return "says nothing sound of virtio 1";
    if (!reset(device))
        return "cannot be reset";
    device->offered = transport_features(device) & device_features(device->type);
    if (!(device->offered >> FEATURE_VERSION_1 & 1))
        return "is older than virtio 1";
    uint32_t vectors = pci_route(device->requester, bars, DEVICE_VECTORS, &device->first_lpi);
    if (vectors < 2)
        return "gets too few message-signalled interrupts";
    count_queues(device, vectors);
    return NULL;
}

void
device_found(uint32_t requester)
{
    struct device *device = &devices[device_count];
    const char *reason = "is one too many";
    uint32_t type = type_of(requester);
    if (device_count < DEVICES_MAX) {
        *device = (struct device){.requester = requester, .type = type};
        lock_init(&device->lock, RANK_DEVICE);
        reason = prepare(device);
    }
    if (reason != NULL) {
        pci_write16(requester, PCI_COMMAND, PCI_INTX_OFF);
    } else {
        irq_init(&device->config_irq, device->first_lpi, false);
        ensure(irq_attach(&device->config_irq) == EXO_OK);
        device_count++;
    }
    console_printf("exo: pci " PCI_NAME ": virtio %u, %s\n", PCI_NAMED(requester), type,
                   reason == NULL ? "a device" : reason);
}

#include "virtio.h"
#include "machine.h"

/* QEMU's virt board: configuration space, and the window for addresses below 4 GiB. */
#define ECAM   0x4010000000u
#define WINDOW 0x10000000u

#define PCI_COMMAND       0x04u
#define PCI_BARS          0x10u
#define PCI_CAPABILITIES  0x34u
#define PCI_VENDOR_VIRTIO 0x1af4u
#define PCI_DEVICE_VIRTIO 0x1040u
#define CAPABILITY_VENDOR 9u
#define KIND_COMMON       1u
#define KIND_NOTIFY       2u
#define KIND_DEVICE       4u
#define KIND_LAST         KIND_DEVICE /* behind it: a window that is in no BAR */
/* Memory accesses, bus mastering, no INTx. */
#define COMMAND_BITS 0x406u

#define STATUS_ACKNOWLEDGE 1u
#define STATUS_DRIVER      2u
#define STATUS_DRIVER_OK   4u
#define STATUS_FEATURES_OK 8u

#define FEATURE_EVENT_IDX (1u << 29)
#define FEATURE_VERSION_1 (1u << 0) /* of the upper half */
#define NO_VECTOR         0xffffu

/* §4.1.4.3 */
struct common {
    uint32_t device_feature_select, device_feature, driver_feature_select, driver_feature;
    uint16_t config_vector, queues;
    uint8_t status, generation;
    uint16_t queue_select, queue_size, queue_vector, queue_enable, queue_notify_offset;
    uint32_t queue_descriptors[2], queue_available[2], queue_used[2];
};

static volatile uint8_t *
find(uint32_t type)
{
    for (uintptr_t slot = 0; slot < 32; slot++) {
        volatile uint8_t *config = (volatile uint8_t *)(ECAM + (slot << 15));
        if (*(volatile uint32_t *)config == ((PCI_DEVICE_VIRTIO + type) << 16 | PCI_VENDOR_VIRTIO))
            return config;
    }
    machine_fail("no virtio device of type ", type);
}

/* All structures of QEMU's devices are in one 64-bit BAR; that gets the window's first addresses.
 */
static volatile uint8_t *
assign(volatile uint8_t *config, uint8_t bar)
{
    volatile uint32_t *registers = (volatile uint32_t *)(config + PCI_BARS + 4u * bar);
    registers[0] = WINDOW;
    registers[1] = 0;
    return (volatile uint8_t *)WINDOW;
}

/* §4.1.4 */
static void
locate(struct device *device, volatile uint8_t *config)
{
    for (uint8_t at = config[PCI_CAPABILITIES]; at != 0; at = config[at + 1]) {
        volatile uint8_t *capability = config + at;
        uint8_t kind = capability[3];
        if (capability[0] != CAPABILITY_VENDOR || kind > KIND_LAST)
            continue;
        volatile uint8_t *where =
            assign(config, capability[4]) + *(volatile uint32_t *)(capability + 8);
        if (kind == KIND_COMMON)
            device->common = (volatile struct common *)where;
        if (kind == KIND_NOTIFY) {
            device->notify = where;
            device->notify_multiplier = *(volatile uint32_t *)(capability + 16);
        }
        if (kind == KIND_DEVICE)
            device->config = where;
    }
}

/* §3.1.1, up to the queues. */
static void
negotiate(volatile struct common *common)
{
    common->status = 0;
    while (common->status != 0)
        ;
    common->status = STATUS_ACKNOWLEDGE | STATUS_DRIVER;
    common->driver_feature_select = 0;
    common->driver_feature = FEATURE_EVENT_IDX;
    common->driver_feature_select = 1;
    common->driver_feature = FEATURE_VERSION_1;
    common->status = STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK;
    if (!(common->status & STATUS_FEATURES_OK))
        machine_fail("features refused, status ", common->status);
    common->config_vector = NO_VECTOR;
}

void
device_open(struct device *device, uint32_t type)
{
    volatile uint8_t *config = find(type);
    locate(device, config);
    *(volatile uint16_t *)(config + PCI_COMMAND) = COMMAND_BITS;
    negotiate(device->common);
}

static void
write_address(volatile uint32_t where[2], const volatile void *pointer)
{
    where[0] = (uint32_t)(uintptr_t)pointer;
    where[1] = (uint32_t)((uintptr_t)pointer >> 32);
}

void
queue_open(struct queue *queue, struct device *device, uint16_t number, struct ring *ring)
{
    volatile struct common *common = device->common;
    common->queue_select = number;
    if (common->queue_size < QUEUE_ENTRIES)
        machine_fail("a queue is too short: ", common->queue_size);
    common->queue_size = QUEUE_ENTRIES;
    common->queue_vector = NO_VECTOR;
    write_address(common->queue_descriptors, ring->descriptors);
    write_address(common->queue_available, &ring->available);
    write_address(common->queue_used, &ring->used);
    uint32_t offset = common->queue_notify_offset * device->notify_multiplier;
    *queue = (struct queue){
        .ring = ring, .doorbell = (volatile uint16_t *)(device->notify + offset), .number = number};
    common->queue_enable = 1;
}

void
device_start(struct device *device)
{
    device->common->status =
        STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK | STATUS_DRIVER_OK;
}

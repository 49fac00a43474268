/* Doubles of transport.h and of the devices behind it. */
#include "fake_virtio.h"

#include "arch/mmu.h"
#include "core/frame.h"
#include "core/genesis.h"
#include "fake_kernel.h"
#include "virtio/transport.h"

#include <string.h>

struct device devices[DEVICES_MAX];
uint32_t device_count; /* that genesis hands out: none */
struct fake_device fake_devices[FAKE_DEVICES];

static const struct {
    uint32_t type, queues;
} kinds[FAKE_DEVICES] = {{DEVICE_RNG, 1}, {DEVICE_BLOCK, 4}, {DEVICE_NET, 2}};

void
fake_virtio_begin(void)
{
    memset(devices, 0, sizeof(devices));
    memset(fake_devices, 0, sizeof(fake_devices));
    for (uint32_t i = 0; i < FAKE_DEVICES; i++) {
        struct device *device = &devices[i];
        struct fake_device *fake = device->transport.fake = &fake_devices[i];
        fake->features = device_features(kinds[i].type) | 1ull << 28 | 1ull << 34;
        fake->entries = FAKE_ENTRIES;
        origin_init(&device->origin, EXO_TYPE_DEVICE, root_cell);
        device->origin.eternal = true;
        device->origin.count = DEVICE_QUEUES_MAX;
        lock_init(&device->lock, RANK_DEVICE);
        device->type = kinds[i].type;
        device->config_bytes = 2 * sizeof(uint64_t);
        device->queues = kinds[i].queues;
        device->offered = fake->features & device_features(device->type);
        device->first_lpi = LPI_FIRST + i * DEVICE_VECTORS;
        irq_init(&device->config_irq, device->first_lpi, false);
        if (cap_plant(cap_slot_at(fake_init->env, FAKE_DEVICE_SLOT + i), &device->origin,
                      EXO_RIGHTS_ALL, (uint64_t)DEVICE_QUEUES_MAX << 32, NULL) != EXO_OK)
            panic("no slot for device %u", i);
    }
}

/* --- The transport
 * --------------------------------------------------------------------------------
 */

void
fake_reset(struct fake_device *device)
{
    memset(device->rings, 0, sizeof(device->rings));
    device->status = 0;
    device->resets++;
}

uint64_t
transport_features(struct device *device)
{
    return device->transport.fake->removed ? UINT64_MAX : device->transport.fake->features;
}

bool
transport_accept(struct device *device, uint64_t features)
{
    struct fake_device *fake = device->transport.fake;
    if (fake->removed || fake->refuses || (features & ~fake->features) != 0)
        return false;
    fake->status |= STATUS_FEATURES_OK;
    return true;
}

uint8_t
transport_status(struct device *device)
{
    return device->transport.fake->removed ? STATUS_GONE : device->transport.fake->status;
}

void
transport_set_status(struct device *device, uint8_t status)
{
    struct fake_device *fake = device->transport.fake;
    if (fake->removed || fake->stuck)
        return;
    fake->status = status;
    if (status == 0)
        fake_reset(fake);
}

uint32_t
transport_queue_entries(struct device *device, uint32_t queue)
{
    return queue < device->queues ? device->transport.fake->entries : 0;
}

bool
transport_queue_enable(struct device *device, uint32_t queue, uint32_t entries, pa_t descriptors,
                       pa_t available, pa_t used)
{
    struct fake_ring *ring = &device->transport.fake->rings[queue];
    ring->entries = entries;
    ring->descriptors = linear_from_pa(descriptors);
    ring->driver = linear_from_pa(available);
    ring->page =
        (void *)((unsigned char *)linear_from_pa(used) - offsetof(struct exo_ring, used_flags));
    return !device->transport.fake->removed;
}

void
transport_doorbell(struct device *device, uint32_t queue)
{
    atomic_fetch_add(&device->transport.fake->rings[queue].doorbells, 1);
    if (device->transport.fake->on_doorbell != NULL)
        device->transport.fake->on_doorbell(queue);
}

bool
transport_config(struct device *device, uint32_t offset, void *to, uint32_t bytes)
{
    uint64_t capacity = FAKE_SECTORS;
    if (device->transport.fake->removed || offset != 0 || bytes != sizeof(capacity))
        return false;
    memcpy(to, &capacity, sizeof(capacity));
    return true;
}

void
transport_set_mastering(struct device *device, bool on)
{
    device->transport.fake->mastering = on;
}

/* --- The device
 * -----------------------------------------------------------------------------------
 */

/* Whether the device may still be at work, and the memory is somebody's. */
static bool
may_access(struct fake_device *device, uint64_t address, uint32_t length, bool write)
{
    if (!device->stuck && (!device->mastering || !(device->status & STATUS_DRIVER_OK))) {
        device->late_dma++;
        return false;
    }
    for (pfn_t pfn = address >> PAGE_SHIFT; pfn <= (address + length - 1) >> PAGE_SHIFT; pfn++) {
        struct frame *frame = frame_of(pfn);
        enum frame_state state = frame == NULL ? FRAME_FREE : frame_state(frame);
        bool counted = frame != NULL && (atomic_load(&frame->use) & FRAME_COUNT_MASK) != 0;
        if (state != FRAME_KERNEL && (state != FRAME_OWNED || (write && !counted))) {
            device->bad_dma++;
            return false;
        }
    }
    return true;
}

bool
fake_take(struct fake_device *device, uint32_t queue, struct fake_request *request)
{
    struct fake_ring *ring = &device->rings[queue];
    if (ring->entries == 0 || !(device->status & STATUS_DRIVER_OK) ||
        __atomic_load_n(&ring->driver->index, __ATOMIC_ACQUIRE) == ring->taken)
        return false;
    memset(request, 0, sizeof(*request));
    uint16_t at = request->head = ring->driver->ring[ring->taken++ % ring->entries];
    do {
        struct virtq_descriptor *part = &request->part[request->parts++];
        *part = ring->descriptors[at];
        bool write = part->flags & EXO_DESCRIPTOR_WRITE;
        *(write ? &request->writable : &request->readable) += part->length;
        at = part->next;
    } while (request->part[request->parts - 1].flags & EXO_DESCRIPTOR_NEXT && request->parts < 80);
    if (request->part[0].length == sizeof(request->header) &&
        may_access(device, request->part[0].address, request->part[0].length, false))
        memcpy(&request->header, linear_from_pa(request->part[0].address), sizeof(request->header));
    __atomic_store_n(&ring->page->used[ring->entries].id, ring->taken, __ATOMIC_RELAXED);
    return true;
}

void
fake_push_used(struct fake_device *device, uint32_t queue, uint32_t id, uint32_t length)
{
    struct fake_ring *ring = &device->rings[queue];
    if (ring->entries == 0 || (!device->mastering && !device->stuck))
        return;
    struct exo_used *used = &ring->page->used[ring->used++ % ring->entries];
    __atomic_store_n(&used->id, id, __ATOMIC_RELAXED);
    __atomic_store_n(&used->length, length, __ATOMIC_RELAXED);
    __atomic_store_n(&ring->page->used_index, ring->used, __ATOMIC_RELEASE);
}

void
fake_complete(struct fake_device *device, uint32_t queue, const struct fake_request *request,
              unsigned char byte)
{
    for (uint32_t i = 0; i < request->parts; i++) {
        const struct virtq_descriptor *part = &request->part[i];
        bool write = part->flags & EXO_DESCRIPTOR_WRITE;
        bool status = write && part->length == 1; /* success is 0 */
        if (may_access(device, part->address, part->length, write) && write)
            memset(linear_from_pa(part->address), status ? 0 : byte, part->length);
    }
    fake_push_used(device, queue, request->head, request->writable);
}

unsigned
fake_run(struct fake_device *device, uint32_t queue, unsigned char byte)
{
    struct fake_request request;
    unsigned count = 0;
    for (; fake_take(device, queue, &request); count++)
        fake_complete(device, queue, &request, byte);
    return count;
}

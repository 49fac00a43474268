#include "wire.h"

#include <rt/string.h>

#define PAGES (2 * WIRE_BUFFERS * WIRE_BUFFER_BYTES / EXO_PAGE_BYTES)

uint64_t
wire_mac(uint8_t last)
{
    return 0x5452 | (uint64_t)last << 40;
}

static uint64_t
mac_at(const uint8_t *at)
{
    uint64_t mac = 0;
    memcpy(&mac, at, 6);
    return mac;
}

uint64_t
wire_to(const uint8_t *frame)
{
    return mac_at(frame);
}

uint64_t
wire_from(const uint8_t *frame)
{
    return mac_at(frame + 6);
}

uint32_t
wire_number(const uint8_t *frame)
{
    uint32_t number;
    memcpy(&number, frame + 14, sizeof(number));
    return number;
}

static void
open_queues(struct wire *wire, uint32_t device, uint32_t index, uint64_t mac)
{
    for (unsigned i = 0; i < WIRE_SLOTS; i++)
        wire->slot[i] = rt_slot_take();
    for (unsigned i = 0; i < WIRE_SLOTS; i += 2)
        check_equal(exo_queue_open(EXO_BOOT_CELL, wire->slot[i], device, index + i / 2,
                                   wire->slot[i + 1], mac, 0),
                    EXO_OK);
}

void
wire_open_port(struct wire *wire, uint32_t device, uint32_t port, uint64_t mac)
{
    *wire = (struct wire){.skip = WIRE_SKIP};
    open_queues(wire, device, 2 * port, mac);
}

void
wire_open_nic(struct wire *wire, uint32_t device)
{
    *wire = (struct wire){.skip = 0};
    check_equal(exo_again(exo_device_open(EXO_BOOT_CELL, device, 2, 0, 0).status), EXO_OK);
    open_queues(wire, device, 0, 0);
}

static bool
bind(uint32_t queue)
{
    uint32_t notification = rt_slot_take(), copy = rt_slot_take();
    return exo_notification_create(EXO_BOOT_CELL, notification) == EXO_OK &&
           exo_notification_bind(notification, EXO_BOOT_VCPU) == EXO_OK &&
           exo_cap_copy(notification, EXO_SELF, copy, EXO_WRITE | EXO_COPY, WIRE_EVENT, 0) ==
               EXO_OK &&
           exo_irq_bind(queue, copy) == EXO_OK;
}

static int64_t
give_buffer(const struct wire *wire, uint16_t id)
{
    struct exo_descriptor d = {.id = id,
                               .flags = EXO_DESCRIPTOR_WRITE,
                               .offset = id * WIRE_BUFFER_BYTES + wire->skip,
                               .length = WIRE_BUFFER_BYTES - wire->skip};
    return exo_queue_submit(wire->slot[WIRE_RX], &d, 1, wire->received, false).status;
}

bool
wire_start(struct wire *wire)
{
    struct rt_memory memory;
    int64_t error;
    wire->rx = rt_map_at_any(wire->slot[WIRE_RX_RING], 0, 1, EXO_PROT_READ, &error);
    wire->tx = rt_map_at_any(wire->slot[WIRE_TX_RING], 0, 1, EXO_PROT_READ, &error);
    if (wire->rx == NULL || wire->tx == NULL ||
        rt_memory_take(PAGES, EXO_PROT_READ | EXO_PROT_WRITE, &memory) != EXO_OK ||
        exo_queue_region(wire->slot[WIRE_RX], memory.slot, 0, PAGES, EXO_WRITE).status != EXO_OK ||
        exo_queue_region(wire->slot[WIRE_TX], memory.slot, 0, PAGES, EXO_READ).status != EXO_OK ||
        !bind(wire->slot[WIRE_RX]) || !bind(wire->slot[WIRE_TX]))
        return false;
    wire->memory = memory.at;
    wire->received = wire->rx->start;
    wire->sent = wire->tx->start;
    for (uint16_t i = 0; i < WIRE_BUFFERS; i++)
        if (give_buffer(wire, i) != EXO_OK)
            return false;
    return true;
}

/* Chains completed, ever: what they wrote is seen afterwards. */
static uint16_t
used_index(const struct exo_ring *ring)
{
    return __atomic_load_n(&ring->used_index, __ATOMIC_ACQUIRE);
}

int64_t
wire_send(struct wire *wire, uint64_t to, uint64_t from, uint32_t number)
{
    uint16_t id = (uint16_t)(wire->sent % wire->tx->ids), used = used_index(wire->tx);
    uint32_t offset = (WIRE_BUFFERS + id % WIRE_BUFFERS) * WIRE_BUFFER_BYTES;
    uint8_t *frame = wire->memory + offset + WIRE_SKIP;
    struct exo_descriptor d = {
        .id = id, .offset = offset + wire->skip, .length = WIRE_BYTES + WIRE_SKIP - wire->skip};
    memcpy(frame, &to, 6);
    memcpy(frame + 6, &from, 6);
    memcpy(frame + 12, "\x88\xb5", 2);
    memcpy(frame + 14, &number, sizeof(number));
    int64_t status = exo_queue_submit(wire->slot[WIRE_TX], &d, 1, used, false).status;
    if (status == EXO_OK)
        wire->sent++;
    return status;
}

/* Until the queue has completed more than `seen` chains. */
static bool
wait_for(uint32_t queue, const struct exo_ring *ring, uint16_t seen)
{
    while (used_index(ring) == seen) {
        struct exo_submitted armed = exo_queue_submit(queue, NULL, 0, seen, true);
        if (armed.status != EXO_OK)
            return false;
        if (!armed.more && rt_wait_events(WIRE_EVENT, test_patience()) == 0)
            return false;
    }
    return true;
}

bool
wire_settle(struct wire *wire)
{
    uint16_t used;
    while ((used = used_index(wire->tx)) != wire->sent)
        if (!wait_for(wire->slot[WIRE_TX], wire->tx, used))
            return false;
    return true;
}

bool
wire_has_some(const struct wire *wire)
{
    return used_index(wire->rx) != wire->received;
}

const uint8_t *
wire_receive(struct wire *wire, uint32_t *bytes)
{
    if (!wait_for(wire->slot[WIRE_RX], wire->rx, wire->received))
        return NULL;
    const struct exo_used *used = &wire->rx->used[wire->received++ & (wire->rx->entries - 1)];
    static uint8_t frame[WIRE_BUFFER_BYTES];
    memcpy(frame, wire->memory + used->id * WIRE_BUFFER_BYTES + WIRE_SKIP,
           WIRE_BUFFER_BYTES - WIRE_SKIP);
    *bytes = used->length + wire->skip - WIRE_SKIP;
    return give_buffer(wire, (uint16_t)used->id) == EXO_OK ? frame : NULL;
}

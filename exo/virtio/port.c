/*
 * Ports of a shared NIC: each is two queues of one MAC whose device is this file, a switch.
 *
 * The NIC's two virtqueues are the kernel's (the session's rings RECEIVE and SEND); behind them
 * come the ports' rings, of which the owner's half is as everywhere (queue.c). Everything here
 * happens with the device's lock held: a port's calls, the NIC's interrupts, and the waiting for an
 * end.
 *
 *   virtqueue   descriptors                                      in flight
 *   RECEIVE     a buffer each                                    nic->posted
 *   SEND        `share` of each port's ids, then as many for     the shadow of the port's queue
 *               the headers in front of them
 *
 * A port's receive queue is served in order, so that what its owner submitted and nobody has used
 * are [seen, available) of its ring; what it sends is with the NIC at once, since no other port can
 * have its descriptors.
 */
#include "virtio/port.h"

#include "arch/hint.h"
#include "arch/mmu.h"
#include "core/frame.h"
#include "virtio/transport.h"

#define MAC_BYTES 6u
#define FRAME_MAX 1514u
#define ROUNDS    2 /* looking at the virtqueues in a call, each a bounded number of frames */

_Static_assert(sizeof(struct nic) <= EXO_PAGE_BYTES, "one frame");
_Static_assert(NIC_RINGS + 2 * EXO_PORTS_MAX <= DEVICE_QUEUES_MAX, "a session's rings");

static struct queue *
queue_of(const struct session *session, uint32_t port, enum direction direction)
{
    return session->rings[NIC_RINGS + 2 * port + direction].queue;
}

/* As publish() in queue.c. */
static void
publish(struct session *session, enum direction direction, uint16_t available)
{
    struct ring *ring = &session->rings[direction];
    uint16_t added = (uint16_t)(available - ring->available);
    ring->available = available;
    __atomic_store_n(&ring->driver->index, available, __ATOMIC_RELEASE);
    dma_barrier();
    uint16_t event = (uint16_t)LOAD(ring->page->used[ring->entries].id);
    if ((uint16_t)(available - event) - 1u < added)
        transport_doorbell(session->device, direction);
}

/* --- To the ports -------------------------------------------------------------------------------
 */

/* As a device does: the chain is the owner's again, who is told if it has asked. Queue lock held.
 */
static void
complete(struct queue *queue, uint16_t id, uint32_t bytes)
{
    uint16_t index = queue->seen;
    struct exo_used *used = &queue->page->used[index & queue->mask];
    STORE(used->id, id);
    STORE(used->length, bytes);
    __atomic_store_n(&queue->page->used_index, (uint16_t)(index + 1), __ATOMIC_RELEASE);
    (void)queue_harvest(queue);
    if (queue->driver->ring[queue->mask + 1] == index) {
        queue->irq.count++;
        irq_notify(&queue->irq);
    }
}

static uint64_t
mac_at(const uint8_t *bytes)
{
    uint64_t mac = 0;
    memcpy(&mac, bytes, MAC_BYTES);
    return mac;
}

/* Multicast or broadcast. */
static bool
is_group(uint64_t mac)
{
    return (mac & 1) != 0;
}

/* The one copy of a frame into the next buffer. */
static void
give(struct queue *queue, const uint8_t *frame, uint32_t bytes)
{
    HOLD(&queue->lock);
    uint16_t id = queue->driver->ring[queue->seen & queue->mask];
    const struct virtq_descriptor *buffer = &queue->descriptors[id];
    if (queue->seen == queue->available || buffer->length < bytes) {
        queue->dropped++;
        return;
    }
    memcpy(linear_from_pa(buffer->address), frame, bytes);
    complete(queue, id, bytes);
}

/* To all ports that it is for, but `from`. */
static void
deliver(struct session *session, const uint8_t *frame, uint32_t bytes, uint32_t from)
{
    uint64_t to = mac_at(frame);
    for (uint32_t port = 0; port < session->ports; port++) {
        struct queue *queue = queue_of(session, port, RECEIVE);
        if (port != from && queue != NULL && (is_group(to) || queue->mac == to))
            give(queue, frame, bytes);
    }
}

/* What the NIC has received. False: it lies. A buffer goes back to it after all of them. */
static bool
receive(struct session *session)
{
    struct ring *ring = &session->rings[RECEIVE];
    struct nic *nic = session->nic;
    uint16_t available = ring->available, used = used_index(ring->page);
    uint64_t back = 0;
    for (; ring->seen != used; ring->seen++) {
        const struct exo_used *element = &ring->page->used[ring->seen & (ring->entries - 1)];
        uint32_t id = LOAD(element->id), bytes = LOAD(element->length);
        if (id >= NIC_BUFFERS || !(nic->posted >> id & 1) || bytes > NIC_BUFFER_BYTES)
            return false;
        nic->posted &= ~(1ull << id);
        back |= 1ull << id;
        if (bytes >= NIC_HEADER_BYTES + ETHERNET_BYTES)
            deliver(session, nic->frames[id / 2] + id % 2 * NIC_BUFFER_BYTES + NIC_HEADER_BYTES,
                    bytes - NIC_HEADER_BYTES, session->ports);
        ring->driver->ring[available++ & (ring->entries - 1)] = (uint16_t)id;
    }
    nic->posted |= back;
    publish(session, RECEIVE, available);
    return true;
}

/* --- From the ports -----------------------------------------------------------------------------
 */

/* The frame as a whole, for ports beside it; its bytes. Its owner may change it meanwhile, but not
 * the Ethernet header. */
static uint32_t
gather(const struct queue *queue, uint16_t id, const struct sent *sent, uint8_t *frame)
{
    uint32_t at = ETHERNET_BYTES, skip = ETHERNET_BYTES;
    memcpy(frame, sent->ethernet, ETHERNET_BYTES);
    for (;; skip = 0) {
        const struct virtq_descriptor *part = &queue->descriptors[id];
        memcpy(frame + at, (uint8_t *)linear_from_pa(part->address) + skip, part->length - skip);
        at += part->length - skip;
        if (!(part->flags & EXO_DESCRIPTOR_NEXT))
            return at;
        id = part->next;
    }
}

/* Whether another port of this NIC has the address. */
static bool
is_local(const struct session *session, uint64_t mac, uint32_t from)
{
    bool local = false;
    for (uint32_t port = 0; port < session->ports; port++) {
        const struct queue *queue = queue_of(session, port, RECEIVE);
        local |= port != from && queue != NULL && queue->mac == mac;
    }
    return local;
}

/*
 * Writes the chain to the NIC's descriptors, behind the header, which takes the place of its first
 * 14 bytes. Returns the header's descriptor.
 */
static uint16_t
chain_for_nic(struct session *session, const struct queue *queue, uint16_t head)
{
    struct ring *ring = &session->rings[SEND];
    uint16_t base = (uint16_t)(queue->index / 2 * session->nic->share);
    uint16_t front = (uint16_t)(ring->entries / 2 + base + head);
    const struct virtq_descriptor *first = &queue->descriptors[head];
    bool only = first->length == ETHERNET_BYTES; /* nothing else is in it */
    for (uint16_t id = head;; id = queue->descriptors[id].next) {
        struct virtq_descriptor part = queue->descriptors[id];
        part.address += id == head ? ETHERNET_BYTES : 0;
        part.length -= id == head ? ETHERNET_BYTES : 0;
        part.next = (uint16_t)(part.next + base);
        ring->descriptors[base + id] = part;
        if (!(part.flags & EXO_DESCRIPTOR_NEXT))
            break;
    }
    ring->descriptors[front] = (struct virtq_descriptor){
        linear_to_pa(&session->nic->sent[base + head]), sizeof(struct sent),
        only ? first->flags : EXO_DESCRIPTOR_NEXT, (uint16_t)(base + (only ? first->next : head))};
    return front;
}

/* Forces the header, delivers to ports beside it; whether the frame leaves the machine, too. */
static bool
forward(struct session *session, struct queue *queue, uint16_t head)
{
    uint32_t port = queue->index / 2;
    struct sent *sent = &session->nic->sent[port * session->nic->share + head];
    uint8_t *frame = session->nic->frames[NIC_FRAMES - 1];
    memcpy(sent->ethernet, linear_from_pa(queue->descriptors[head].address), ETHERNET_BYTES);
    memcpy(sent->ethernet + MAC_BYTES, &queue->mac, MAC_BYTES);
    uint64_t to = mac_at(sent->ethernet);
    bool local = is_local(session, to, port);
    if (local || is_group(to))
        deliver(session, frame, gather(queue, head, sent, frame), port);
    return !local;
}

/* What the port's owner has submitted. Nobody changes a port's ring without the device's lock. */
static void
send(struct session *session, struct queue *queue)
{
    struct ring *ring = queue->ring, *nic = &session->rings[SEND];
    uint16_t available = nic->available;
    for (; ring->available != queue->available; ring->available++) {
        uint16_t head = queue->driver->ring[ring->available & queue->mask];
        if (forward(session, queue, head)) {
            nic->driver->ring[available++ & (nic->entries - 1)] =
                chain_for_nic(session, queue, head);
        } else {
            HOLD(&queue->lock);
            complete(queue, head, 0);
        }
    }
    publish(session, SEND, available);
}

/* What the NIC has sent. False: it lies. */
static bool
note_sent(struct session *session)
{
    struct ring *ring = &session->rings[SEND];
    uint32_t share = session->nic->share;
    for (uint16_t used = used_index(ring->page); ring->seen != used; ring->seen++) {
        uint32_t id = LOAD(ring->page->used[ring->seen & (ring->entries - 1)].id);
        uint32_t sent = id - ring->entries / 2u;
        struct queue *queue =
            sent / share < session->ports ? queue_of(session, sent / share, SEND) : NULL;
        if (queue == NULL)
            return false;
        HOLD(&queue->lock);
        if (queue->shadow[sent % share].state != ID_HEAD)
            return false;
        complete(queue, (uint16_t)(sent % share), 0);
    }
    return true;
}

/* --- Both ---------------------------------------------------------------------------------------
 */

/*
 * Interrupts are wanted for the next frame, and for the next one sent if a port waits for that.
 * True: something came before the device could know.
 */
static bool
arm(struct session *session)
{
    struct ring *in = &session->rings[RECEIVE], *out = &session->rings[SEND];
    bool wanted = false;
    for (uint32_t port = 0; port < session->ports; port++) {
        const struct queue *queue = queue_of(session, port, SEND);
        wanted |= queue != NULL && queue->driver->ring[queue->mask + 1] == queue->seen;
    }
    STORE(in->driver->ring[in->entries], in->seen);
    STORE(out->driver->ring[out->entries], (uint16_t)(out->seen - !wanted));
    dma_barrier();
    return used_index(in->page) != in->seen || (wanted && used_index(out->page) != out->seen);
}

/*
 * All that the NIC has done, or as much as is bounded. If something is left to do the ports' owners
 * are made to call: the rest is at their expense, and so are the steps of a reset.
 */
static void
serve(struct session *session)
{
    bool good = true, more = true;
    for (int i = 0; i < ROUNDS && good && more; i++) {
        good = receive(session) && note_sent(session);
        more = !good || arm(session);
    }
    for (uint32_t i = 0; good && i < ARRAY_LENGTH(session->device->nic_irqs); i++)
        more |= irq_ack(&session->device->nic_irqs[i]) == EXO_E_AGAIN; /* a storm's: not yet */
    if (!good)
        device_begin_reset(session->device);
    for (uint32_t i = NIC_RINGS; more && i < DEVICE_QUEUES_MAX; i++)
        if (session->rings[i].queue != NULL)
            irq_notify(&session->rings[i].queue->irq);
}

/* The session with ports that the device is used in; NULL: none. */
static struct session *
shared_session(const struct device *device)
{
    bool open = device->state == DEVICE_OPEN && device->session->ports > 0;
    return open ? device->session : NULL;
}

/* The port's, unless that is over. */
static struct session *
session_of(const struct queue *queue)
{
    struct session *session = shared_session(queue->device);
    return session == queue->session ? session : NULL;
}

static void
nic_interrupt(struct irq *irq)
{
    size_t offset = (uintptr_t)irq - (uintptr_t)devices;
    struct device *device = &devices[offset / sizeof(struct device)];
    HOLD(&device->lock);
    struct session *session = shared_session(device);
    irq_limit(irq);
    if (session != NULL)
        serve(session);
}

err_t
port_submit(const struct cap *cap, const struct exo_descriptor *descriptors, uint32_t count,
            uint16_t consumed, bool wanted, struct submitted *submitted)
{
    struct queue *queue = cap->object;
    submitted->more = false;
    HOLD(&queue->device->lock);
    err_t err = queue_submit(cap, descriptors, count, consumed, wanted, submitted);
    struct session *session = session_of(queue);
    if (session == NULL)
        return err;
    if (err == EXO_OK && queue->index % 2 == SEND)
        send(session, queue);
    serve(session);
    submitted->used = queue->seen;
    submitted->more |= wanted && queue->seen != consumed;
    return err;
}

void
port_settle(struct queue *queue)
{
    if (queue->origin.type != EXO_TYPE_PORT)
        return;
    HOLD(&queue->device->lock);
    struct session *session = session_of(queue);
    if (session == NULL)
        return;
    if (queue->index % 2 == SEND) {
        serve(session);
        return;
    }
    HOLD(&queue->lock);
    while (queue->seen != queue->available)
        complete(queue, queue->driver->ring[queue->seen & queue->mask], 0);
}

err_t
port_check(const struct queue *queue, const struct exo_descriptor *first, uint64_t count,
           const uint64_t bytes[2])
{
    bool sends = queue->index % 2 == SEND;
    if (bytes[sends] != 0 || (sends ? first->length < ETHERNET_BYTES : count != 1))
        return EXO_E_ARG;
    return sends && bytes[0] > FRAME_MAX ? EXO_E_RANGE : EXO_OK;
}

bool
port_takes_mac(uint64_t mac)
{
    return mac != 0 && mac >> 48 == 0 && !is_group(mac);
}

err_t
port_admit(const struct session *session, const struct queue *queue, uint32_t index)
{
    for (uint32_t i = 0; i < 2 * session->ports; i++) {
        const struct queue *other = session->rings[NIC_RINGS + i].queue;
        bool same = other != NULL && other->mac == queue->mac, ours = i / 2 == index / 2;
        if (other != NULL && same != ours)
            return ours ? EXO_E_ARG : EXO_E_OCCUPIED;
    }
    return EXO_OK;
}

/* --- Its life -----------------------------------------------------------------------------------
 */

err_t
nic_make(struct session *session)
{
    struct cell *cell = session->origin.cell;
    void *frame;
    TRY(cell_take_frames(cell, cell, 1, &frame));
    session->nic = frame;
    for (uint32_t i = 0; i < NIC_FRAMES; i++) {
        TRY(cell_take_frames(cell, cell, 1, &frame));
        session->nic->frames[i] = frame;
    }
    return EXO_OK;
}

void
nic_unmake(struct session *session)
{
    struct nic *nic = session->nic;
    for (uint32_t i = 0; nic != NULL && i < NIC_FRAMES; i++)
        if (nic->frames[i] != NULL)
            cell_put_frames(session->origin.cell, nic->frames[i], 1);
    if (nic != NULL)
        cell_put_frames(session->origin.cell, nic, 1);
    session->nic = NULL;
}

/* All buffers that the ring has room for. */
static void
post_buffers(struct session *session)
{
    struct ring *ring = &session->rings[RECEIVE];
    uint16_t count = (uint16_t)min_u64(ring->entries, NIC_BUFFERS);
    for (uint16_t i = 0; i < count; i++) {
        const uint8_t *buffer = session->nic->frames[i / 2] + i % 2 * NIC_BUFFER_BYTES;
        ring->descriptors[i] = (struct virtq_descriptor){.address = linear_to_pa(buffer),
                                                         .length = NIC_BUFFER_BYTES,
                                                         .flags = EXO_DESCRIPTOR_WRITE};
        ring->driver->ring[i] = i;
        session->nic->posted |= 1ull << i;
    }
    publish(session, RECEIVE, count);
}

err_t
nic_start(struct session *session)
{
    struct device *device = session->device;
    uint16_t share = session->rings[SEND].entries / 2;
    while (share * session->ports > session->rings[SEND].entries / 2u)
        share /= 2;
    if (share == 0)
        return EXO_E_STATE;
    session->nic->share = share;
    for (uint32_t i = 0; i < 2 * session->ports; i++)
        session->rings[NIC_RINGS + i].entries = i % 2 == SEND ? share : EXO_QUEUE_ENTRIES_MAX;
    for (uint32_t i = 0; i < ARRAY_LENGTH(device->nic_irqs); i++) {
        irq_init(&device->nic_irqs[i], device->first_lpi + 1 + i, false);
        TRY(irq_attach(&device->nic_irqs[i]));
        irq_handle(&device->nic_irqs[i], nic_interrupt);
    }
    post_buffers(session);
    return EXO_OK;
}

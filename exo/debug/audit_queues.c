/*
 * I10: queues and sessions. What is counted of requests in flight is what the shadow says; each
 * ring is its queue's; nobody may write a ring page. Counts what devices may write, for I4, and
 * says whose their memory is, for I3.
 */
#include "core/frame.h"
#include "debug/audit.h"
#include "virtio/port.h"

void
audit_claim_session(const struct session *session)
{
    const struct cell *cell = session->origin.cell;
    audit_claim(session, ROLE_SESSION, cell);
    for (uint32_t i = 0; i < DEVICE_QUEUES_MAX; i++) {
        const struct ring *ring = &session->rings[i];
        if (ring->page == NULL)
            continue;
        audit_claim(ring->descriptors, ROLE_RING, cell);
        audit_claim(ring->driver, ROLE_RING, cell);
        audit_claim(ring->page, ROLE_RING_PAGE, cell);
    }
    if (session->nic != NULL)
        audit_claim(session->nic, ROLE_NIC, cell);
    for (uint32_t i = 0; session->nic != NULL && i < NIC_FRAMES; i++)
        audit_claim(session->nic->frames[i], ROLE_NIC, cell);
}

/* --- Queues -------------------------------------------------------------------------------------
 */

/* Whether the device may still be at work on what the queue gave it. */
static bool
is_in_use(const struct queue *queue)
{
    return queue->session != NULL && !queue->session->over;
}

static void
check_in_flight(const struct queue *queue)
{
    uint32_t found[REGIONS + 1] = {0}, heads = 0;
    for (uint32_t id = 0; is_in_use(queue) && id < queue->ids; id++) {
        const struct shadow *shadow = &queue->shadow[id];
        bool flies = shadow->state == ID_HEAD || shadow->state == ID_BODY;
        AUDIT(10, shadow->region <= NO_REGION, "queue %lx: id %u is of region %u",
              audit_name(queue), id, shadow->region);
        heads += shadow->state == ID_HEAD;
        if (flies && shadow->region <= NO_REGION)
            found[shadow->region]++;
    }
    AUDIT(10, heads == queue->heads, "queue %lx: %u chains in flight counted, %u found",
          audit_name(queue), queue->heads, heads);
    for (uint32_t i = 0; i <= REGIONS; i++) {
        AUDIT(10, found[i] == queue->in_flight[i],
              "queue %lx: %u descriptors of region %u in flight counted, %u found",
              audit_name(queue), queue->in_flight[i], i, found[i]);
    }
}

static void
count_writable(const struct cap_slot *slot)
{
    for (uint32_t i = 0; i < slot->count; i++) {
        struct audit_frame *found = audit_frame_of(slot->base + i);
        if (found != NULL && (slot->rights & EXO_WRITE) != 0)
            found->writable = (found->writable + 1u) & 0xfff;
    }
}

static void
check_region(const struct queue *queue, uint32_t number)
{
    const struct region *region = &queue->regions[number];
    const struct cap_slot *slot = &region->slot;
    const struct window *window = &queue->windows[number];
    bool full = slot->type != EXO_TYPE_NONE, open = region->state == REGION_OPEN;
    uint32_t bytes = open ? slot->count * EXO_PAGE_BYTES : 0;
    AUDIT(10, full == (region->state >= REGION_OPEN),
          "queue %lx: region %u is in state %u, its slot of type %u", audit_name(queue), number,
          region->state, slot->type);
    AUDIT(10, full || queue->in_flight[number] == 0,
          "queue %lx: region %u was released with requests in flight", audit_name(queue), number);
    AUDIT(10,
          window->limit[0] == (slot->rights & EXO_READ ? bytes : 0) &&
              window->limit[1] == (slot->rights & EXO_WRITE ? bytes : 0) &&
              (!open || window->base == (pa_t)slot->base << PAGE_SHIFT),
          "queue %lx: region %u shows more or less than its frames", audit_name(queue), number);
    if (full)
        count_writable(slot);
}

static void
check_queue(struct origin *origin)
{
    const struct queue *queue = (const struct queue *)(const void *)origin;
    audit_lock(&queue->lock, "queue", queue);
    check_in_flight(queue);
    for (uint32_t i = 0; i < REGIONS; i++)
        check_region(queue, i);
    AUDIT(10,
          (queue->session == NULL) == (queue->ring == NULL) &&
              (queue->ring == NULL || queue->ring->queue == queue),
          "queue %lx: its ring is another's", audit_name(queue));
}

/* --- Ports ---------------------------------------------------------------------------------------
 */

/* What waits to be received into is what is in flight; who else has the MAC is the same port. */
static void
check_port(struct origin *origin)
{
    const struct queue *queue = (const struct queue *)(const void *)origin;
    uint16_t posted = (uint16_t)(queue->available - queue->seen);
    check_queue(origin);
    AUDIT(10, port_takes_mac(queue->mac), "port %lx: its MAC is %lx", audit_name(queue),
          (unsigned long)queue->mac);
    if (!is_in_use(queue))
        return;
    AUDIT(10, queue->index % 2 == SEND || posted == queue->heads,
          "port %lx: %u buffers wait, %u are in flight", audit_name(queue), posted, queue->heads);
    AUDIT(10, port_admit(queue->session, queue, queue->index) == EXO_OK,
          "port %lx: its MAC %lx is another's, too", audit_name(queue), (unsigned long)queue->mac);
}

/* The buffers that the NIC has are those that its ring says. */
static void
check_nic(const struct session *session)
{
    const struct ring *ring = &session->rings[RECEIVE];
    uint16_t posted = (uint16_t)(ring->available - ring->seen);
    if (session->ports > 0 && session->device->state == DEVICE_OPEN)
        AUDIT(10, (int)posted == __builtin_popcountll(session->nic->posted),
              "session %lx: the NIC has %u buffers, not those noted", audit_name(session), posted);
}

/* --- Sessions and devices -----------------------------------------------------------------------
 */

static void
check_session(struct origin *origin)
{
    const struct session *session = (const struct session *)(const void *)origin;
    uint32_t queues = 0;
    for (uint32_t i = 0; i < DEVICE_QUEUES_MAX; i++) {
        const struct ring *ring = &session->rings[i];
        AUDIT(10, (ring->root.rights & ~(EXO_READ | EXO_COPY)) == 0,
              "session %lx: ring page %u may be used with rights %x", audit_name(session), i,
              ring->root.rights);
        queues += ring->queue != NULL;
    }
    AUDIT(10, queues == session->queues, "session %lx: %u queues counted, %u found",
          audit_name(session), session->queues, queues);
    if (!session->over)
        check_nic(session);
    AUDIT(10, session->over == (session->device->session != session) || session->origin.doomed,
          "session %lx is its device's, and over", audit_name(session));
}

void
audit_queues(void)
{
    audit_each(EXO_TYPE_QUEUE, check_queue);
    audit_each(EXO_TYPE_EXTENT, check_queue);
    audit_each(EXO_TYPE_PORT, check_port);
    audit_each(TYPE_SESSION, check_session);
    for (uint32_t i = 0; i < device_count; i++) {
        audit_lock(&devices[i].lock, "device", &devices[i]);
        AUDIT(10, devices[i].state != DEVICE_OPENING, "device %lx is being opened by nobody",
              audit_name(&devices[i]));
    }
}

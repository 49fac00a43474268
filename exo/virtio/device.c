/* Sessions of devices: how they begin, their reset in steps, and who has which ring. */
#include "virtio/device.h"

#include "arch/mmu.h"
#include "core/frame.h"
#include "core/reap.h"
#include "virtio/port.h"
#include "virtio/transport.h"

#define BIT(n)   (1ull << (n))
#define REQUIRED (BIT(FEATURE_EVENT_INDEX) | BIT(FEATURE_VERSION_1))

#define REMOVAL_POLLS 100 /* of the status, in an interrupt */

/* Of a shared NIC: its own MAC, and whether the link is up. Nothing that changes frames. */
#define PORT_FEATURES (BIT(5) | BIT(16))

/*
 * No packed ring, no indirect descriptors, no ring reset, no control queue: the rings are as the
 * kernel checks them. Other types may do with memory what no descriptor says (a balloon).
 */
static const struct {
    uint32_t type;
    uint64_t features;
} allowed[] = {
    /* checksums, MTU, MAC, segmentation of IPv4 and IPv6 both ways, merged buffers, status */
    {DEVICE_NET, BIT(0) | BIT(1) | BIT(3) | BIT(5) | BIT(7) | BIT(8) | BIT(11) | BIT(12) | BIT(15) |
                     BIT(16) | REQUIRED},
    /* segments, read-only, block size, flush, topology, several queues, discard */
    {DEVICE_BLOCK, BIT(2) | BIT(5) | BIT(6) | BIT(9) | BIT(10) | BIT(12) | BIT(13) | REQUIRED},
    {DEVICE_RNG, REQUIRED},
};

uint64_t
device_features(uint32_t type)
{
    for (size_t i = 0; i < ARRAY_LENGTH(allowed); i++)
        if (allowed[i].type == type)
            return allowed[i].features;
    return 0;
}

/* --- The end of a session: the device's lock is held --------------------------------------------
 */

/* From here on nobody tells the device of anything; what is in flight stays so until it is quiet.
 */
void
device_begin_reset(struct device *device)
{
    for (uint32_t i = 0; i < DEVICE_QUEUES_MAX; i++) {
        struct queue *queue = device->session->rings[i].queue;
        if (queue != NULL) {
            HOLD(&queue->lock);
            queue->refused = EXO_E_RESET;
            irq_notify(&queue->irq); /* its owner drives the steps, or waits for nothing */
        }
    }
    transport_set_mastering(device, false);
    transport_set_status(device, 0);
    device->state = DEVICE_RESETTING;
}

/* The device is quiet. Returns the session if it has to be doomed: nobody uses it any more. */
static struct session *
end_session(struct device *device)
{
    struct session *session = device->session;
    for (uint32_t i = 0; session != NULL && i < DEVICE_QUEUES_MAX; i++) {
        struct queue *queue = session->rings[i].queue;
        if (queue != NULL) {
            HOLD(&queue->lock);
            queue_end_use(queue, device->gone ? EXO_E_GONE : EXO_E_RESET);
        }
    }
    for (size_t i = 0; i < ARRAY_LENGTH(device->nic_irqs); i++)
        irq_silence(&device->nic_irqs[i], true);
    device->session = NULL;
    device->accepted = 0;
    device->state = DEVICE_CLOSED;
    if (session == NULL)
        return NULL;
    session->over = true;
    return session->queues == 0 ? session : NULL;
}

/* virtio 1.2 §2.4.2: a reset is over when the status reads 0; to be asked again until then. */
static struct session *
reset_step(struct device *device)
{
    if (device->state == DEVICE_OPEN)
        device_begin_reset(device);
    uint8_t status = transport_status(device);
    if (status == STATUS_GONE) {
        device->gone = true;
        irq_notify(&device->config_irq);
    }
    return status == 0 || status == STATUS_GONE ? end_session(device) : NULL;
}

/* With no lock held. */
static void
doom(struct session *session)
{
    if (session != NULL)
        origin_doom(&session->origin);
}

err_t
device_close_step(struct device *device, const struct session *session)
{
    struct session *unused;
    {
        HOLD(&device->lock);
        if (device->session == NULL || (session != NULL && device->session != session))
            return EXO_OK;
        unused = reset_step(device);
    }
    doom(unused);
    return EXO_E_AGAIN;
}

/* Whether the reset would take the device from somebody: devices but disks are owned by a cell, and
 * a NIC with ports by who opened it. */
static bool
is_shared(const struct queue *queue)
{
    if (queue->session->ports != 0)
        return true;
    for (uint32_t i = 0; i < DEVICE_QUEUES_MAX; i++) {
        const struct queue *other = queue->session->rings[i].queue;
        if (other != NULL && other != queue && !other->closing &&
            (other->origin.type != EXO_TYPE_QUEUE || other->origin.cell != queue->origin.cell))
            return true;
    }
    return false;
}

/* The queue is one that the session has: it is not to be doomed. */
void
device_reset_for(struct queue *queue, bool own)
{
    struct device *device = queue->device;
    HOLD(&device->lock);
    if (queue->session != NULL && queue->session == device->session && !(own && is_shared(queue)))
        (void)reset_step(device);
}

bool
device_removed(struct device *device)
{
    struct session *unused = NULL;
    uint8_t status;
    {
        HOLD(&device->lock);
        if (device->state == DEVICE_OPEN)
            device_begin_reset(device);
        transport_set_mastering(device, false); /* whether or not it was used, or answers still */
        transport_set_status(device, 0);
        for (int i = 0; (status = transport_status(device)) != 0 && status != STATUS_GONE; i++)
            if (i == REMOVAL_POLLS)
                return false;
        device->gone = true;
        unused = device->state == DEVICE_OPENING ? NULL : end_session(device);
        irq_notify(&device->config_irq);
    }
    doom(unused);
    return true;
}

/* --- A session's memory -------------------------------------------------------------------------
 */

/* Two frames that only kernel and device know, and one that owners may read. */
static err_t
make_ring(struct ring *ring, struct cell *cell)
{
    void *frame;
    TRY(cell_take_frames(cell, cell, 1, &frame));
    ring->descriptors = frame;
    TRY(cell_take_frames(cell, cell, 1, &frame));
    ring->driver = frame;
    TRY(cell_take_frames(cell, cell, 1, &frame));
    ring->page = frame;
    origin_init(&ring->origin, EXO_TYPE_FRAMES, cell);
    ring->origin.eternal = true;
    ring->origin.base = frame_from_kernel(frame);
    ring->origin.count = 1;
    return cap_plant(&ring->root, &ring->origin, EXO_READ | EXO_COPY,
                     ring->origin.base | 1ull << 32, NULL);
}

/* The page is taken from whoever sees it first. */
static err_t
unmake_ring_step(struct ring *ring, struct cell *cell)
{
    void *const frames[] = {ring->descriptors, ring->driver, ring->page};
    /* First by a revoke, which also waits for who looked a copy up before that was dropped. */
    err_t err = cap_revoke_step(&ring->root);
    if ((err != EXO_OK && err != EXO_E_SLOT) || cap_close_step(&ring->root) != EXO_OK)
        return EXO_E_AGAIN;
    for (size_t i = 0; i < ARRAY_LENGTH(frames); i++)
        if (frames[i] != NULL)
            cell_put_frames(cell, frames[i], 1);
    ring->descriptors = NULL;
    ring->driver = NULL;
    ring->page = NULL;
    return EXO_OK;
}

err_t
session_unmake_step(struct session *session)
{
    for (uint32_t i = 0; i < DEVICE_QUEUES_MAX; i++)
        TRY(unmake_ring_step(&session->rings[i], session->origin.cell));
    nic_unmake(session);
    return EXO_OK;
}

/* The device's lock is held. Returns the session if it has to be doomed: nobody uses it any more.
 */
static struct session *
detach(struct queue *queue)
{
    HOLD(&queue->lock);
    struct session *session = queue->session;
    if (session == NULL)
        return NULL;
    queue->ring->available = queue->available;
    queue->ring->seen = queue->seen;
    queue->ring->queue = NULL;
    queue->ring = NULL;
    queue->session = NULL;
    return --session->queues == 0 && session->over ? session : NULL;
}

/* Queues that are left lose their ring: what they may still read in it goes with its payer. */
err_t
session_finish_step(struct session *session)
{
    TRY(device_close_step(session->device, session));
    for (uint32_t i = 0; i < DEVICE_QUEUES_MAX; i++) {
        /* Held meanwhile: a queue that nobody has seen yet may be discarded without a grace period.
         */
        HOLD(&session->device->lock);
        if (session->rings[i].queue != NULL)
            detach(session->rings[i].queue);
    }
    return session_unmake_step(session);
}

/* On its cell's list, so that it ends with it. */
static err_t
make_session(struct device *device, struct cell *cell, uint32_t queues, uint32_t ports,
             struct session **session)
{
    void *object;
    err_t err = EXO_OK;
    TRY(cell_new_object(cell, TYPE_SESSION, sizeof(struct session), &object));
    *session = object;
    (*session)->device = device;
    (*session)->ports = ports;
    for (uint32_t i = 0; err == EXO_OK && i < queues + 2 * ports; i++)
        err = make_ring(&(*session)->rings[i], cell);
    if (err == EXO_OK && ports > 0)
        err = nic_make(*session);
    if (err == EXO_OK) {
        HOLD(&cell->lock);
        err = cell_is_dying(cell) ? EXO_E_GONE : EXO_OK;
        if (err == EXO_OK)
            cell_list(cell, object);
    }
    if (err != EXO_OK)
        origin_discard(object);
    return err;
}

/* --- Its beginning -------------------------------------------------------------------------------
 */

/* A device that is closed, and its status 0, is ours to open. */
static err_t
claim(struct device *device)
{
    HOLD(&device->lock);
    if (device->gone || transport_status(device) == STATUS_GONE)
        return EXO_E_GONE;
    if (device->state != DEVICE_CLOSED)
        return EXO_E_AGAIN;
    if (transport_status(device) != 0) {
        transport_set_status(device, 0);
        return EXO_E_AGAIN;
    }
    device->state = DEVICE_OPENING;
    return EXO_OK;
}

/* A split ring has a power of two (virtio 1.2 §2.7): of entries that the kernel has room for. */
static err_t
start_ring(struct device *device, struct ring *ring, uint32_t index)
{
    uint32_t offered = transport_queue_entries(device, index);
    if (offered == 0)
        return EXO_E_RANGE;
    ring->entries = EXO_QUEUE_ENTRIES_MAX;
    while (ring->entries > offered)
        ring->entries /= 2;
    bool taken =
        transport_queue_enable(device, index, ring->entries, linear_to_pa(ring->descriptors),
                               linear_to_pa(ring->driver), linear_to_pa(&ring->page->used_flags));
    return taken ? EXO_OK : EXO_E_STATE;
}

/* The order of virtio 1.2 §3.1.1, behind the reset. */
static err_t
start(struct device *device, uint32_t queues, uint64_t features)
{
    transport_set_status(device, STATUS_ACKNOWLEDGE);
    transport_set_status(device, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
    if (!transport_accept(device, features))
        return device->gone ? EXO_E_GONE : EXO_E_STATE;
    for (uint32_t i = 0; i < queues; i++)
        TRY(start_ring(device, &device->session->rings[i], i));
    transport_set_mastering(device, true);
    transport_set_status(device, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK |
                                     STATUS_DRIVER_OK);
    device->accepted = features;
    return device->session->ports > 0 ? nic_start(device->session) : EXO_OK;
}

err_t
device_open_step(struct device *device, struct cell *cell, uint32_t queues, uint64_t features,
                 uint32_t ports)
{
    struct session *session = NULL;
    if (queues == 0 || queues > device->queues)
        return EXO_E_RANGE;
    if (ports > 0 && device->type != DEVICE_NET)
        return EXO_E_ARG;
    if (ports > EXO_PORTS_MAX || (ports > 0 && queues != 2))
        return EXO_E_RANGE;
    if (ports > 0)
        features &= PORT_FEATURES;
    if ((device->offered & REQUIRED) != REQUIRED)
        return EXO_E_STATE;
    TRY(device_close_step(device, NULL));
    TRY(claim(device));
    err_t err = make_session(device, cell, queues, ports, &session);
    HOLD(&device->lock);
    device->state = err == EXO_OK ? DEVICE_OPEN : DEVICE_CLOSED;
    if (err != EXO_OK)
        return err;
    device->session = session;
    err = start(device, queues, (features & device->offered) | REQUIRED);
    if (err != EXO_OK)
        device_begin_reset(device);
    return err;
}

/* --- Whose a ring is
 * ------------------------------------------------------------------------------ */

/* What the owner sees of the ring, without what an earlier one did with it. Indices go on. */
static void
show_ring(const struct queue *queue)
{
    struct exo_ring *page = queue->page;
    memset(page->used, 0, queue->ring->entries * sizeof(page->used[0]));
    memset(page->status, 0xff, sizeof(page->status));
    page->size = sizeof(*page);
    page->version = EXO_ABI_VERSION;
    page->entries = queue->ring->entries;
    page->ids = queue->ids;
    page->start = queue->seen;
    page->state = EXO_RING_OPEN;
}

bool
device_has_ports(struct device *device)
{
    HOLD(&device->lock);
    return device->session != NULL && device->session->ports > 0;
}

err_t
device_attach(struct queue *queue, uint32_t index, struct ring **attached)
{
    struct device *device = queue->device;
    HOLD(&device->lock);
    struct session *session = device->session;
    if (device->gone)
        return EXO_E_GONE;
    if (device->state != DEVICE_OPEN)
        return EXO_E_STATE;
    if ((session->ports != 0) != (queue->origin.type == EXO_TYPE_PORT))
        return EXO_E_STATE;
    uint32_t at = session->ports == 0 ? index : NIC_RINGS + index;
    if (at >= DEVICE_QUEUES_MAX || session->rings[at].entries == 0)
        return EXO_E_RANGE;
    struct ring *ring = &session->rings[at];
    if (ring->queue != NULL)
        return EXO_E_OCCUPIED;
    if (session->ports != 0)
        TRY(port_admit(session, queue, index));
    else
        TRY(irq_attach(&queue->irq)); /* before anybody can end the session without it */
    *attached = ring;
    ring->queue = queue;
    session->queues++;
    queue->session = session;
    queue->ring = ring;
    queue->page = ring->page;
    queue->descriptors = ring->descriptors;
    queue->driver = ring->driver;
    queue->index = (uint16_t)index;
    queue->mask = (uint16_t)(ring->entries - 1);
    queue->ids = ring->entries;
    queue->least = 1;
    if (device->type == DEVICE_NET && session->ports == 0)
        queue->least = index % 2 != 0 ? NET_READ_MIN : NET_WRITE_MIN;
    queue->available = ring->available;
    queue->seen = queue->consumed = ring->seen;
    if (queue->origin.type == EXO_TYPE_EXTENT)
        block_prepare(queue);
    show_ring(queue);
    return EXO_OK;
}

void
device_detach(struct queue *queue)
{
    lock_acquire(&queue->device->lock);
    struct session *unused = detach(queue);
    lock_release(&queue->device->lock);
    doom(unused);
}

/*
 * Seeded violations: each breaks one invariant in one way, so that a test can see the audit name it
 * (tests/guest/audit.c). Made while all other CPUs stand still, and undone before they go on. What
 * is broken belongs to the caller, so that a test decides what there is to break.
 */
#include "debug/audit.h"

#include "core/frame.h"
#include "core/irq.h"
#include "pci/pci.h"
#include "virtio/port.h"

#define POKES_MAX 4

/* What was overwritten. */
static struct {
    void *at;
    size_t bytes;
    uint64_t old;
} pokes[POKES_MAX];
static uint32_t poke_count;

static void
poke_bytes(void *at, const void *value, size_t bytes)
{
    ensure(poke_count < POKES_MAX && bytes <= sizeof(pokes[0].old));
    pokes[poke_count].at = at;
    pokes[poke_count].bytes = bytes;
    memcpy(&pokes[poke_count].old, at, bytes);
    poke_count++;
    memcpy(at, value, bytes);
}

#define POKE(field, value)                                     \
    do {                                                       \
        __typeof__(field) value_ = (__typeof__(field))(value); \
        poke_bytes((void *)&(field), &value_, sizeof(field));  \
    } while (0)

void
seed_undo(void)
{
    while (poke_count > 0) {
        poke_count--;
        memcpy(pokes[poke_count].at, &pokes[poke_count].old, pokes[poke_count].bytes);
    }
}

static struct vcpu *
self(void)
{
    return this_cpu()->current;
}

/* The first slot of the caller's table that is wanted; NULL when none is. */
static struct cap_slot *
find_slot(bool (*wanted)(const struct cap_slot *slot))
{
    struct env *env = self()->env;
    for (uint32_t page = 0; page < EXO_CAP_PAGES_MAX; page++) {
        for (uint32_t i = 0; env->table[page] != NULL && i < EXO_CAPS_PER_PAGE; i++)
            if (wanted(&env->table[page][i]))
                return &env->table[page][i];
    }
    return NULL;
}

/* A copy of a run of frames that nothing was copied from. */
static bool
is_copied_run(const struct cap_slot *slot)
{
    return slot->type == EXO_TYPE_FRAMES && slot->depth > 0 && slot->next == NULL &&
           slot->prev->depth < slot->depth;
}

static bool
is_endpoint_root(const struct cap_slot *slot)
{
    return slot->type == EXO_TYPE_ENDPOINT && slot->depth == 0 && slot->next == NULL;
}

static bool
is_empty(const struct cap_slot *slot)
{
    return slot->type == EXO_TYPE_NONE;
}

/* A run of which a page may be mapped writable, and which has no copies. */
static bool
is_mapped_run(const struct cap_slot *slot)
{
    return slot->type == EXO_TYPE_FRAMES && slot->next == NULL && slot->depth == 0 &&
           (slot->flags & CAP_MAPPED) != 0 && (slot->rights & EXO_WRITE) != 0 &&
           !slot->origin->device;
}

/* The entry of a frame of that run which is mapped writable. */
static struct frame *
find_writable(const struct cap_slot *slot)
{
    for (uint32_t i = 0; slot != NULL && i < slot->count; i++) {
        struct frame *frame = frame_of(slot->base + i);
        if ((frame->use & FRAME_COUNT_MASK) != 0)
            return frame;
    }
    return NULL;
}

/* --- I1 ------------------------------------------------------------------------------------------
 */

static bool
seed_depth(void)
{
    struct cap_slot *slot = find_slot(is_copied_run);
    if (slot != NULL)
        POKE(slot->depth, slot->depth + 1);
    return slot != NULL;
}

static bool
seed_rights(void)
{
    struct cap_slot *slot = find_slot(is_copied_run);
    if (slot != NULL)
        POKE(slot->rights, slot->rights | (EXO_RIGHTS_ALL + 1));
    return slot != NULL;
}

static bool
seed_range(void)
{
    struct cap_slot *slot = find_slot(is_copied_run);
    if (slot != NULL)
        POKE(slot->count, slot->origin->count + 1);
    return slot != NULL;
}

/* --- I2 ------------------------------------------------------------------------------------------
 */

static bool
seed_generation(void)
{
    struct cap_slot *slot = find_slot(is_endpoint_root);
    if (slot != NULL)
        POKE(slot->generation, slot->generation + 1);
    return slot != NULL;
}

/* A capability that no tree knows: no revocation would find it. */
static bool
seed_stray(void)
{
    struct cap_slot *slot = find_slot(is_empty), *model = find_slot(is_endpoint_root);
    if (slot == NULL || model == NULL)
        return false;
    POKE(slot->type, model->type);
    POKE(slot->origin, model->origin);
    POKE(slot->generation, model->generation);
    return true;
}

/* --- I3 ------------------------------------------------------------------------------------------
 */

static bool
seed_free(void)
{
    struct cell *cell = self()->origin.cell;
    POKE(cell->free[EXO_RES_FRAMES], cell->free[EXO_RES_FRAMES] - 1);
    return true;
}

static bool
seed_carved(void)
{
    struct cell *cell = self()->origin.cell;
    POKE(cell->carved[EXO_RES_CAPS], cell->carved[EXO_RES_CAPS] + 1);
    POKE(cell->free[EXO_RES_CAPS], cell->free[EXO_RES_CAPS] - 1);
    return true;
}

/* --- I4 ------------------------------------------------------------------------------------------
 */

static bool
seed_writable(void)
{
    struct frame *frame = find_writable(find_slot(is_mapped_run));
    if (frame != NULL)
        POKE(frame->use, frame->use + FRAME_WRITABLE_ONE);
    return frame != NULL;
}

static bool
seed_writable_executable(void)
{
    struct frame *frame = find_writable(find_slot(is_mapped_run));
    if (frame != NULL)
        POKE(frame->use, (frame->use + FRAME_EXECUTABLE_ONE) | FRAME_ICACHE);
    return frame != NULL;
}

/* A frame that belongs to another run than the one whose capability maps it. */
static bool
seed_owner(void)
{
    struct frame *frame = find_writable(find_slot(is_mapped_run));
    struct cap_slot *other = find_slot(is_copied_run);
    if (frame == NULL || other == NULL || frame->owner == other->origin)
        return false;
    POKE(frame->owner, other->origin);
    return true;
}

/* --- I5 ------------------------------------------------------------------------------------------
 */

static bool
seed_hull(void)
{
    struct cap_slot *slot = find_slot(is_mapped_run);
    if (find_writable(slot) == NULL)
        return false;
    POKE(slot->hull_hi, slot->hull_lo);
    return true;
}

static bool
seed_right(void)
{
    struct cap_slot *slot = find_slot(is_mapped_run);
    if (find_writable(slot) == NULL)
        return false;
    POKE(slot->rights, slot->rights & ~EXO_WRITE);
    return true;
}

/* --- I6 ------------------------------------------------------------------------------------------
 */

static bool
seed_ready(void)
{
    POKE(self()->on_ready_list, !self()->on_ready_list);
    return true;
}

static bool
seed_deadline(void)
{
    POKE(self()->in_heap, !self()->in_heap);
    return true;
}

static bool
seed_serving(void)
{
    POKE(self()->serving, self());
    return true;
}

/* --- I7 ------------------------------------------------------------------------------------------
 */

static bool
seed_lock(void)
{
    POKE(self()->env->lock.held, 1);
    return true;
}

/* A free run that says it is half as long: the other half is nobody's. */
static bool
seed_run(void)
{
    for (uint64_t i = 0; i < frame_table.count; i++) {
        struct frame *frame = &frame_table.entries[i];
        uint64_t order = (frame->use >> FRAME_ORDER_SHIFT) & 31;
        if (((frame->use >> FRAME_STATE_SHIFT) & 3) == FRAME_FREE && order > 0) {
            POKE(frame->use, frame->use - (1ull << FRAME_ORDER_SHIFT));
            return true;
        }
    }
    return false;
}

/* --- I8 ------------------------------------------------------------------------------------------
 */

static bool
is_open_line(const struct cap_slot *slot)
{
    return slot->type == EXO_TYPE_IRQ && slot->origin != &irq_range;
}

/* The first line that the caller has open; NULL. */
static struct irq *
find_irq(void)
{
    struct cap_slot *slot = find_slot(is_open_line);
    return slot == NULL ? NULL : &((struct irq_line *)(void *)slot->origin)->irq;
}

/* Masked in the controller, and not so believed: it would never be unmasked. */
static bool
seed_masked(void)
{
    struct irq *irq = find_irq();
    if (irq != NULL)
        POKE(irq->masked, !irq->masked);
    return irq != NULL;
}

static bool
seed_line(void)
{
    struct irq *irq = find_irq();
    if (irq != NULL)
        POKE(irq->line, irq->line + 1);
    return irq != NULL;
}

/* An interrupt that was told, and neither masked nor acknowledged. */
static bool
seed_fired(void)
{
    struct irq *irq = find_irq();
    if (irq == NULL || irq->masked || !irq->level)
        return false;
    POKE(irq->fired, true);
    return true;
}

/* A line that is nobody's and can interrupt. */
static bool
seed_unmasked(void)
{
    struct irq *irq = find_irq();
    if (irq == NULL || irq->masked)
        return false;
    POKE(irq_entry(irq->line)->irq, NULL);
    return true;
}

/* --- I9: the machine's first device
 * ----------------------------------------------------------------------
 */

/* Bus mastering as its state does not have it. */
static bool
seed_mastering(void)
{
    if (device_count == 0)
        return false;
    uint16_t *command = pci_at(devices[0].requester, PCI_COMMAND);
    POKE(*command, *command ^ PCI_MASTER);
    return true;
}

static bool
seed_features(void)
{
    POKE(devices[0].offered, UINT64_MAX);
    return device_count > 0;
}

/* --- I10, and what devices use of I3 and I4
 * --------------------------------------------------------
 */

static bool
is_queue(const struct cap_slot *slot)
{
    return slot->type == EXO_TYPE_QUEUE && slot->depth == 0;
}

static struct queue *
find_queue(void)
{
    const struct cap_slot *slot = find_slot(is_queue);
    struct queue *queue = slot == NULL ? NULL : (struct queue *)(void *)slot->origin;
    return queue == NULL || queue->ring == NULL || queue->regions[0].state != REGION_OPEN ? NULL
                                                                                          : queue;
}

static bool
seed_in_flight(void)
{
    struct queue *queue = find_queue();
    if (queue != NULL)
        POKE(queue->in_flight[0], queue->in_flight[0] + 1);
    return queue != NULL;
}

/* The device may use what was released. */
static bool
seed_window(void)
{
    struct queue *queue = find_queue();
    if (queue != NULL)
        POKE(queue->windows[1].limit[1], EXO_PAGE_BYTES);
    return queue != NULL;
}

static bool
seed_ring_right(void)
{
    struct queue *queue = find_queue();
    if (queue != NULL)
        POKE(queue->ring->root.rights, queue->ring->root.rights | EXO_WRITE);
    return queue != NULL;
}

static bool
seed_device_writable(void)
{
    struct queue *queue = find_queue();
    struct frame *frame = queue == NULL ? NULL : frame_of(queue->regions[0].slot.base);
    if (frame != NULL)
        POKE(frame->use, frame->use - FRAME_WRITABLE_ONE);
    return frame != NULL;
}

/* The memory of a session that another pays for. */
static bool
seed_ring_owner(void)
{
    struct queue *queue = find_queue();
    if (queue != NULL)
        POKE(frame_of(frame_from_kernel(queue->ring->driver))->owner, self()->env);
    return queue != NULL;
}

static bool
is_port(const struct cap_slot *slot)
{
    return slot->type == EXO_TYPE_PORT && slot->depth == 0;
}

static struct queue *
find_port(void)
{
    const struct cap_slot *slot = find_slot(is_port);
    struct queue *queue = slot == NULL ? NULL : (struct queue *)(void *)slot->origin;
    return queue == NULL || queue->session == NULL ? NULL : queue;
}

/* A MAC of many machines. */
static bool
seed_group_mac(void)
{
    struct queue *port = find_port();
    if (port != NULL)
        POKE(port->mac, port->mac | 1);
    return port != NULL;
}

/* A buffer that the NIC may write and nobody knows of. */
static bool
seed_posted(void)
{
    struct queue *port = find_port();
    if (port != NULL)
        POKE(port->session->nic->posted, port->session->nic->posted & ~1ull);
    return port != NULL;
}

/* The buffers of a NIC that another pays for. */
static bool
seed_nic_owner(void)
{
    struct queue *port = find_port();
    if (port != NULL)
        POKE(frame_of(frame_from_kernel(port->session->nic->frames[0]))->owner, self()->env);
    return port != NULL;
}

static bool
seed_nothing(void)
{
    return true;
}

/* The numbers are those that machine_audit takes; docs/reference/system-calls.md lists them. */
static bool (*const seeds[])(void) = {
    [0] = seed_nothing,     [1] = seed_depth,
    [2] = seed_rights,      [3] = seed_range,
    [4] = seed_generation,  [5] = seed_stray,
    [6] = seed_free,        [7] = seed_carved,
    [8] = seed_writable,    [9] = seed_writable_executable,
    [10] = seed_owner,      [11] = seed_hull,
    [12] = seed_right,      [13] = seed_ready,
    [14] = seed_deadline,   [15] = seed_serving,
    [16] = seed_lock,       [17] = seed_run,
    [18] = seed_masked,     [19] = seed_line,
    [20] = seed_fired,      [21] = seed_unmasked,
    [22] = seed_mastering,  [23] = seed_features,
    [24] = seed_in_flight,  [25] = seed_window,
    [26] = seed_ring_right, [27] = seed_device_writable,
    [28] = seed_ring_owner, [29] = seed_group_mac,
    [30] = seed_posted,     [31] = seed_nic_owner,
};

err_t
seed_apply(uint64_t seed)
{
    if (seed >= ARRAY_LENGTH(seeds) || seeds[seed] == NULL)
        return EXO_E_ARG;
    return seeds[seed]() ? EXO_OK : EXO_E_STATE;
}

/* I1: each derivation tree. I2: each slot is in the tree of its object, and of its generation. */
#include "debug/audit.h"

#include "core/irq.h"
#include "core/notification.h"
#include "virtio/queue.h"

#define PATH_MAX 64 /* ancestors remembered; parents of deeper nodes are looked for */

static uint64_t linked;   /* capabilities in trees */
static uint64_t in_slots; /* capabilities in slots */

/* --- Trees --------------------------------------------------------------------------------------
 */

struct walk {
    const struct origin *origin;
    const struct cap_slot *path[PATH_MAX];
    bool revoking, cursor; /* were seen */
    uint32_t pins;
};

static const struct cap_slot *
parent_of(const struct walk *walk, const struct cap_slot *slot)
{
    if (slot->depth == 0)
        return NULL;
    if (slot->depth <= PATH_MAX)
        return walk->path[slot->depth - 1];
    const struct cap_slot *before = slot->prev;
    while (before != NULL && before->depth >= slot->depth)
        before = before->prev;
    return before;
}

/* What a copy may do, against what it was copied from. */
static void
check_derived(const struct cap_slot *slot, const struct cap_slot *parent)
{
    AUDIT(1, (slot->rights & ~parent->rights) == 0, "slot %lx has rights %x, its parent %x",
          audit_name(slot), slot->rights, parent->rights);
    if (cap_has_range(slot->type)) {
        AUDIT(1,
              slot->base >= parent->base &&
                  range_fits(slot->base - parent->base, slot->count, parent->count),
              "slot %lx has the range %x + %x, its parent %x + %x", audit_name(slot), slot->base,
              slot->count, parent->base, parent->count);
    } else if (slot->type == EXO_TYPE_ENDPOINT || slot->type == EXO_TYPE_NOTIFICATION) {
        /* The environment's own copy of a badge, and an interrupt's binding, have the parent's. */
        AUDIT(1, parent->badge == 0 || slot->badge == parent->badge,
              "slot %lx has another badge than its parent", audit_name(slot));
    }
}

/* The root of a run has all of it, until the run is freed. */
static void
check_root(const struct cap_slot *slot, const struct origin *origin)
{
    AUDIT(1, (slot->rights & ~EXO_RIGHTS_ALL) == 0, "slot %lx has rights %x", audit_name(slot),
          slot->rights);
    if (cap_has_range(slot->type)) {
        AUDIT(1, slot->base == origin->base && slot->count == origin->count,
              "slot %lx has the range %x + %x, its object %lx + %x", audit_name(slot), slot->base,
              slot->count, (unsigned long)origin->base, origin->count);
    }
}

static void
check_node(struct walk *walk, const struct cap_slot *slot, const struct cap_slot *before)
{
    const struct origin *origin = walk->origin;
    AUDIT(1, slot->prev == before, "slot %lx: its links differ", audit_name(slot));
    AUDIT(1, slot->type == origin->type && slot->origin == origin, "slot %lx is in the tree of %lx",
          audit_name(slot), audit_name(origin));
    if (before == NULL) {
        /* The root of an object that ends may be gone before what was derived from it. */
        AUDIT(1, slot->depth == 0 || origin->doomed, "slot %lx: the first of its tree has depth %u",
              audit_name(slot), slot->depth);
    } else {
        AUDIT(1, slot->depth >= 1 && slot->depth <= before->depth + 1,
              "slot %lx has depth %u behind %u", audit_name(slot), slot->depth, before->depth);
    }
    const struct cap_slot *parent = parent_of(walk, slot);
    if (parent != NULL)
        check_derived(slot, parent);
    else if (slot->depth == 0)
        check_root(slot, origin);
    if (slot->depth < PATH_MAX)
        walk->path[slot->depth] = slot;
    walk->pins += slot->type == EXO_TYPE_FRAMES && slot->env == NULL && slot->depth > 0;
    walk->revoking |= slot == origin->revoking;
    walk->cursor |= slot == origin->cursor;
}

static void
check_tree(const struct origin *origin)
{
    struct walk walk = {.origin = origin};
    const struct cap_slot *before = NULL;
    uint32_t count = 0;
    for (const struct cap_slot *slot = origin->first; slot != NULL; slot = slot->next) {
        check_node(&walk, slot, before);
        before = slot;
        if (++count == AUDIT_NODES_MAX) {
            AUDIT_BROKEN(1, "tree of %lx is circular\n", audit_name(origin));
            return;
        }
    }
    linked += count;
    AUDIT(10, origin->pins == walk.pins, "frames %lx: used by %u regions, %u found",
          audit_name(origin), origin->pins, walk.pins);
    AUDIT(1, origin->last == before, "tree of %lx ends elsewhere", audit_name(origin));
    AUDIT(1, origin->doomed || origin->eternal || count > 0, "object %lx lives without its root",
          audit_name(origin));
    if (origin->phase != ORIGIN_IDLE && !origin->doomed) {
        AUDIT(1, walk.revoking && walk.cursor, "tree of %lx: what is revoked is not in it",
              audit_name(origin));
    }
    audit_lock(&origin->lock, "object", origin);
}

/* --- Slots -------------------------------------------------------------------------------------
 */

static void
check_filled(const struct cap_slot *slot)
{
    const struct origin *origin = slot->origin;
    in_slots++;
    AUDIT(2, slot->type == origin->type, "slot %lx of type %u is for an object of type %u",
          audit_name(slot), slot->type, origin->type);
    AUDIT(2, slot->generation == origin->generation || origin->doomed,
          "slot %lx has generation %u, its object %u", audit_name(slot), slot->generation,
          origin->generation);
    AUDIT(2,
          (slot->prev == NULL ? origin->first : slot->prev->next) == slot &&
              (slot->next == NULL ? origin->last : slot->next->prev) == slot,
          "slot %lx is not in the tree of its object %lx", audit_name(slot), audit_name(origin));
    /* Objects that never end are on no list: their trees are found from here. */
    if (origin->eternal && origin->first == slot)
        check_tree(origin);
}

static void
check_slot(const struct cap_slot *slot, const struct env *env)
{
    AUDIT(7, (slot->sequence & 1) == 0, "slot %lx is locked", audit_name(slot));
    AUDIT(2, slot->env == env, "slot %lx is in the table of %lx, and says %lx", audit_name(slot),
          audit_name(env), audit_name(slot->env));
    if (slot->type != EXO_TYPE_NONE) {
        check_filled(slot);
    } else {
        AUDIT(2, slot->next == NULL && slot->prev == NULL, "slot %lx is empty and in a tree",
              audit_name(slot));
        AUDIT(2, (slot->flags & CAP_MAPPED) == 0, "slot %lx is empty and was used to map",
              audit_name(slot));
    }
}

static void
check_env(struct origin *origin)
{
    const struct env *env = (const struct env *)(const void *)origin;
    if (!audit_env_stands(env))
        return;
    for (uint32_t page = 0; page < EXO_CAP_PAGES_MAX; page++)
        for (uint32_t i = 0; env->table[page] != NULL && i < EXO_CAPS_PER_PAGE; i++)
            check_slot(&env->table[page][i], env);
    check_slot(&env->supervisor, env);
}

static void
check_notification(struct origin *origin)
{
    check_slot(&((struct notification *)(void *)origin)->binding, NULL);
}

static void
check_irq(struct origin *origin)
{
    check_slot(&((struct irq_line *)(void *)origin)->irq.binding, NULL);
}

static void
check_queue(struct origin *origin)
{
    const struct queue *queue = (const struct queue *)(const void *)origin;
    check_slot(&queue->irq.binding, NULL);
    for (uint32_t i = 0; i < REGIONS; i++)
        check_slot(&queue->regions[i].slot, NULL);
}

static void
check_session(struct origin *origin)
{
    const struct session *session = (const struct session *)(const void *)origin;
    for (uint32_t i = 0; i < DEVICE_QUEUES_MAX; i++)
        check_slot(&session->rings[i].root, NULL);
}

/* A device's interrupt when its configuration changes. */
static void
check_devices(void)
{
    for (uint32_t i = 0; i < device_count; i++)
        check_slot(&devices[i].config_irq.binding, NULL);
}

static void
check_object(struct origin *origin)
{
    check_tree(origin);
}

void
audit_caps(void)
{
    static const enum exo_type types[] = {
        EXO_TYPE_CELL,         EXO_TYPE_ENV, EXO_TYPE_VCPU,  EXO_TYPE_FRAMES, EXO_TYPE_ENDPOINT,
        EXO_TYPE_NOTIFICATION, EXO_TYPE_IRQ, EXO_TYPE_QUEUE, EXO_TYPE_EXTENT, EXO_TYPE_PORT};
    linked = in_slots = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(types); i++)
        audit_each(types[i], check_object);
    audit_each(EXO_TYPE_ENV, check_env);
    audit_each(EXO_TYPE_NOTIFICATION, check_notification);
    audit_each(EXO_TYPE_IRQ, check_irq);
    audit_each(EXO_TYPE_QUEUE, check_queue);
    audit_each(EXO_TYPE_EXTENT, check_queue);
    audit_each(EXO_TYPE_PORT, check_queue);
    audit_each(TYPE_SESSION, check_session);
    check_devices();
    AUDIT(2, linked == in_slots, "machine: %lu capabilities in trees, %lu in slots",
          (unsigned long)linked, (unsigned long)in_slots);
}

/*
 * The end of objects: doomed, finished in steps by whoever holds the cell, buried, and freed after
 * one more grace period. Nothing here is done in the background.
 */
#include "core/reap.h"

#include "arch/arch.h"
#include "core/endpoint.h"
#include "core/env.h"
#include "core/frame.h"
#include "core/irq.h"
#include "core/notification.h"
#include "core/sched.h"
#include "core/trace.h"
#include "virtio/queue.h"

#define ZOMBIES_STEP 16

/*
 * An environment or a cell that ends must not run while it is taken apart, and nothing new is made
 * in it. Before the epoch advances, so that the grace period covers who did not see it.
 */
static void
close_gates(struct origin *origin)
{
    if (origin->type == EXO_TYPE_ENV) {
        ((struct env *)(void *)origin)->stopped = true;
    } else if (origin->type == EXO_TYPE_CELL) {
        ((struct cell *)(void *)origin)->dying = true;
        atomic_fetch_add(&cells_dying, 1);
    }
}

bool
origin_doom(struct origin *origin)
{
    struct cell *cell = origin->cell;
    if (origin->eternal)
        return false;
    {
        HOLD(&cell->lock);
        HOLD(&origin->lock);
        if (origin->doomed)
            return false;
        cell_unlist(cell, origin);
        origin->doomed = true;
        cell_list(cell, origin);
        cell->dying_objects++;
        atomic_fetch_add(&origin->generation, 1);
        origin->revoking = origin->cursor = origin->pending = NULL;
        close_gates(origin);
        origin->epoch = epoch_advance();
        origin->phase = ORIGIN_GRACE;
    }
    trace(EXO_TRACE_REVOKE, (uint64_t)(uintptr_t)origin, ORIGIN_GRACE);
    if (origin->type == EXO_TYPE_ENV || origin->type == EXO_TYPE_CELL)
        (void)sched_poke_stopped(NULL);
    return true;
}

static err_t
frames_finish_step(struct origin *origin)
{
    frame_put(origin->base, origin->count);
    cell_refund(origin->cell, EXO_RES_FRAMES, origin->count);
    origin->count = 0;
    return EXO_OK;
}

err_t
origin_finish_step(struct origin *origin)
{
    switch (origin->type) {
    case EXO_TYPE_CELL: return cell_finish_step((struct cell *)(void *)origin);
    case EXO_TYPE_ENV: return env_finish_step((struct env *)(void *)origin);
    case EXO_TYPE_VCPU: return vcpu_finish_step((struct vcpu *)(void *)origin);
    case EXO_TYPE_FRAMES: return origin->count == 0 ? EXO_OK : frames_finish_step(origin);
    case EXO_TYPE_ENDPOINT: return endpoint_finish_step((struct endpoint *)(void *)origin);
    case EXO_TYPE_NOTIFICATION:
        return cap_close_step(&((struct notification *)(void *)origin)->binding);
    case EXO_TYPE_IRQ: return irq_detach_step(&((struct irq_line *)(void *)origin)->irq);
    case EXO_TYPE_QUEUE:
    case EXO_TYPE_PORT:
    case EXO_TYPE_EXTENT: return queue_finish_step((struct queue *)(void *)origin);
    case TYPE_SESSION: return session_finish_step((struct session *)(void *)origin);
    default: panic("no end for an object of type %d", origin->type);
    }
}

void
origin_bury(struct origin *origin)
{
    struct cell *cell = origin->cell;
    trace(EXO_TRACE_REVOKE, (uint64_t)(uintptr_t)origin, ORIGIN_DEAD);
    HOLD(&cell->lock);
    cell_unlist(cell, origin);
    origin->epoch = epoch_advance();
    origin->next = cell->zombies;
    cell->zombies = origin;
}

void
origin_discard(struct origin *origin)
{
    switch (origin->type) {
    case EXO_TYPE_CELL: cell_leave_parent((struct cell *)(void *)origin); break;
    case EXO_TYPE_ENV:
        while (env_unmake_step((struct env *)(void *)origin) != EXO_OK) {
        }
        break;
    case EXO_TYPE_VCPU: vcpu_unequip((struct vcpu *)(void *)origin); break;
    case EXO_TYPE_FRAMES: (void)frames_finish_step(origin); break;
    case EXO_TYPE_IRQ: (void)irq_detach_step(&((struct irq_line *)(void *)origin)->irq); break;
    case EXO_TYPE_QUEUE:
    case EXO_TYPE_PORT:
    case EXO_TYPE_EXTENT: queue_unmake((struct queue *)(void *)origin); break;
    case TYPE_SESSION:
        while (session_unmake_step((struct session *)(void *)origin) != EXO_OK) {
        }
        break;
    default: break;
    }
    cell_put_object(origin->cell, origin);
}

/* The oldest zombie that nobody can refer to any more; NULL when none is. */
static struct origin *
take_zombie(struct cell *cell)
{
    HOLD(&cell->lock);
    /* Newest first, so that the epochs fall: what passed is found at or behind the first. */
    struct origin **link = &cell->zombies;
    for (int i = 0; i < ZOMBIES_STEP && *link != NULL; i++, link = &(*link)->next) {
        struct origin *origin = *link;
        if (epoch_passed(origin->epoch)) {
            *link = origin->next;
            cell->dying_objects--;
            return origin;
        }
    }
    return NULL;
}

bool
cell_free_zombies(struct cell *cell)
{
    for (int i = 0; i < ZOMBIES_STEP; i++) {
        struct origin *origin = take_zombie(cell);
        if (origin == NULL)
            break;
        if (origin->type == EXO_TYPE_CELL)
            atomic_fetch_sub(&cells_dying, 1);
        cell_put_object(cell, origin);
    }
    return cell->zombies == NULL;
}

/* The next doomed object, one after another, so that one that waits holds up none. */
static struct origin *
next_doomed(struct cell *cell)
{
    HOLD(&cell->lock);
    struct origin *origin = cell->reap_next != NULL ? cell->reap_next : cell->doomed;
    cell->reap_next = origin == NULL ? NULL : origin->next;
    return origin;
}

err_t
cell_reap_step(struct cell *cell)
{
    struct origin *origin = next_doomed(cell);
    if (origin != NULL) {
        (void)origin_step(origin);
        return EXO_E_AGAIN;
    }
    return cell_free_zombies(cell) ? EXO_OK : EXO_E_AGAIN;
}

/* Dooms something that the cell pays for; false when there is nothing left alive. */
static bool
doom_one(struct cell *cell)
{
    lock_acquire(&cell->lock);
    struct origin *origin = cell->alive != NULL ? cell->alive : cell->frames;
    lock_release(&cell->lock);
    if (origin != NULL)
        origin_doom(origin);
    return origin != NULL;
}

/* The deepest first descendant, its path doomed: what has no children is taken apart first. */
static struct cell *
doom_path(struct cell *cell)
{
    for (;;) {
        lock_acquire(&cell->lock);
        struct cell *child = cell->first_child;
        lock_release(&cell->lock);
        if (child == NULL)
            return cell;
        origin_doom(&child->origin);
        cell = child;
    }
}

err_t
cell_finish_step(struct cell *cell)
{
    struct cell *leaf = doom_path(cell);
    if (leaf != cell) {
        (void)origin_step(&leaf->origin);
        return EXO_E_AGAIN;
    }
    if (cell_reap_step(cell) != EXO_OK || doom_one(cell))
        return EXO_E_AGAIN;
    cell_leave_parent(cell);
    return EXO_OK;
}

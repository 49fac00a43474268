/* Cells: charging, carving, and publishing what they pay for. */
#include "core/cell.h"

#include "core/env.h"
#include "core/frame.h"
#include "core/reap.h"

_Atomic uint32_t cells_dying;

uint32_t
cell_own(const struct cell *cell, enum exo_resource resource)
{
    return cell->limit[resource] - cell->carved[resource] - cell->free[resource];
}

bool
cell_is_dying(const struct cell *cell)
{
    for (; cell != NULL; cell = cell->parent)
        if (cell->dying)
            return true;
    return false;
}

/* While frames are being reclaimed, the cell may not take back what it gave. */
static bool
withheld(const struct cell *cell, enum exo_resource resource, uint32_t free_after)
{
    return resource == EXO_RES_FRAMES && cell->reclaim.pending &&
           cell->limit[resource] - free_after > cell->reclaim.target_frames;
}

err_t
cell_charge(struct cell *cell, enum exo_resource resource, uint32_t amount)
{
    uint32_t free = atomic_load_explicit(&cell->free[resource], memory_order_relaxed);
    do {
        if (free < amount || (amount != 0 && withheld(cell, resource, free - amount)))
            return EXO_E_LIMIT;
    } while (!atomic_compare_exchange_weak_explicit(&cell->free[resource], &free, free - amount,
                                                    memory_order_relaxed, memory_order_relaxed));
    return EXO_OK;
}

void
cell_refund(struct cell *cell, enum exo_resource resource, uint32_t amount)
{
    atomic_fetch_add_explicit(&cell->free[resource], amount, memory_order_relaxed);
}

err_t
cell_take_frames(struct cell *cell, void *owner, uint32_t count, void **frames)
{
    TRY(cell_charge(cell, EXO_RES_FRAMES, count));
    *frames = frame_take_kernel(owner, count);
    if (*frames != NULL)
        return EXO_OK;
    cell_refund(cell, EXO_RES_FRAMES, count);
    return EXO_E_MEMORY;
}

void
cell_put_frames(struct cell *cell, void *frames, uint32_t count)
{
    frame_put(frame_from_kernel(frames), count);
    cell_refund(cell, EXO_RES_FRAMES, count);
}

/* Puts aside what a limit that goes up takes from the parent, one that goes down from the cell. */
static err_t
reserve(struct cell *cell, enum exo_resource resource, int64_t more)
{
    if (more >= 0)
        return cell_charge(cell->parent, resource, (uint32_t)more);
    return cell_charge(cell, resource, (uint32_t)-more) == EXO_OK ? EXO_OK : EXO_E_BUSY;
}

/* And gives it to the other of the two (`go`), or back. */
static void
settle(struct cell *cell, enum exo_resource resource, int64_t more, bool go)
{
    uint32_t amount = (uint32_t)(more < 0 ? -more : more);
    cell_refund((more >= 0) == go ? cell : cell->parent, resource, amount);
    if (go) {
        cell->limit[resource] += (uint32_t)more;
        cell->parent->carved[resource] += (uint32_t)more;
    }
}

/* Both locks held, or nobody knows the cell (any more). */
static err_t
set_limits(struct cell *cell, const uint32_t limit[EXO_RES_COUNT])
{
    int64_t more[EXO_RES_COUNT];
    int i;
    err_t err = EXO_OK;
    for (i = 0; i < EXO_RES_COUNT && err == EXO_OK; i++) {
        more[i] = (int64_t)limit[i] - cell->limit[i];
        err = reserve(cell, (enum exo_resource)i, more[i]);
    }
    int reserved = err == EXO_OK ? i : i - 1;
    for (i = 0; i < reserved; i++)
        settle(cell, (enum exo_resource)i, more[i], err == EXO_OK);
    return err;
}

err_t
cell_set_limits(struct cell *cell, const uint32_t limit[EXO_RES_COUNT])
{
    if (cell->parent == NULL)
        return EXO_E_STATE;
    HOLD(&cell->parent->lock);
    HOLD(&cell->lock);
    return set_limits(cell, limit);
}

static void
cell_init(struct cell *cell, struct cell *parent)
{
    lock_init(&cell->lock, RANK_CELL);
    lock_init(&cell->slab_lock, RANK_SLAB);
    cell->parent = parent;
    cell->depth = parent == NULL ? 0 : parent->depth + 1;
}

struct cell *
cell_create_root(const uint32_t limit[EXO_RES_COUNT])
{
    struct cell *cell = frame_take_kernel(NULL, 1);
    ensure(cell != NULL);
    origin_init(&cell->origin, EXO_TYPE_CELL, cell); /* it pays for itself */
    cell->origin.eternal = true;
    cell_init(cell, NULL);
    for (int i = 0; i < EXO_RES_COUNT; i++)
        cell->limit[i] = cell->free[i] = limit[i];
    return cell;
}

err_t
cell_create(struct cell *parent, const uint32_t limit[EXO_RES_COUNT], struct cell **cell)
{
    if (parent->depth + 1 >= EXO_CELL_DEPTH_MAX)
        return EXO_E_LIMIT;
    void *object;
    TRY(cell_new_object(parent, EXO_TYPE_CELL, sizeof(struct cell), &object));
    *cell = object;
    cell_init(*cell, parent);
    lock_acquire(&parent->lock);
    err_t err = cell_is_dying(parent) ? EXO_E_GONE : set_limits(*cell, limit);
    if (err == EXO_OK)
        LIST_PUSH(&parent->first_child, *cell);
    lock_release(&parent->lock);
    if (err != EXO_OK)
        cell_put_object(parent, object);
    return err;
}

/* Nothing of it is used any more (ensured). */
void
cell_leave_parent(struct cell *cell)
{
    static const uint32_t nothing[EXO_RES_COUNT];
    HOLD(&cell->parent->lock);
    LIST_REMOVE(&cell->parent->first_child, cell);
    cell->reclaim.pending = false; /* it withholds nothing */
    ensure(set_limits(cell, nothing) == EXO_OK);
}

/* The list of the cell that an origin is on. */
static struct origin **
list_of(struct cell *cell, const struct origin *origin)
{
    if (origin->doomed)
        return &cell->doomed;
    return origin->type == EXO_TYPE_FRAMES ? &cell->frames : &cell->alive;
}

void
cell_list(struct cell *cell, struct origin *origin)
{
    struct origin **list = list_of(cell, origin);
    LIST_PUSH(list, origin);
}

void
cell_unlist(struct cell *cell, struct origin *origin)
{
    if (cell->reclaim.cursor == origin)
        cell->reclaim.cursor = origin->next;
    if (cell->reap_next == origin)
        cell->reap_next = origin->next;
    LIST_REMOVE(list_of(cell, origin), origin);
    origin->next = origin->prev = NULL;
}

err_t
cell_publish(struct origin *origin, struct cap_slot *dst)
{
    struct cell *cell = origin->cell;
    uint64_t range = origin->base | (uint64_t)origin->count << 32;
    lock_acquire(&cell->lock);
    err_t err =
        cell_is_dying(cell) ? EXO_E_GONE : cap_plant(dst, origin, EXO_RIGHTS_ALL, range, NULL);
    if (err == EXO_OK)
        cell_list(cell, origin);
    lock_release(&cell->lock);
    if (err != EXO_OK)
        origin_discard(origin);
    return err;
}

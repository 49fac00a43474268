/*
 * Visible revocation of frames: the holder of a cell asks it to come down to a number of frames.
 * The cell's handler gets a `revoke` upcall; from its delivery the deadline runs, with an absolute
 * cap for a vCPU that never takes it; afterwards runs of frames (and the queues that use them) are
 * taken by force, one doomed origin a call, and listed in the handler's control page. Whoever asked
 * drives every step.
 */
#include "arch/arch.h"
#include "core/frame.h"
#include "core/reap.h"
#include "core/sched.h"

#define CAP_GRACES 8  /* the absolute cap, in graces since the request */
#define SCAN_STEP  64 /* objects looked at in a step */

/* What is free above the target goes to the parent. Both locks held. */
static void
hand_over_free(struct cell *cell)
{
    uint32_t limit = cell->limit[EXO_RES_FRAMES];
    uint32_t target = cell->reclaim.target_frames;
    uint32_t floor = (uint32_t)max_u64(limit - cell->free[EXO_RES_FRAMES], target);
    uint32_t free = atomic_load(&cell->free[EXO_RES_FRAMES]);
    uint32_t less = limit > floor ? (uint32_t)min_u64(limit - floor, free) : 0;
    if (less > 0 &&
        atomic_compare_exchange_strong(&cell->free[EXO_RES_FRAMES], &free, free - less)) {
        cell->limit[EXO_RES_FRAMES] -= less;
        cell->parent->carved[EXO_RES_FRAMES] -= less;
        cell_refund(cell->parent, EXO_RES_FRAMES, less);
    }
}

static void
request(struct cell *cell, uint32_t frames, uint64_t grace_ticks)
{
    struct reclaim *reclaim = &cell->reclaim;
    uint64_t now = arch_ticks();
    reclaim->target_frames = frames;
    reclaim->delivered = false;
    reclaim->grace_ticks = grace_ticks;
    reclaim->cap_ticks = now + CAP_GRACES * grace_ticks;
    reclaim->deadline_ticks = reclaim->cap_ticks;
    reclaim->cursor = cell->frames;
    reclaim->queues = false;
    reclaim->pending = true;
    if (cell->revoke_handler != NULL) {
        cell->revoke_handler->revoke_pending = true;
        sched_raise(cell->revoke_handler, 0);
    }
}

uint64_t
cell_reclaim_delivered(struct cell *cell)
{
    struct reclaim *reclaim = &cell->reclaim;
    if (!reclaim->delivered) {
        reclaim->delivered = true;
        reclaim->deadline_ticks = min_u64(reclaim->cap_ticks, arch_ticks() + reclaim->grace_ticks);
    }
    return reclaim->deadline_ticks;
}

/* The list that the libOS can read. Cell lock held. */
static void
record(struct cell *cell, const struct origin *origin)
{
    struct exo_repossessed entry = {
        .base = origin->base, .count = origin->count, .resource = EXO_RES_FRAMES};
    if (origin->type == EXO_TYPE_FRAMES)
        cell->repossessed_frames += origin->count;
    else
        entry = (struct exo_repossessed){(uintptr_t)origin, 0, EXO_RES_COUNT};
    if (cell->revoke_handler != NULL) {
        struct exo_control *control = cell->revoke_handler->control;
        uint64_t count = __atomic_load_n(&control->repossessed, __ATOMIC_RELAXED);
        control->repossessed = count + 1;
        control->repossessed_list[count % EXO_REPOSSESSED_MAX] = entry;
    }
}

/*
 * Runs that no device uses, the newest first; then queues, so that their runs are used no longer;
 * then whatever runs there are. NULL at the end of those, or of a step (*more).
 */
static struct origin *
next_victim(struct cell *cell, bool *more)
{
    struct reclaim *reclaim = &cell->reclaim;
    HOLD(&cell->lock);
    for (int i = 0; i < SCAN_STEP; i++) {
        struct origin *at = reclaim->cursor;
        if (at == NULL && reclaim->queues)
            return cell->frames;
        if (at == NULL) {
            reclaim->queues = true;
            reclaim->cursor = cell->alive;
            continue;
        }
        reclaim->cursor = at->next;
        if (reclaim->queues ? at->type >= EXO_TYPE_QUEUE && at->type <= EXO_TYPE_PORT
                            : at->pins == 0)
            return at;
    }
    *more = true;
    return NULL;
}

/* Dooms something; false when the cell has nothing left to take. */
static bool
take_by_force(struct cell *cell)
{
    bool more = false;
    struct origin *victim = next_victim(cell, &more);
    if (victim == NULL)
        return more;
    if (origin_doom(victim)) {
        HOLD(&cell->lock);
        record(cell, victim);
    }
    return true;
}

/* Past the deadline: EXO_E_AGAIN while something is still to be taken, EXO_E_BUSY when nothing is.
 */
static err_t
repossess_step(struct cell *cell)
{
    if (cell->doomed != NULL || cell->zombies != NULL) {
        (void)cell_reap_step(cell);
        return EXO_E_AGAIN;
    }
    if (take_by_force(cell))
        return EXO_E_AGAIN;
    cell->reclaim.pending = false;
    return EXO_E_BUSY;
}

/* Asks once, and takes what is free: EXO_E_AGAIN while the cell has more than it was left. */
static err_t
ask(struct cell *cell, uint32_t frames, uint64_t grace_ticks, uint64_t *deadline)
{
    struct reclaim *reclaim = &cell->reclaim;
    HOLD(&cell->parent->lock);
    HOLD(&cell->lock);
    if (cell->carved[EXO_RES_FRAMES] > frames)
        return EXO_E_BUSY; /* its children's: reclaim theirs first */
    if (!reclaim->pending || reclaim->target_frames != frames)
        request(cell, frames, grace_ticks);
    hand_over_free(cell);
    *deadline = reclaim->deadline_ticks;
    if (cell->limit[EXO_RES_FRAMES] > frames)
        return EXO_E_AGAIN;
    reclaim->pending = false;
    return EXO_OK;
}

err_t
cell_reclaim_step(struct cell *cell, uint32_t frames, uint64_t grace_ticks, uint64_t *deadline)
{
    if (cell->parent == NULL)
        return EXO_E_STATE;
    err_t err = ask(cell, frames, grace_ticks, deadline);
    return err == EXO_E_AGAIN && arch_ticks() >= *deadline ? repossess_step(cell) : err;
}

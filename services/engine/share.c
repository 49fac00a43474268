/* Who is in a phase, and who takes which pieces. (newlib's <stdatomic.h> does not compile with gcc:
 * hence builtins.) */
#include "share.h"

#include "engine_private.h"

#define TAKES 64u  /* of a worker's part at most: each costs the emulator fifty loads */
#define PHASE 256u /* in the word of phases; below it is how many workers are inside */

/* A worker's part: pieces in a row, so that it reads the same weights in each step. */
static struct share_range
part_of(const struct share *share, uint32_t worker)
{
    uint64_t count = share->count, workers = share->engine->workers;
    return (struct share_range){(uint32_t)(count * worker / workers),
                                (uint32_t)(count * (worker + 1) / workers)};
}

static void
set_back(struct engine *engine, uint32_t phase)
{
    for (uint32_t i = 0; i < engine->workers; i++)
        __atomic_store_n(&engine->queues[i].taken[phase % 2], 0, __ATOMIC_RELAXED);
}

void
share_reset(struct engine *engine)
{
    for (uint32_t i = 0; i < engine->workers; i++)
        engine->queues[i].phase = 0;
    set_back(engine, 0);
    __atomic_store_n(&engine->phase, 0, __ATOMIC_RELAXED);
}

/* What was written in the phases that are over is then seen, whether it enters or not. */
static bool
enter(struct engine *engine, uint32_t phase)
{
    uint32_t now = __atomic_load_n(&engine->phase, __ATOMIC_ACQUIRE);
    while (now / PHASE == phase)
        if (__atomic_compare_exchange_n(&engine->phase, &now, now + 1, false, __ATOMIC_ACQUIRE,
                                        __ATOMIC_ACQUIRE))
            return true;
    return false;
}

struct share
share_begin(struct engine *engine, uint32_t worker, uint32_t count)
{
    uint32_t takes = engine->workers * TAKES, phase = engine->queues[worker].phase++;
    bool alone = engine->workers == 1;
    if (alone)
        set_back(engine, phase);
    return (struct share){.engine = engine,
                          .worker = worker,
                          .phase = phase,
                          .inside = alone || enter(engine, phase),
                          .count = count,
                          .size = alone ? count : (count + takes - 1) / takes};
}

bool
share_take(struct share *share, struct share_range *range)
{
    const struct engine *engine = share->engine;
    for (; share->inside && share->helped < engine->workers; share->helped++) {
        uint32_t whose = (share->worker + share->helped) % engine->workers;
        struct share_range part = part_of(share, whose);
        uint32_t taken = __atomic_fetch_add(&engine->queues[whose].taken[share->phase % 2],
                                            share->size, __ATOMIC_RELAXED);
        if (taken >= part.end - part.first)
            continue;
        range->first = part.first + taken;
        range->end = part.end - range->first > share->size ? range->first + share->size : part.end;
        return true;
    }
    return false;
}

void
share_end(const struct share *share)
{
    struct engine *engine = share->engine;
    const struct engine_team *team = &engine->team;
    if (!share->inside || engine->workers == 1)
        return;
    uint32_t now = __atomic_load_n(&engine->phase, __ATOMIC_RELAXED), left;
    do {
        left = now - 1;
        if (left % PHASE == 0) {
            set_back(engine, share->phase + 1);
            left += PHASE;
        }
    } while (!__atomic_compare_exchange_n(&engine->phase, &now, left, false, __ATOMIC_ACQ_REL,
                                          __ATOMIC_RELAXED));
    if (left / PHASE != share->phase) {
        team->wake(team->context, &engine->phase);
        return;
    }
    while ((now = __atomic_load_n(&engine->phase, __ATOMIC_ACQUIRE)) / PHASE == share->phase)
        team->wait(team->context, &engine->phase, now);
}

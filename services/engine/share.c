/* Who takes which pieces. (newlib's <stdatomic.h> does not compile with gcc: hence builtins.) */
#include "share.h"

#include "engine_private.h"

#define TAKES 64u /* of a worker's part at most: each costs the emulator fifty loads */

/* A worker's part: pieces in a row, so that it reads the same weights in each step. */
static struct share_range
part_of(const struct share *share, uint32_t worker)
{
    uint64_t count = share->count, workers = share->engine->workers;
    return (struct share_range){(uint32_t)(count * worker / workers),
                                (uint32_t)(count * (worker + 1) / workers)};
}

void
share_reset(struct engine *engine)
{
    for (uint32_t i = 0; i < engine->workers; i++)
        engine->queues[i] = (struct share_queue){.phase = 0};
}

struct share
share_begin(struct engine *engine, uint32_t worker, uint32_t count)
{
    struct share_queue *queue = &engine->queues[worker];
    uint32_t takes = engine->workers * TAKES;
    queue->phase++;
    __atomic_store_n(&queue->taken[~queue->phase & 1], 0, __ATOMIC_RELAXED);
    return (struct share){.engine = engine,
                          .worker = worker,
                          .count = count,
                          .size = engine->workers == 1 ? count : (count + takes - 1) / takes};
}

bool
share_take(struct share *share, struct share_range *range)
{
    const struct engine *engine = share->engine;
    uint32_t side = engine->queues[share->worker].phase & 1;
    for (; share->helped < engine->workers; share->helped++) {
        uint32_t whose = (share->worker + share->helped) % engine->workers;
        struct share_range part = part_of(share, whose);
        uint32_t taken =
            __atomic_fetch_add(&engine->queues[whose].taken[side], share->size, __ATOMIC_RELAXED);
        if (taken >= part.end - part.first)
            continue;
        range->first = part.first + taken;
        range->end = part.end - range->first > share->size ? range->first + share->size : part.end;
        return true;
    }
    return false;
}

/*
 * How workers share a phase. It is cut into pieces, of which each worker begins with a part of its
 * own; who has done that goes on with what is left of the others'. So nobody waits for a worker
 * whose CPU is slow, but for the piece that it is at. Which worker does a piece changes no bit.
 */
#ifndef ENGINE_SHARE_H
#define ENGINE_SHARE_H

#include <stdbool.h>
#include <stdint.h>

struct engine;

/*
 * One worker's part, on a cache line of its own. There are two counts, for phases in turn: while
 * one is taken from, its owner sets the other one back, which nobody has read since the barrier
 * in front of this phase.
 */
struct share_queue {
    uint32_t taken[2]; /* pieces, by whomever */
    uint32_t phase;    /* its owner is in: the low bit tells which count */
} __attribute__((aligned(64)));

/* Pieces first <= i < end. */
struct share_range {
    uint32_t first, end;
};

/* What a worker knows of a phase. */
struct share {
    struct engine *engine;
    uint32_t worker, count; /* pieces, of all workers */
    uint32_t size;          /* that are taken at once */
    uint32_t helped;        /* workers whose part is given away, beginning with one's own */
};

/* Before a step, while no worker is at work. */
void share_reset(struct engine *engine);

/*
 * The next phase of a step begins for `worker`: one of `count` pieces. It has to end with a barrier
 * (or with the step), and all workers of the step must begin it.
 */
struct share share_begin(struct engine *engine, uint32_t worker, uint32_t count);

/* Some pieces to do, which nobody else is given; false: there are none left. */
bool share_take(struct share *share, struct share_range *range);

#endif

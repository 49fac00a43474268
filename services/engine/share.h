/*
 * How workers share a step. It is a row of phases, each cut into pieces. A worker enters a phase,
 * takes pieces as long as there are some, first of a part of its own, then of the others', and
 * leaves; with the last one that leaves the phase is over, and everything in it done.
 *
 * Nobody waits for a worker that is not there: whose CPU is late finds phases over, and skips them.
 * Which worker does a piece changes no bit of it. What a phase writes may be read in the phases
 * behind it, and inside a phase only what no later one writes: a worker that is not inside may be
 * late by any number of phases.
 */
#ifndef ENGINE_SHARE_H
#define ENGINE_SHARE_H

#include <stdbool.h>
#include <stdint.h>

struct engine;

/*
 * One worker's part, on a cache line of its own. There are two counts, for phases in turn: who
 * leaves one as the last sets those of the next one back, which nobody has read since the phase
 * before.
 */
struct share_queue {
    uint32_t taken[2]; /* pieces, by whomever */
    uint32_t phase;    /* its owner's next one */
} __attribute__((aligned(64)));

/* Pieces first <= i < end. */
struct share_range {
    uint32_t first, end;
};

/* What a worker knows of a phase. */
struct share {
    struct engine *engine;
    uint32_t worker, phase;
    bool inside;          /* else it is over */
    uint32_t count, size; /* pieces, of all workers; that are taken at once */
    uint32_t helped;      /* workers whose part is given away, beginning with one's own */
};

/* Before a step, while no worker is at work. */
void share_reset(struct engine *engine);

/*
 * The next phase for `worker`, of `count` pieces: it enters, unless the phase is over. All workers
 * have the same phases, and end each before the next one.
 */
struct share share_begin(struct engine *engine, uint32_t worker, uint32_t count);

/* Some pieces to do, which nobody else is given; false: there are none left. */
bool share_take(struct share *share, struct share_range *range);

/* Leaves; returns when the phase is over. */
void share_end(const struct share *share);

#endif

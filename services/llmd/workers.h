/*
 * How many workers of a team a step is shared by: found by taking steps with each number. Of a
 * small model that is done at load, on tokens that mean nothing; else with the first steps that
 * somebody waits for. It is done again, always with such steps, as soon as steps take twice as long
 * as they did (a busy host takes CPUs away), and now and then (it may have given them back).
 */
#ifndef LLMD_WORKERS_H
#define LLMD_WORKERS_H

#include "engine/choice.h"
#include "engine/engine.h"

#include "metrics.h"

#define WORKERS_MAX     8u
#define WORKERS_BUCKETS 8u
#define WORKERS_QUICK   4000000u /* products of a step of a small model */

/* Trying: steps of about so many tokens, in rounds from one worker up. */
struct workers_trial {
    bool under_way;
    uint32_t bucket; /* WORKERS_BUCKETS: not known yet */
    uint32_t others; /* steps in a row that had another number of tokens */
    uint32_t most;   /* more than that are not worth it */
    uint32_t before; /* took part when it began */
    uint32_t round, steps;
    uint64_t ns;                    /* of these steps */
    uint64_t least_ns;              /* of this round, a step */
    uint64_t sums[WORKERS_MAX + 1]; /* a step with so many, of all rounds */
};

struct workers {
    struct engine *engine;
    uint32_t most, count; /* there are; take part */
    struct workers_trial trial;
    uint32_t steps;                     /* since the last trial */
    uint32_t patience;                  /* steps until the next one in any case */
    uint32_t slow;                      /* of them the newest took twice as long as usual */
    uint64_t usual_ns[WORKERS_BUCKETS]; /* of steps with about so many tokens; 0: not known */
    uint64_t trials;
    uint64_t measured_ns[WORKERS_MAX + 1]; /* a step with so many workers, the last time; 0: none */
};

/*
 * Of `most` workers, which the engine was opened with. With `now`, if the model is small and there
 * is memory for a sequence, steps are taken until the number is found; else the first steps find
 * it. The very first one, which counts for nothing since much is touched by it, is shared by two:
 * it is a long one, where a wait in between costs little.
 */
void workers_open(struct workers *workers, struct engine *engine, uint32_t most,
                  const struct engine_machine *machine, bool now);

/* A step of `tokens` took so long. The next one may be taken by another number of workers. */
void workers_stepped(struct workers *workers, uint32_t tokens, uint64_t ns);

/* For /metrics: the context is the struct workers. */
metrics_source workers_count;

#endif

/*
 * How many workers of a team a step is shared by: found by taking steps with each number, at load,
 * and again when steps take twice as long as they did (a busy host takes CPUs away), and now and
 * then (it may have given them back).
 */
#ifndef LLMD_WORKERS_H
#define LLMD_WORKERS_H

#include "engine/choice.h"
#include "engine/engine.h"

#include "metrics.h"

#define WORKERS_MAX     8u
#define WORKERS_BUCKETS 8u

struct workers {
    struct engine *engine;
    const struct engine_machine *machine; /* its clock */
    uint32_t most, count;                 /* there are; take part */
    uint32_t trying;                      /* while it measures */
    struct engine_sequence sequence;      /* that is measured with */
    float *logits;
    uint32_t steps;                     /* since the last measurement */
    uint32_t patience;                  /* steps until the next one in any case */
    uint32_t slow;                      /* of them the newest took twice as long as usual */
    uint64_t usual_ns[WORKERS_BUCKETS]; /* of steps with about so many tokens; 0: not known */
    uint64_t measurements;
    uint64_t measured_ns[WORKERS_MAX + 1]; /* a step with so many workers, the last time; 0: none */
};

/* Memory that workers_open needs. */
size_t workers_bytes(const struct engine *engine);

/*
 * Measures how many workers of `most`, which the engine was opened with, are best; now, or once a
 * few steps were taken. `memory` is workers_bytes long, aligned to ENGINE_ARENA_ALIGN, and stays.
 */
void workers_open(struct workers *workers, struct engine *engine, uint32_t most,
                  const struct engine_machine *machine, void *memory, bool now);

/* A step of `tokens` took so long. Measures anew where that is due. */
void workers_stepped(struct workers *workers, uint32_t tokens, uint64_t ns);

/* For /metrics: the context is the struct workers. */
metrics_source workers_count;

#endif

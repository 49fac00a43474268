/* What the files of the bench share. */
#ifndef LLM_BENCH_PRIVATE_H
#define LLM_BENCH_PRIVATE_H

#include "bench.h"

#include "engine/sampling.h"

#define BENCH_STREAMS 16u

struct bench_run {
    const struct bench_subject *subject;
    struct engine *engine;
    struct engine_profile profile;
    struct engine_sequence sequences[BENCH_STREAMS];
    float *logits[BENCH_STREAMS], *penalised;
    struct engine_candidate *candidates;
    uint32_t vocabulary, context, workers;
    uint64_t step_ns;
    struct engine_error *error;
};

static inline uint64_t
bench_now_ns(const struct bench_run *run)
{
    const struct engine_machine *machine = run->subject->machine;
    return machine->now_ns(machine->context);
}

void bench_say(const struct bench_run *run, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Memory for good; NULL, and the run's error says so: there is none. */
void *bench_take(struct bench_run *run, size_t count, size_t piece_bytes);

/* Steps by part: on average, and of the fastest one, since a busy host takes its CPUs away in
   between. (Not each part at its best: of a part that the others ended, the first worker sees
   nothing.) */
struct bench_parts {
    uint32_t steps;
    uint64_t sum_ns[ENGINE_PARTS], fastest_ns[ENGINE_PARTS];
};

/* A step that is measured, of `parts` one more. The status is the engine's. */
int bench_step(struct bench_run *run, const struct engine_item *items, uint32_t count,
               struct bench_parts *parts);

/* Says them, each line behind `what`, and how fast products were at best of `tokens` in a step. */
void bench_say_parts(const struct bench_run *run, const char *what, const struct bench_parts *parts,
                     uint32_t tokens);

/* Says how fast products are that go through all rows of a tensor, with so many vectors at once. */
int bench_products(struct bench_run *run);

#endif

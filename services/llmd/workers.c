/* Measuring, and when. */
#include "workers.h"

#define POSITIONS      8u        /* of the sequence that is measured with */
#define ROUNDS         2u        /* each number of workers in turn, so that noise meets all */
#define STEPS          3u        /* in a row */
#define LONG_STEP_NS   10000000u /* of such steps one is enough */
#define SLOW_STEPS     3u        /* in a row, twice as long as usual: something has changed */
#define STEPS_AT_LEAST 64u       /* between measurements for that */
#define STEPS_SOON     8u        /* to the first one */
#define STEPS_FIRST    512u      /* to the next one in any case: twice as many each time that ... */
#define STEPS_AT_MOST  16384u /* ... it finds nothing else, since it costs time where CPUs lack */

static uint64_t
now_ns(const struct workers *workers)
{
    return workers->machine->now_ns(workers->machine->context);
}

static size_t
sequence_bytes(const struct engine *engine)
{
    size_t bytes = engine_sequence_bytes(engine, POSITIONS);
    return (bytes + ENGINE_ARENA_ALIGN - 1) & ~(size_t)(ENGINE_ARENA_ALIGN - 1);
}

size_t
workers_bytes(const struct engine *engine)
{
    size_t bytes = engine_model_of(engine)->shape.vocabulary * sizeof(float);
    return sequence_bytes(engine) +
           ((bytes + ENGINE_ARENA_ALIGN - 1) & ~(size_t)(ENGINE_ARENA_ALIGN - 1));
}

/* The time of a step of one token. An error is met again by the next step that somebody waits for.
 */
static uint64_t
take_step(struct workers *workers)
{
    const uint32_t token = 1;
    const struct engine_item item = {&workers->sequence, &token, 1, workers->logits};
    uint64_t start = now_ns(workers);
    if (workers->sequence.position == POSITIONS)
        workers->sequence.position = 0;
    (void)engine_step(workers->engine, &item, 1, NULL);
    return now_ns(workers) - start;
}

/* The time of one of `steps` steps; of fewer, where they take longer than `limit_ns` each. */
static uint64_t
take_steps(struct workers *workers, uint32_t count, uint32_t steps, uint64_t limit_ns)
{
    uint64_t ns = 0;
    workers->trying = count;
    engine_set_workers(workers->engine, count);
    for (uint32_t i = 0; i < steps; i++) {
        ns += take_step(workers);
        if (ns / steps > limit_ns)
            return ns / (i + 1);
    }
    return ns / steps;
}

/*
 * One round, from one worker up. Where so many take twice as long as fewer did, there are more of
 * them than CPUs: the rest is not tried. Returns the greatest number that was worth it.
 */
static uint32_t
try_round(struct workers *workers, uint32_t most, uint32_t steps, uint64_t *sums)
{
    uint64_t least = UINT64_MAX;
    for (uint32_t count = 1; count <= most; count++) {
        uint64_t limit_ns = least == UINT64_MAX ? least : 2 * least;
        uint64_t ns = take_steps(workers, count, steps, limit_ns);
        sums[count] += ns;
        if (ns > limit_ns)
            return count - 1;
        least = ns < least ? ns : least;
    }
    return most;
}

/*
 * The fewest of those that pay: further ones have to save a fifth of the time. They cost calls of
 * the kernel, too, one or two a step each where they went to sleep between steps.
 */
static uint32_t
choose(const uint64_t *sums, uint32_t most)
{
    uint32_t best = 1;
    for (uint32_t count = 2; count <= most; count++)
        if (sums[count] + sums[count] / 4 < sums[best])
            best = count;
    return best;
}

static void
measure(struct workers *workers)
{
    uint64_t sums[WORKERS_MAX + 1] = {0};
    uint32_t most = workers->most, before = workers->count;
    (void)take_steps(workers, 1, 1, UINT64_MAX); /* what it reads is near from here on */
    bool is_long = take_steps(workers, 1, 1, UINT64_MAX) > LONG_STEP_NS;
    for (uint32_t round = 0; round < (is_long ? 1 : ROUNDS); round++)
        most = try_round(workers, most, is_long ? 1 : STEPS, sums);
    workers->count = choose(sums, most);
    for (uint32_t i = 1; i <= workers->most; i++)
        workers->measured_ns[i] = sums[i] / (is_long ? 1 : ROUNDS);
    for (uint32_t i = 0; i < WORKERS_BUCKETS; i++)
        workers->usual_ns[i] = 0;
    workers->steps = workers->slow = 0;
    workers->patience = workers->count != before ? STEPS_FIRST : 2 * workers->patience;
    if (workers->patience > STEPS_AT_MOST)
        workers->patience = STEPS_AT_MOST;
    workers->measurements++;
    engine_set_workers(workers->engine, workers->count);
}

void
workers_open(struct workers *workers, struct engine *engine, uint32_t most,
             const struct engine_machine *machine, void *memory, bool now)
{
    *workers = (struct workers){.engine = engine,
                                .machine = machine,
                                .most = most,
                                .count = 1,
                                .patience = now ? STEPS_FIRST : STEPS_SOON};
    workers->logits = (float *)(void *)((char *)memory + sequence_bytes(engine));
    engine_sequence_begin(&workers->sequence, POSITIONS, memory);
    if (most > 1 && now)
        measure(workers);
}

/* Steps of 1, 2, 3 to 4, 5 to 8 tokens, and so on. */
static uint32_t
bucket_of(uint32_t tokens)
{
    uint32_t bucket = 0;
    while (bucket + 1 < WORKERS_BUCKETS && 1u << bucket < tokens)
        bucket++;
    return bucket;
}

void
workers_stepped(struct workers *workers, uint32_t tokens, uint64_t ns)
{
    uint64_t *usual = &workers->usual_ns[bucket_of(tokens)];
    if (workers->most == 1)
        return;
    bool slow = *usual > 0 && ns > 2 * *usual;
    workers->slow = slow ? workers->slow + 1 : 0;
    workers->steps++;
    if (*usual == 0)
        *usual = ns;
    else if (!slow)
        *usual += ns / 8 - *usual / 8;
    bool lost_cpus = workers->count > 1 && workers->slow >= SLOW_STEPS;
    if ((lost_cpus && workers->steps >= STEPS_AT_LEAST) || workers->steps >= workers->patience)
        measure(workers);
}

void
workers_count(struct metrics_text *text, void *context)
{
    const struct workers *workers = context;
    metrics_put(text, "llmd_workers", "gauge", "CPUs that share a step", workers->count);
    metrics_put(text, "llmd_worker_measurements_total", "counter",
                "times that their number was looked for", workers->measurements);
    metrics_type(text, "llmd_worker_step_microseconds", "gauge",
                 "a step of one token, as measured last, by the number of workers");
    for (uint32_t i = 1; i <= workers->most; i++)
        metrics_add(text, "llmd_worker_step_microseconds{workers=\"%u\"} %llu\n", i,
                    (unsigned long long)(workers->measured_ns[i] / 1000));
}

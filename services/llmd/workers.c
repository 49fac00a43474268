/* Trying numbers of workers, and when. */
#include "workers.h"

#include <stdlib.h>

#define FIRST_COUNT   2u        /* of the first step, before anything is known */
#define POSITIONS     8u        /* of the sequence that steps are taken with at load */
#define ROUNDS        2u        /* each number in turn, so that noise meets all */
#define STEPS         3u        /* in a row */
#define LONG_STEP_NS  10000000u /* of such steps one round is enough */
#define OTHERS        4u     /* steps of another number of tokens in a row: now those are tried */
#define SLOW_STEPS    3u     /* in a row, twice as long as usual: something has changed */
#define STEPS_FIRST   512u   /* to the next trial in any case: twice as many each time that ... */
#define STEPS_AT_MOST 16384u /* ... it finds nothing else, since it costs time where CPUs lack */

static void
set_count(struct workers *workers, uint32_t count)
{
    workers->count = count;
    engine_set_workers(workers->engine, count);
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

/* --- A trial ---------------------------------------------------------------------------------- */

static void
begin_trial(struct workers *workers, uint32_t bucket, uint32_t before)
{
    workers->trial = (struct workers_trial){.under_way = true,
                                            .bucket = bucket,
                                            .most = workers->most,
                                            .before = before,
                                            .least_ns = UINT64_MAX};
    for (uint32_t i = 0; i <= WORKERS_MAX; i++)
        workers->measured_ns[i] = 0;
    set_count(workers, 1);
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
end_trial(struct workers *workers)
{
    const struct workers_trial *trial = &workers->trial;
    set_count(workers, choose(trial->sums, trial->most));
    for (uint32_t i = 0; i < WORKERS_BUCKETS; i++)
        workers->usual_ns[i] = 0;
    workers->steps = workers->slow = 0;
    workers->patience = workers->count != trial->before ? STEPS_FIRST : 2 * workers->patience;
    if (workers->patience > STEPS_AT_MOST)
        workers->patience = STEPS_AT_MOST;
    workers->trials++;
    workers->trial.under_way = false;
}

/*
 * Steps with this number are over, `ns` each. Where so many take twice as long as fewer did, there
 * are more of them than CPUs: the rest is not tried, and no more in the next round.
 */
static void
try_next(struct workers *workers, uint64_t ns)
{
    struct workers_trial *trial = &workers->trial;
    bool worse = trial->least_ns < UINT64_MAX && ns > 2 * trial->least_ns;
    trial->sums[workers->count] += ns;
    workers->measured_ns[workers->count] = ns;
    trial->least_ns = ns < trial->least_ns ? ns : trial->least_ns;
    trial->steps = 0;
    trial->ns = 0;
    if (worse)
        trial->most = workers->count - 1;
    if (!worse && workers->count < trial->most) {
        set_count(workers, workers->count + 1);
        return;
    }
    trial->round++;
    trial->least_ns = UINT64_MAX;
    set_count(workers, 1);
    if (trial->round == ROUNDS || trial->sums[1] > LONG_STEP_NS)
        end_trial(workers);
}

/* Of STEPS steps one that takes too long for all of them is enough. */
static void
try_step(struct workers *workers, uint32_t bucket, uint64_t ns)
{
    struct workers_trial *trial = &workers->trial;
    if (bucket != trial->bucket) {
        bool now_those = trial->bucket == WORKERS_BUCKETS || ++trial->others == OTHERS;
        if (now_those) /* this step is not counted: what it read is near from here on */
            begin_trial(workers, bucket, trial->before);
        return;
    }
    trial->others = 0;
    trial->ns += ns;
    trial->steps++;
    bool worse = trial->least_ns < UINT64_MAX && trial->ns / STEPS > 2 * trial->least_ns;
    if (trial->steps == STEPS || worse)
        try_next(workers, trial->ns / trial->steps);
}

/* --- Steps ------------------------------------------------------------------------------------ */

void
workers_stepped(struct workers *workers, uint32_t tokens, uint64_t ns)
{
    uint32_t bucket = bucket_of(tokens);
    uint64_t *usual = &workers->usual_ns[bucket];
    if (workers->most == 1)
        return;
    if (workers->trial.under_way) {
        try_step(workers, bucket, ns);
        return;
    }
    bool slow = *usual > 0 && ns > 2 * *usual;
    workers->slow = slow ? workers->slow + 1 : 0;
    workers->steps++;
    if (*usual == 0)
        *usual = ns;
    else if (!slow)
        *usual += ns / 8 - *usual / 8;
    bool lost_cpus = workers->count > 1 && workers->slow == SLOW_STEPS;
    if (lost_cpus || workers->steps >= workers->patience)
        begin_trial(workers, lost_cpus ? bucket : WORKERS_BUCKETS, workers->count);
}

/* At most so many: the rest of a model is small beside its matrices. */
static bool
is_quick(const struct engine_model *model)
{
    uint64_t products = 0;
    for (uint32_t i = 0; i < model->tensor_count; i++)
        products += (uint64_t)model->tensors[i].rows * model->tensors[i].columns;
    return products <= WORKERS_QUICK;
}

/* An error is met again by the next step that somebody waits for. */
static void
take_steps(struct workers *workers, const struct engine_machine *machine, void *memory,
           float *logits)
{
    struct engine_sequence sequence;
    const uint32_t token = 1;
    const struct engine_item item = {&sequence, &token, 1, logits};
    engine_sequence_begin(&sequence, POSITIONS, memory);
    while (workers->trial.under_way) {
        uint64_t start = machine->now_ns(machine->context);
        if (sequence.position == POSITIONS)
            sequence.position = 0;
        (void)engine_step(workers->engine, &item, 1, NULL);
        workers_stepped(workers, 1, machine->now_ns(machine->context) - start);
    }
}

void
workers_open(struct workers *workers, struct engine *engine, uint32_t most,
             const struct engine_machine *machine, bool now)
{
    const struct engine_model *model = engine_model_of(engine);
    *workers = (struct workers){.engine = engine, .most = most, .patience = STEPS_FIRST};
    begin_trial(workers, WORKERS_BUCKETS, 1);
    workers->trial.under_way = most > 1;
    if (most > 1)
        set_count(workers, FIRST_COUNT);
    if (most == 1 || !now || !is_quick(model))
        return;
    size_t bytes = engine_arena_round(engine_sequence_bytes(engine, POSITIONS));
    void *memory = aligned_alloc(ENGINE_ARENA_ALIGN, bytes);
    float *logits = malloc(model->shape.vocabulary * sizeof *logits);
    if (memory != NULL && logits != NULL)
        take_steps(workers, machine, memory, logits);
    free(memory);
    free(logits);
}

void
workers_count(struct metrics_text *text, void *context)
{
    const struct workers *workers = context;
    metrics_put(text, "llmd_workers", "gauge", "CPUs that share a step", workers->count);
    metrics_put(text, "llmd_worker_measurements_total", "counter",
                "times that their number was looked for", workers->trials);
    metrics_put(text, "llmd_worker_measurement_under_way", "gauge", "1: it is looked for now",
                workers->trial.under_way);
    metrics_type(text, "llmd_worker_step_microseconds", "gauge",
                 "a step, as measured last, by the number of workers");
    for (uint32_t i = 1; i <= workers->most; i++)
        metrics_add(text, "llmd_worker_step_microseconds{workers=\"%u\"} %llu\n", i,
                    (unsigned long long)(workers->measured_ns[i] / 1000));
}

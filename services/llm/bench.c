/* Steps on tokens that mean nothing. Numbers are printed as integers: the machine's printf knows
 * floats only where they are linked. */
#include "bench.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine/sampling.h"

#define PROMPT_TOKENS 104u
#define CHUNK_TOKENS  32u
#define START         128u
#define MEASURED      64u
#define STREAMS       16u
#define STREAM_STEPS  16u
#define DRAWS         20u

struct run {
    const struct bench_subject *subject;
    struct engine *engine;
    struct engine_profile profile;
    struct engine_sequence sequences[STREAMS];
    float *logits[STREAMS], *penalised;
    struct engine_candidate *candidates;
    uint32_t vocabulary, context, workers;
    uint64_t step_ns;
    struct engine_error *error;
};

static uint64_t
now_ns(const struct run *run)
{
    const struct engine_machine *machine = run->subject->machine;
    return machine->now_ns(machine->context);
}

static void __attribute__((format(printf, 2, 3)))
say(const struct run *run, const char *format, ...)
{
    char line[160];
    va_list list;
    va_start(list, format);
    (void)vsnprintf(line, sizeof line, format, list);
    va_end(list);
    run->subject->put(line);
}

/* "<workers>: <what>: <time>, <rate>". */
static void
say_rate(const struct run *run, const char *what, uint32_t tokens, uint64_t ns)
{
    uint64_t tenths = tokens * 10000000000ull / (ns + 1), ms10 = ns / 100000;
    say(run, "%u %s: %s: %u.%u ms, %u.%u tok/s", run->workers,
        run->workers == 1 ? "worker" : "workers", what, (unsigned)(ms10 / 10),
        (unsigned)(ms10 % 10), (unsigned)(tenths / 10), (unsigned)(tenths % 10));
}

static int
read_tokens(struct run *run, uint32_t count, float *logits)
{
    uint32_t tokens[CHUNK_TOKENS];
    struct engine_sequence *sequence = &run->sequences[0];
    for (uint32_t i = 0; i < count; i++)
        tokens[i] = (sequence->position + i) * 7919 % run->vocabulary;
    const struct engine_item item = {sequence, tokens, count, logits};
    return engine_step(run->engine, &item, 1, run->error);
}

static int
bench_prompt(struct run *run, uint32_t count)
{
    char what[64];
    uint64_t start = now_ns(run);
    run->sequences[0].position = 0;
    for (uint32_t left = count; left > 0;) {
        uint32_t chunk = left < CHUNK_TOKENS ? left : CHUNK_TOKENS;
        left -= chunk;
        int status = read_tokens(run, chunk, left == 0 ? run->logits[0] : NULL);
        if (status != ENGINE_OK)
            return status;
    }
    (void)snprintf(what, sizeof what, "prompt of %u tokens", count);
    say_rate(run, what, count, now_ns(run) - start);
    return ENGINE_OK;
}

/* The parts of a step, of `count` that were measured. */
static void
say_parts(const struct run *run, uint32_t count)
{
    static const char *const names[ENGINE_PARTS] = {
        "embedding", "query, key, value", "positions",  "attention", "output",
        "norms",     "gate and up",       "activation", "down",      "classifier"};
    uint64_t all = 1;
    for (int part = 0; part < ENGINE_PARTS; part++)
        all += run->profile.ns[part];
    for (int part = 0; part < ENGINE_PARTS; part++)
        say(run, "of a step: %-18s %6u us %3u %%", names[part],
            (unsigned)(run->profile.ns[part] / 1000 / count),
            (unsigned)(run->profile.ns[part] * 100 / all));
}

/* What the kernels did in parts of steps that are products of one kind, for `tokens` tokens. */
static void
say_products(const struct run *run, uint32_t tokens)
{
    const struct engine_shape *shape = &run->subject->model->shape;
    const uint64_t hidden = (uint64_t)shape->dim * shape->hidden * shape->layers * tokens,
                   words = (uint64_t)shape->dim * shape->vocabulary * tokens;
    const uint64_t down = hidden * 100 / (run->profile.ns[ENGINE_DOWN] + 1),
                   last = words * 100 / (run->profile.ns[ENGINE_CLASSIFIER] + 1);
    say(run, "of its products: down %u.%02u, classifier %u.%02u GMAC/s", (unsigned)(down / 100),
        (unsigned)(down % 100), (unsigned)(last / 100), (unsigned)(last % 100));
}

static int
bench_answer(struct run *run, uint32_t position, uint32_t count)
{
    char what[64];
    run->sequences[0].position = position;
    memset(run->profile.ns, 0, sizeof run->profile.ns);
    uint64_t start = now_ns(run);
    for (uint32_t i = 0; i < count; i++) {
        int status = read_tokens(run, 1, run->logits[0]);
        if (status != ENGINE_OK)
            return status;
        (void)engine_greedy(run->logits[0], run->vocabulary);
    }
    uint64_t ns = now_ns(run) - start;
    run->step_ns = ns / count;
    (void)snprintf(what, sizeof what, "%u tokens from position %u", count, position);
    say_rate(run, what, count, ns);
    say_parts(run, count);
    say_products(run, count);
    return ENGINE_OK;
}

/* All go on from what the first one holds. */
static int
bench_streams(struct run *run, uint32_t position)
{
    struct engine_item items[STREAMS];
    uint32_t tokens[STREAMS];
    char what[64];
    run->sequences[0].position = position;
    for (uint32_t i = 1; i < STREAMS; i++)
        engine_sequence_copy(run->engine, &run->sequences[i], &run->sequences[0], position);
    memset(run->profile.ns, 0, sizeof run->profile.ns);
    uint64_t start = now_ns(run);
    for (uint32_t n = 0; n < STREAM_STEPS; n++) {
        for (uint32_t i = 0; i < STREAMS; i++) {
            tokens[i] = (n * STREAMS + i) * 7919 % run->vocabulary;
            items[i] = (struct engine_item){&run->sequences[i], &tokens[i], 1, run->logits[i]};
        }
        int status = engine_step(run->engine, items, STREAMS, run->error);
        if (status != ENGINE_OK)
            return status;
    }
    (void)snprintf(what, sizeof what, "%u texts at once from position %u", STREAMS, position);
    say_rate(run, what, STREAMS * STREAM_STEPS, now_ns(run) - start);
    say_products(run, STREAMS * STREAM_STEPS);
    return ENGINE_OK;
}

static void
bench_choice(struct run *run, const char *what, const struct engine_sampling *sampling)
{
    struct engine_sampler sampler;
    uint64_t ns = 0;
    engine_sampler_begin(&sampler, sampling);
    for (uint32_t i = 0; i < DRAWS; i++) {
        memcpy(run->penalised, run->logits[0], run->vocabulary * sizeof(float));
        uint64_t start = now_ns(run);
        (void)engine_sample(&sampler, run->penalised, run->vocabulary, run->candidates);
        ns += now_ns(run) - start;
    }
    uint64_t tenths = ns * 1000 / DRAWS / (run->step_ns + 1);
    say(run, "choosing a word: %-20s %6u us, %u.%u %% of a step", what,
        (unsigned)(ns / DRAWS / 1000), (unsigned)(tenths / 10), (unsigned)(tenths % 10));
}

static void
bench_choices(struct run *run)
{
    bench_choice(run, "greedy", &(struct engine_sampling){.temperature = 0});
    bench_choice(run, "temperature 0.8", &(struct engine_sampling){.temperature = 0.8f});
    bench_choice(run, "and top_p 0.9",
                 &(struct engine_sampling){.temperature = 0.8f, .top_p = 0.9f});
    bench_choice(run, "and top_k 40", &(struct engine_sampling){.temperature = 0.8f, .top_k = 40});
}

static void
say_trials(const struct run *run)
{
    for (uint32_t i = 0; i < run->subject->trial_count; i++) {
        const struct engine_trial *trial = &run->subject->trials[i];
        uint64_t hundredths = trial->macs * 100 / (trial->time_ns + 1);
        if (trial->differs)
            say(run, "kernel %-16s %5u columns: differs from the scalar one, not used",
                trial->kernel->name, trial->columns);
        else
            say(run, "kernel %-16s %5u columns: %u.%02u GMAC/s%s (%u lanes, %u vectors at once)",
                trial->kernel->name, trial->columns, (unsigned)(hundredths / 100),
                (unsigned)(hundredths % 100), trial->chosen ? ", chosen" : "", trial->kernel->lanes,
                trial->kernel->vectors);
    }
}

static void *
take(struct run *run, size_t count, size_t piece_bytes)
{
    void *memory = run->subject->take(engine_arena_round(count * piece_bytes));
    if (memory == NULL)
        (void)engine_fail(run->error, ENGINE_E_SPACE, "llm: no memory to measure with");
    return memory;
}

/* The first time with an arena that only counts. */
static int
open_engine(struct run *run)
{
    const struct bench_subject *subject = run->subject;
    const struct engine_options options = {.context = run->context,
                                           .batch = CHUNK_TOKENS,
                                           .team = subject->team,
                                           .kernels = subject->kernels,
                                           .attention = subject->attention,
                                           .profile = &run->profile};
    struct engine_arena arena = {.base = NULL};
    int status =
        engine_open(&run->engine, subject->model, subject->source, &options, &arena, run->error);
    if (status != ENGINE_E_SPACE)
        return status;
    size_t bytes = engine_arena_round(arena.used_bytes);
    arena = (struct engine_arena){take(run, 1, bytes), bytes, 0};
    return arena.base == NULL ? ENGINE_E_SPACE
                              : engine_open(&run->engine, subject->model, subject->source, &options,
                                            &arena, run->error);
}

static int
open_run(struct run *run)
{
    int status = open_engine(run);
    if (status != ENGINE_OK)
        return status;
    size_t bytes = engine_sequence_bytes(run->engine, run->context);
    for (uint32_t i = 0; i < STREAMS; i++) {
        engine_sequence_begin(&run->sequences[i], run->context, take(run, 1, bytes));
        run->logits[i] = take(run, run->vocabulary, sizeof(float));
        if (run->sequences[i].memory == NULL || run->logits[i] == NULL)
            return ENGINE_E_SPACE;
        memset(run->sequences[i].memory, 0, bytes);
    }
    run->penalised = take(run, run->vocabulary, sizeof(float));
    run->candidates = take(run, run->vocabulary + run->vocabulary / 2 + 1, sizeof *run->candidates);
    return run->penalised != NULL && run->candidates != NULL ? ENGINE_OK : ENGINE_E_SPACE;
}

static int
bench_workers(struct run *run)
{
    uint32_t context = run->context, prompt = context < PROMPT_TOKENS ? context : PROMPT_TOKENS;
    uint32_t position = context >= START + MEASURED ? START : context / 2;
    uint32_t left = context - position;
    int status = bench_prompt(run, prompt);
    if (status == ENGINE_OK)
        status = bench_answer(run, position, left < MEASURED ? left : MEASURED);
    if (status == ENGINE_OK && left >= STREAM_STEPS)
        status = bench_streams(run, position);
    return status;
}

int
bench(const struct bench_subject *subject, struct engine_error *error)
{
    const struct engine_shape *shape = &subject->model->shape;
    uint32_t most = START + MEASURED, workers = subject->team != NULL ? subject->team->count : 1;
    struct run run = {
        .subject = subject,
        .profile = {.now_ns = subject->machine->now_ns, .context = subject->machine->context},
        .vocabulary = shape->vocabulary,
        .context = shape->context < most ? shape->context : most,
        .error = error};
    int status = open_run(&run);
    if (status != ENGINE_OK)
        return status;
    say_trials(&run);
    for (run.workers = 1; status == ENGINE_OK && run.workers <= workers; run.workers++) {
        engine_set_workers(run.engine, run.workers);
        status = bench_workers(&run);
        if (status == ENGINE_OK && run.workers == 1)
            bench_choices(&run);
    }
    return status;
}

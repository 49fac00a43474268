/* Steps on tokens that mean nothing. Numbers are printed as integers: the machine's printf knows
 * floats only where they are linked. */
#include "bench_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine/sampling.h"

#define PROMPT_TOKENS 104u
#define CHUNK_TOKENS  32u
#define START         128u
#define MEASURED      64u
#define STREAM_STEPS  16u
#define DRAWS         20u

void
bench_say(const struct bench_run *run, const char *format, ...)
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
say_rate(const struct bench_run *run, const char *what, uint32_t tokens, uint64_t ns)
{
    uint64_t tenths = tokens * 10000000000ull / (ns + 1), ms10 = ns / 100000;
    bench_say(run, "%u %s: %s: %u.%u ms, %u.%u tok/s", run->workers,
              run->workers == 1 ? "worker" : "workers", what, (unsigned)(ms10 / 10),
              (unsigned)(ms10 % 10), (unsigned)(tenths / 10), (unsigned)(tenths % 10));
}

static int
read_tokens(struct bench_run *run, uint32_t count, float *logits, struct bench_parts *parts)
{
    uint32_t tokens[CHUNK_TOKENS];
    struct engine_sequence *sequence = &run->sequences[0];
    for (uint32_t i = 0; i < count; i++)
        tokens[i] = (sequence->position + i) * 7919 % run->vocabulary;
    const struct engine_item item = {sequence, tokens, count, logits};
    return bench_step(run, &item, 1, parts);
}

static int
bench_prompt(struct bench_run *run, uint32_t count)
{
    char what[64];
    struct bench_parts parts = {0};
    uint64_t start = bench_now_ns(run);
    run->sequences[0].position = 0;
    for (uint32_t left = count; left > 0;) {
        uint32_t chunk = left < CHUNK_TOKENS ? left : CHUNK_TOKENS;
        left -= chunk;
        int status = read_tokens(run, chunk, left == 0 ? run->logits[0] : NULL, &parts);
        if (status != ENGINE_OK)
            return status;
    }
    (void)snprintf(what, sizeof what, "prompt of %u tokens", count);
    say_rate(run, what, count, bench_now_ns(run) - start);
    return ENGINE_OK;
}

static int
bench_answer(struct bench_run *run, uint32_t position, uint32_t count)
{
    char what[64];
    struct bench_parts parts = {0};
    run->sequences[0].position = position;
    uint64_t start = bench_now_ns(run);
    for (uint32_t i = 0; i < count; i++) {
        int status = read_tokens(run, 1, run->logits[0], &parts);
        if (status != ENGINE_OK)
            return status;
        (void)engine_greedy(run->logits[0], run->vocabulary);
    }
    uint64_t ns = bench_now_ns(run) - start;
    run->step_ns = ns / count;
    (void)snprintf(what, sizeof what, "%u tokens from position %u", count, position);
    say_rate(run, what, count, ns);
    bench_say_parts(run, "of a step", &parts, 1);
    return ENGINE_OK;
}

/* All go on from what the first one holds. */
static int
bench_streams(struct bench_run *run, uint32_t position)
{
    struct engine_item items[BENCH_STREAMS];
    uint32_t tokens[BENCH_STREAMS];
    char what[64];
    struct bench_parts parts = {0};
    run->sequences[0].position = position;
    for (uint32_t i = 1; i < BENCH_STREAMS; i++)
        engine_sequence_copy(run->engine, &run->sequences[i], &run->sequences[0], position);
    uint64_t start = bench_now_ns(run);
    for (uint32_t n = 0; n < STREAM_STEPS; n++) {
        for (uint32_t i = 0; i < BENCH_STREAMS; i++) {
            tokens[i] = (n * BENCH_STREAMS + i) * 7919 % run->vocabulary;
            items[i] = (struct engine_item){&run->sequences[i], &tokens[i], 1, run->logits[i]};
        }
        int status = bench_step(run, items, BENCH_STREAMS, &parts);
        if (status != ENGINE_OK)
            return status;
    }
    (void)snprintf(what, sizeof what, "%u texts at once from position %u", BENCH_STREAMS, position);
    say_rate(run, what, BENCH_STREAMS * STREAM_STEPS, bench_now_ns(run) - start);
    bench_say_parts(run, "of a step of 16", &parts, BENCH_STREAMS);
    return ENGINE_OK;
}

/* `sampling` may be NULL: how likely a word is. */
static void
bench_choice(struct bench_run *run, const char *what, const struct engine_sampling *sampling)
{
    struct engine_sampler sampler;
    uint64_t ns = 0;
    if (sampling != NULL)
        engine_sampler_begin(&sampler, sampling);
    for (uint32_t i = 0; i < DRAWS; i++) {
        memcpy(run->penalised, run->logits[0], run->vocabulary * sizeof(float));
        uint64_t start = bench_now_ns(run);
        if (sampling != NULL)
            (void)engine_sample(&sampler, run->penalised, run->vocabulary, run->candidates);
        else
            (void)engine_log_probability(run->penalised, run->vocabulary, 0);
        ns += bench_now_ns(run) - start;
    }
    uint64_t tenths = ns * 1000 / DRAWS / (run->step_ns + 1);
    bench_say(run, "choosing a word: %-20s %6u us, %u.%u %% of a step", what,
              (unsigned)(ns / DRAWS / 1000), (unsigned)(tenths / 10), (unsigned)(tenths % 10));
}

static void
bench_choices(struct bench_run *run)
{
    bench_choice(run, "greedy", &(struct engine_sampling){.temperature = 0});
    bench_choice(run, "temperature 0.8", &(struct engine_sampling){.temperature = 0.8f});
    bench_choice(run, "and top_p 0.9",
                 &(struct engine_sampling){.temperature = 0.8f, .top_p = 0.9f});
    bench_choice(run, "and top_k 40", &(struct engine_sampling){.temperature = 0.8f, .top_k = 40});
    bench_choice(run, "and its probability", NULL);
}

static void
say_trials(const struct bench_run *run)
{
    for (uint32_t i = 0; i < run->subject->trial_count; i++) {
        const struct engine_trial *trial = &run->subject->trials[i];
        uint64_t hundredths = trial->macs * 100 / (trial->time_ns + 1);
        if (trial->differs)
            bench_say(run, "kernel %-16s %5u columns: differs from the scalar one, not used",
                      trial->kernel->name, trial->columns);
        else
            bench_say(run,
                      "kernel %-16s %5u columns: %u.%02u GMAC/s%s (%u lanes, %u vectors at once)",
                      trial->kernel->name, trial->columns, (unsigned)(hundredths / 100),
                      (unsigned)(hundredths % 100), trial->chosen ? ", chosen" : "",
                      trial->kernel->lanes, trial->kernel->vectors);
    }
}

void *
bench_take(struct bench_run *run, size_t count, size_t piece_bytes)
{
    void *memory = run->subject->take(engine_arena_round(count * piece_bytes));
    if (memory == NULL)
        (void)engine_fail(run->error, ENGINE_E_SPACE, "llm: no memory to measure with");
    return memory;
}

/* The first time with an arena that only counts. */
static int
open_engine(struct bench_run *run)
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
    arena = (struct engine_arena){bench_take(run, 1, bytes), bytes, 0};
    return arena.base == NULL ? ENGINE_E_SPACE
                              : engine_open(&run->engine, subject->model, subject->source, &options,
                                            &arena, run->error);
}

static int
open_run(struct bench_run *run)
{
    int status = open_engine(run);
    if (status != ENGINE_OK)
        return status;
    size_t bytes = engine_sequence_bytes(run->engine, run->context);
    for (uint32_t i = 0; i < BENCH_STREAMS; i++) {
        engine_sequence_begin(&run->sequences[i], run->context, bench_take(run, 1, bytes));
        run->logits[i] = bench_take(run, run->vocabulary, sizeof(float));
        if (run->sequences[i].memory == NULL || run->logits[i] == NULL)
            return ENGINE_E_SPACE;
        memset(run->sequences[i].memory, 0, bytes);
    }
    run->penalised = bench_take(run, run->vocabulary, sizeof(float));
    run->candidates =
        bench_take(run, run->vocabulary + run->vocabulary / 2 + 1, sizeof *run->candidates);
    return run->penalised != NULL && run->candidates != NULL ? ENGINE_OK : ENGINE_E_SPACE;
}

static int
bench_workers(struct bench_run *run)
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
    struct bench_run run = {
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
        if (status == ENGINE_OK && run.workers == 1) {
            bench_choices(&run);
            status = bench_products(&run);
        }
    }
    return status;
}

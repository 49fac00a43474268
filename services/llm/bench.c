#include "complete.h"

#include <stdio.h>
#include <string.h>

#define PROMPT_TOKENS 104
#define CHUNK_TOKENS  32
#define START         128
#define MEASURED      64

/* An engine at work on tokens that mean nothing. */
struct run {
    struct engine *engine;
    struct engine_sequence sequence;
    const struct engine_machine *machine;
    struct engine_profile profile;
    uint32_t vocabulary;
    float *logits;
};

static uint64_t
now_ns(const struct run *run)
{
    return run->machine->now_ns(run->machine->context);
}

static int
read_tokens(struct run *run, uint32_t count, float *logits, struct engine_error *error)
{
    uint32_t tokens[CHUNK_TOKENS];
    for (uint32_t i = 0; i < count; i++)
        tokens[i] = (run->sequence.position + i) * 7919 % run->vocabulary;
    struct engine_item item = {&run->sequence, tokens, count, logits};
    return engine_step(run->engine, &item, 1, error);
}

static int
bench_prompt(struct run *run, uint32_t count, struct engine_error *error)
{
    uint64_t start = now_ns(run);
    for (uint32_t left = count; left > 0;) {
        uint32_t chunk = left < CHUNK_TOKENS ? left : CHUNK_TOKENS;
        left -= chunk;
        int status = read_tokens(run, chunk, left == 0 ? run->logits : NULL, error);
        if (status != ENGINE_OK)
            return status;
    }
    double seconds = (double)(now_ns(run) - start) * 1e-9;
    printf("prompt of %u tokens: %.0f ms, %.1f tok/s\n", count, seconds * 1e3, count / seconds);
    return ENGINE_OK;
}

/* The parts of a step, of `count` that were measured. */
static void
print_parts(const struct run *run, uint32_t count)
{
    static const char *const names[ENGINE_PARTS] = {
        "embedding", "query, key, value", "positions",  "attention", "output",
        "norms",     "gate and up",       "activation", "down",      "classifier"};
    for (int part = 0; part < ENGINE_PARTS; part++)
        printf("of a step: %-18s %6.0f us\n", names[part],
               (double)run->profile.ns[part] * 1e-3 / count);
}

static int
bench_answer(struct run *run, uint32_t position, uint32_t count, struct engine_error *error)
{
    run->sequence.position = position;
    memset(run->profile.ns, 0, sizeof run->profile.ns);
    uint64_t start = now_ns(run);
    for (uint32_t i = 0; i < count; i++) {
        int status = read_tokens(run, 1, run->logits, error);
        if (status != ENGINE_OK)
            return status;
        (void)engine_greedy(run->logits, run->vocabulary);
    }
    double seconds = (double)(now_ns(run) - start) * 1e-9;
    printf("%u tokens from position %u: %.0f ms, %.1f tok/s\n", count, position, seconds * 1e3,
           count / seconds);
    print_parts(run, count);
    return ENGINE_OK;
}

static void
print_trials(const struct loaded *loaded)
{
    for (uint32_t i = 0; i < loaded->trial_count; i++) {
        const struct engine_trial *trial = &loaded->trials[i];
        printf("kernel %-16s %5u columns: %s", trial->kernel->name, trial->columns,
               trial->differs ? "differs from the scalar one, not used\n" : "");
        if (!trial->differs)
            printf("%.2f GMAC/s%s\n", (double)trial->macs / (double)trial->time_ns,
                   trial->chosen ? ", chosen" : "");
    }
}

static int
open_run(struct run *run, const struct loaded *loaded, struct engine_arena *arena,
         struct engine_error *error)
{
    uint32_t context = loaded->model.shape.context;
    struct engine_options options = {.batch = CHUNK_TOKENS,
                                     .kernels = loaded->kernels,
                                     .attention = loaded->attention,
                                     .profile = &run->profile};
    int status = engine_open(&run->engine, &loaded->model, &loaded->source, &options, arena, error);
    if (status != ENGINE_OK)
        return status;
    void *memory = engine_arena_take(arena, 1, engine_sequence_bytes(run->engine, context));
    run->vocabulary = loaded->model.shape.vocabulary;
    run->logits = engine_arena_take(arena, run->vocabulary, sizeof *run->logits);
    if (memory == NULL || run->logits == NULL)
        return engine_fail(error, ENGINE_E_SPACE, "llm: no memory for a context of %u tokens",
                           context);
    engine_sequence_begin(&run->sequence, context, memory);
    return ENGINE_OK;
}

int
bench(const struct loaded *loaded, const struct engine_machine *machine, struct engine_arena *arena,
      struct engine_error *error)
{
    uint32_t context = loaded->model.shape.context;
    uint32_t prompt = context < PROMPT_TOKENS ? context : PROMPT_TOKENS;
    uint32_t position = context > START + MEASURED ? START : context / 2;
    struct run run = {.machine = machine,
                      .profile = {.now_ns = machine->now_ns, .context = machine->context}};
    print_trials(loaded);
    int status = open_run(&run, loaded, arena, error);
    if (status == ENGINE_OK)
        status = bench_prompt(&run, prompt, error);
    if (status == ENGINE_OK)
        status = bench_answer(&run, position,
                              context - position < MEASURED ? context - position : MEASURED, error);
    return status;
}

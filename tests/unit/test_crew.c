/* The hosted crew: every worker does its part of every job, and a model says the same with each. */
#include "crew_linux.h"
#include "workers.h"

#include <stdlib.h>
#include <string.h>

#include "random_model.h"
#include "tap.h"

#define JOBS        300u
#define PHASES      5u
#define STEPS       20u
#define VOCABULARY  300u
#define ARENA_BYTES ((size_t)32 << 20)

static struct crew crew;

/* What each worker did in each phase of a job. */
struct job {
    uint32_t done[PHASES][CREW_MAX];
    uint32_t workers;
    bool late; /* somebody was in the next phase before all had done this one */
};

static void
work(void *argument, uint32_t worker)
{
    struct job *job = argument;
    for (uint32_t phase = 0; phase < PHASES; phase++) {
        job->done[phase][worker]++;
        crew.team.barrier(crew.team.context, worker);
        for (uint32_t i = 0; i < job->workers; i++)
            if (__atomic_load_n(&job->done[phase][i], __ATOMIC_RELAXED) != 1)
                __atomic_store_n(&job->late, true, __ATOMIC_RELAXED);
    }
}

static void
open_crew(void)
{
    if (crew.team.count == 0)
        crew_open(&crew, 4, &crew_linux);
    CHECK_EQ(crew.team.count, 4);
}

static void
each_phase_is_over_for_all_before_the_next_one_begins(void)
{
    open_crew();
    for (uint32_t i = 0; i < JOBS; i++) {
        struct job job = {.workers = 1 + i % 4};
        crew.team.run(crew.team.context, job.workers, work, &job);
        CHECK(!job.late);
        for (uint32_t phase = 0; phase < PHASES; phase++)
            for (uint32_t worker = 0; worker < CREW_MAX; worker++)
                CHECK_EQ(job.done[phase][worker], worker < job.workers);
    }
}

/* A small model in Q8_0, its weights packed for the scalar kernel of integers. */
static struct engine *
open_engine(struct engine_arena *arena)
{
    static const struct random_shape shape = {64, 96, 2, 4, 2, VOCABULARY, 48, true};
    static const struct engine_machine machine = {.now_ns = NULL};
    static struct engine_model model;
    static struct engine_mapping mapping;
    static struct engine_source file_source, source;
    static struct engine_packed packed;
    struct engine_error error;
    struct engine *engine;
    size_t bytes;
    uint8_t *plain = random_model(&shape, 3, &bytes);
    uint8_t *quantised = random_model_quantised(plain, 32, &bytes);
    uint8_t *file = engine_arena_take(arena, 1, bytes);
    memcpy(file, quantised, bytes);
    free(quantised);
    free(plain);
    mapping = (struct engine_mapping){file, bytes};
    file_source = engine_mapping_source(&mapping);
    CHECK_EQ(engine_checkpoint_read(&model, file, bytes, bytes, arena, &error), 0);
    const struct engine_kernel **kernels =
        engine_arena_take(arena, model.tensor_count, sizeof *kernels);
    CHECK_EQ(engine_choose(&model, &machine, NULL, kernels, NULL, 0, arena) > 0, 1);
    CHECK_EQ(engine_pack(&packed, &model, &file_source, kernels, arena, &error), 0);
    source = engine_packed_source(&packed);
    const struct engine_options options = {.batch = 8,
                                           .team = &crew.team,
                                           .kernels = kernels,
                                           .attention = engine_attention_kernel(&model, kernels)};
    CHECK(options.attention != NULL);
    CHECK_EQ(engine_open(&engine, &model, &source, &options, arena, &error), 0);
    return engine;
}

/* Prompts and answers of two sequences, whose logits go to `logits`. */
static void
answer(struct engine *engine, uint32_t workers, struct engine_arena arena,
       float logits[STEPS][2][VOCABULARY])
{
    struct engine_sequence sequences[2];
    for (uint32_t s = 0; s < 2; s++)
        engine_sequence_begin(&sequences[s], 48,
                              engine_arena_take(&arena, 1, engine_sequence_bytes(engine, 48)));
    engine_set_workers(engine, workers);
    for (uint32_t i = 0; i < STEPS; i++) {
        const uint32_t tokens[] = {i * 7 % VOCABULARY, i * 11 % VOCABULARY, 5};
        const struct engine_item items[] = {{&sequences[0], tokens, 1, logits[i][0]},
                                            {&sequences[1], tokens + 1, 1 + i % 2, logits[i][1]}};
        CHECK_EQ(engine_step(engine, items, 2, NULL), 0);
    }
}

static void
results_are_the_same_bits_with_any_number_of_workers(void)
{
    static float alone[STEPS][2][VOCABULARY], shared[STEPS][2][VOCABULARY];
    struct engine_arena arena = {aligned_alloc(ENGINE_ARENA_ALIGN, ARENA_BYTES), ARENA_BYTES, 0};
    open_crew();
    struct engine *engine = open_engine(&arena);
    answer(engine, 1, arena, alone);
    for (uint32_t workers = 2; workers <= 4; workers++) {
        memset(shared, 0, sizeof shared);
        answer(engine, workers, arena, shared);
        CHECK_EQ(memcmp(alone, shared, sizeof alone), 0);
    }
    free(arena.base);
}

/* A clock that says that steps with so many workers take so long. */
static uint64_t time_ns, step_ns[5];
static struct workers workers;

static uint64_t
told_ns(void *unused)
{
    (void)unused;
    return time_ns += step_ns[workers.trying];
}

static const struct engine_machine told = {.now_ns = told_ns};

static void
step(uint32_t count, uint64_t ns)
{
    for (uint32_t i = 0; i < count; i++)
        workers_stepped(&workers, 1, ns);
}

static void
the_number_is_measured_and_measured_again_when_steps_get_slow(void)
{
    struct engine_arena arena = {aligned_alloc(ENGINE_ARENA_ALIGN, ARENA_BYTES), ARENA_BYTES, 0};
    open_crew();
    struct engine *engine = open_engine(&arena);
    void *memory = engine_arena_take(&arena, 1, workers_bytes(engine));
    memcpy(step_ns, (uint64_t[]){0, 1000, 600, 450, 449}, sizeof step_ns);
    workers_open(&workers, engine, 4, &told, memory, true);
    CHECK_EQ(workers.count, 3); /* four are not worth it */
    step(100, 450);
    CHECK_EQ(workers.measurements, 1);
    memcpy(step_ns, (uint64_t[]){0, 1000, 90000, 90000, 90000}, sizeof step_ns);
    step(2, 2000);
    CHECK_EQ(workers.count, 3); /* twice is chance */
    step(1, 2000);
    CHECK_EQ(workers.count, 1);
    CHECK_EQ(workers.measured_ns[3], 0); /* nobody waited for more once two were worse */
    step(300, 1000);
    CHECK_EQ(workers.measurements, 2);
    step(50, 9000); /* fewer than one cannot help */
    CHECK_EQ(workers.measurements, 2);
    memcpy(step_ns, (uint64_t[]){0, 1000, 600, 700, 800}, sizeof step_ns);
    step(500, 1000);
    CHECK_EQ(workers.count, 2); /* now and then it looks whether CPUs are back */
    free(arena.base);
}

static const struct tap_test tests[] = {
    TAP(each_phase_is_over_for_all_before_the_next_one_begins),
    TAP(results_are_the_same_bits_with_any_number_of_workers),
    TAP(the_number_is_measured_and_measured_again_when_steps_get_slow),
};
TAP_MAIN(tests)

/* The hosted crew: every worker does its part of every job, and a model says the same with each. */
#include "crew_linux.h"
#include "workers.h"

#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "random_model.h"
#include "tap.h"

#define JOBS        300u
#define STEPS       20u
#define VOCABULARY  300u
#define ARENA_BYTES ((size_t)32 << 20)

static struct crew crew;

/* What each worker did in a job. Workers but the first may come too late for it. */
struct job {
    uint32_t done[CREW_MAX], over;
};

static void
work(void *argument, uint32_t worker)
{
    struct job *job = argument;
    CHECK_EQ(__atomic_load_n(&job->over, __ATOMIC_RELAXED), 0);
    job->done[worker]++;
}

static void
open_crew(void)
{
    if (crew.team.count == 0)
        crew_open(&crew, 4, &crew_linux);
    CHECK_EQ(crew.team.count, 4);
}

static void
a_job_is_over_for_all_who_began_it_when_run_returns(void)
{
    static struct job jobs[JOBS];
    open_crew();
    for (uint32_t i = 0; i < JOBS; i++) {
        uint32_t workers = 1 + i % 4;
        crew.team.run(crew.team.context, workers, work, &jobs[i]);
        jobs[i].over = 1;
        CHECK_EQ(jobs[i].done[0], 1);
        for (uint32_t worker = 1; worker < CREW_MAX; worker++)
            CHECK(jobs[i].done[worker] <= (worker < workers));
    }
}

/* A system whose second worker, once it has begun, gets its CPU only when the first one waits. */
static struct crew stalled;
static sem_t has_cpu;
static uint32_t waits;

static void
count_wait(uint32_t *word, uint32_t value)
{
    if (value != 0) { /* not for work */
        waits++;
        CHECK_EQ(sem_post(&has_cpu), 0);
    }
    crew_linux.wait(word, value);
}

static void
work_late(void *argument, uint32_t worker)
{
    uint32_t *done = argument;
    if (worker == 0)
        while (__atomic_load_n(&done[2], __ATOMIC_ACQUIRE) == done[0])
            (void)sched_yield(); /* until the second one has begun */
    else {
        (void)__atomic_add_fetch(&done[2], 1, __ATOMIC_RELEASE);
        CHECK_EQ(sem_wait(&has_cpu), 0);
    }
    done[worker]++;
}

/* Were it to look for ever, no job would end. */
static void
who_waits_for_a_stalled_worker_gives_its_cpu_away_once(void)
{
    static struct crew_system system;
    system = (struct crew_system){crew_linux.start, count_wait, crew_linux.wake};
    uint32_t done[3] = {0};
    CHECK_EQ(sem_init(&has_cpu, 0, 0), 0);
    crew_open(&stalled, 2, &system);
    CHECK_EQ(stalled.team.count, 2);
    for (uint32_t i = 0; i < JOBS; i++)
        stalled.team.run(stalled.team.context, 2, work_late, done);
    CHECK_EQ(done[0], JOBS);
    CHECK_EQ(done[1], JOBS);
    CHECK_EQ(waits, JOBS);
}

/* One whose second worker never gets its CPU. */
static bool
start_nobody(uint32_t number, void *(*worker)(void *argument), void *argument)
{
    (void)number;
    (void)worker;
    (void)argument;
    return true;
}

static void
nobody_waits_for_a_worker_that_has_not_begun(void)
{
    static struct crew_system nobody;
    static struct crew absent;
    nobody = (struct crew_system){start_nobody, count_wait, crew_linux.wake};
    struct job job = {.over = 0};
    crew_open(&absent, 2, &nobody);
    waits = 0;
    for (uint32_t i = 0; i < JOBS; i++)
        absent.team.run(absent.team.context, 2, work, &job);
    CHECK_EQ(job.done[0], JOBS);
    CHECK_EQ(waits, 0);
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
        const struct engine_item items[] = {
            {&sequences[0], tokens, 1, logits[i][0]},
            {&sequences[1], tokens + 1, i < 16 ? 1 + i % 2 : 1, logits[i][1]}};
        CHECK_EQ(engine_step(engine, items + i / 16, 2 - i / 16, NULL), 0); /* at last one alone */
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
    return time_ns += step_ns[workers.count];
}

static const struct engine_machine told = {.now_ns = told_ns};

/* Workers of a model whose steps take that. */
static struct engine *
open_workers(struct engine_arena *arena, const uint64_t ns[5], bool now)
{
    arena->base = aligned_alloc(ENGINE_ARENA_ALIGN, ARENA_BYTES);
    arena->size_bytes = ARENA_BYTES;
    open_crew();
    struct engine *engine = open_engine(arena);
    memcpy(step_ns, ns, sizeof step_ns);
    workers_open(&workers, engine, 4, &told, now);
    return engine;
}

/* Steps of so many tokens that take `ns`, or (0) as long as their workers do. */
static void
step(uint32_t count, uint32_t tokens, uint64_t ns)
{
    for (uint32_t i = 0; i < count; i++)
        workers_stepped(&workers, tokens, ns > 0 ? ns : step_ns[workers.count]);
}

static void
of_a_small_model_the_number_is_found_at_load(void)
{
    struct engine_arena arena = {0};
    (void)open_workers(&arena, (uint64_t[]){0, 1000, 600, 450, 449}, true);
    CHECK_EQ(workers.trials, 1);
    CHECK_EQ(workers.count, 3); /* four are not worth it */
    CHECK_EQ(workers.measured_ns[4], 449);
    free(arena.base);
}

static void
of_others_the_first_steps_find_it(void)
{
    struct engine_arena arena = {0};
    struct engine *engine = open_workers(&arena, (uint64_t[]){0, 1000, 600, 450, 449}, false);
    CHECK_EQ(workers.trials, 0);
    CHECK_EQ(workers.count, 2);
    step(1, 32, 0);
    CHECK_EQ(workers.count, 1);
    step(3, 32, 0); /* a prompt */
    step(60, 1, 0);
    CHECK_EQ(workers.trials, 1);
    CHECK_EQ(workers.count, 3);
    /* No step is taken for nobody at load where the model is bigger. */
    struct engine_model *model = (struct engine_model *)(uintptr_t)engine_model_of(engine);
    ((struct engine_tensor *)(uintptr_t)model->tensors)->rows = WORKERS_QUICK;
    time_ns = 0;
    workers_open(&workers, engine, 4, &told, true);
    CHECK_EQ(time_ns, 0);
    free(arena.base);
}

static void
steps_of_other_sizes_do_not_disturb_what_is_tried(void)
{
    struct engine_arena arena = {0};
    (void)open_workers(&arena, (uint64_t[]){0, 1000, 600, 700, 800}, false);
    for (uint32_t i = 0; i < 40; i++) {
        step(2, 1, 0);
        step(1, 20, 1); /* a joining request's prompt */
    }
    CHECK_EQ(workers.trials, 1);
    CHECK_EQ(workers.count, 2);
    free(arena.base);
}

static void
it_is_looked_for_again_when_steps_get_slow_and_now_and_then(void)
{
    struct engine_arena arena = {0};
    (void)open_workers(&arena, (uint64_t[]){0, 1000, 600, 450, 449}, true);
    step(100, 1, 450);
    CHECK_EQ(workers.trials, 1);
    memcpy(step_ns, (uint64_t[]){0, 1000, 90000, 90000, 90000}, sizeof step_ns);
    step(2, 1, 2000);
    CHECK_EQ(workers.count, 3); /* twice is chance */
    step(1, 1, 2000);
    CHECK_EQ(workers.count, 1); /* at once: what follows is tried from one on */
    step(20, 1, 0);
    CHECK_EQ(workers.trials, 2);
    CHECK_EQ(workers.count, 1);
    CHECK_EQ(workers.measured_ns[3], 0); /* nobody waited for more once two were worse */
    step(50, 1, 9000);                   /* fewer than one cannot help */
    CHECK_EQ(workers.trials, 2);
    memcpy(step_ns, (uint64_t[]){0, 1000, 600, 700, 800}, sizeof step_ns);
    step(500, 1, 0);
    CHECK_EQ(workers.count, 2); /* now and then it looks whether CPUs are back */
    free(arena.base);
}

/*
 * Four workers on a host with so many CPUs to spare. Each waits some forty times a step for the
 * slowest, for a host's time slice where that one has no CPU.
 */
#define ALONE_NS 4000000u
static uint64_t
host_ns(uint32_t count, uint32_t cpus)
{
    return ALONE_NS / count + (count > cpus ? 40 * 3000000u : 0);
}

/* The time that `steps` steps take, in those of one worker. */
static double
decode(uint32_t steps, uint32_t cpus)
{
    uint64_t ns = 0;
    for (uint32_t i = 0; i < steps; i++) {
        uint64_t step = host_ns(workers.count, cpus);
        ns += step;
        workers_stepped(&workers, 1, step);
    }
    return (double)ns / ALONE_NS / steps;
}

static void
a_busy_host_never_costs_more_than_half_of_what_one_worker_makes(void)
{
    struct engine_arena arena = {0};
    (void)open_workers(&arena, (uint64_t[5]){0}, false);
    (void)decode(100, 2);
    CHECK_EQ(workers.count, 2);
    CHECK(decode(1000, 2) < 0.6); /* two of four are worth it on two CPUs */
    for (uint32_t i = 0; i < 10; i++) {
        CHECK(decode(300, 1) < 2); /* busy loops beside it, for a second ... */
        CHECK_EQ(workers.count, 1);
        CHECK(decode(700, 2) < 1.1); /* ... and not */
    }
    CHECK(decode(20000, 1) < 1.1); /* for long */
    free(arena.base);
}

static const struct tap_test tests[] = {
    TAP(a_job_is_over_for_all_who_began_it_when_run_returns),
    TAP(results_are_the_same_bits_with_any_number_of_workers),
    TAP(who_waits_for_a_stalled_worker_gives_its_cpu_away_once),
    TAP(nobody_waits_for_a_worker_that_has_not_begun),
    TAP(of_a_small_model_the_number_is_found_at_load),
    TAP(of_others_the_first_steps_find_it),
    TAP(steps_of_other_sizes_do_not_disturb_what_is_tried),
    TAP(it_is_looked_for_again_when_steps_get_slow_and_now_and_then),
    TAP(a_busy_host_never_costs_more_than_half_of_what_one_worker_makes),
};
TAP_MAIN(tests)

/*
 * The forward pass against the slow evaluation in tests/engine, steps and batches against each
 * other, and what a step refuses.
 */
#include "engine/batch.h"

#include <math.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "evaluate.h"
#include "random_model.h"
#include "tap.h"
#include "team.h"

#define LOGIT_ERROR_MAX 1e-3
#define ARENA_BYTES     ((size_t)64 << 20)

static const struct random_shape small = {48, 96, 3, 6, 2, 300, 32, true};

/* A model, an engine and a few sequences. */
struct setting {
    uint8_t *file;
    struct engine_model model;
    struct engine_mapping mapping;
    struct engine_source source;
    struct engine *engine;
    struct engine_arena arena;
    struct engine_error error;
    struct engine_options options;
};

static void
open_setting(struct setting *s, uint8_t *file, size_t bytes, uint32_t batch,
             const struct engine_team *team)
{
    *s = (struct setting){.file = file, .options = {.batch = batch, .team = team}};
    s->arena = (struct engine_arena){.base = aligned_alloc(ENGINE_ARENA_ALIGN, ARENA_BYTES),
                                     .size_bytes = ARENA_BYTES};
    CHECK_EQ(engine_checkpoint_read(&s->model, file, bytes, bytes, &s->arena, &s->error), 0);
    s->mapping = (struct engine_mapping){file, bytes};
    s->source = engine_mapping_source(&s->mapping);
    CHECK_EQ(engine_open(&s->engine, &s->model, &s->source, &s->options, &s->arena, &s->error), 0);
}

static void
open_random(struct setting *s, struct random_shape shape, uint32_t group, uint32_t batch,
            const struct engine_team *team)
{
    size_t bytes;
    uint8_t *file = random_model(&shape, 42, &bytes);
    if (group != 0) {
        uint8_t *quantised = random_model_quantised(file, group, &bytes);
        free(file);
        file = quantised;
    }
    open_setting(s, file, bytes, batch, team);
}

static void
close_setting(struct setting *s)
{
    free(s->file);
    free(s->arena.base);
}

static struct engine_sequence
new_sequence(struct setting *s, uint32_t context)
{
    struct engine_sequence sequence;
    void *memory = engine_arena_take(&s->arena, 1, engine_sequence_bytes(s->engine, context));
    CHECK(memory != NULL);
    engine_sequence_begin(&sequence, context, memory);
    return sequence;
}

static int
step_one(struct setting *s, struct engine_sequence *sequence, const uint32_t *tokens,
         uint32_t count, float *logits)
{
    struct engine_item item = {sequence, tokens, count, logits};
    return engine_step(s->engine, &item, 1, &s->error);
}

/* The greatest difference of logits over `count` tokens, one at a time. */
static double
logits_differ(struct random_shape shape, uint32_t group, uint32_t count, bool quantises)
{
    struct setting s;
    uint64_t state = 7;
    double most = 0;
    open_random(&s, shape, group, 1, NULL);
    struct engine_sequence sequence = new_sequence(&s, shape.context);
    struct evaluation *evaluation = evaluate_begin(s.file, quantises);
    float *logits = malloc(shape.vocabulary * sizeof *logits);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t token = tap_random(&state, shape.vocabulary);
        const double *expected = evaluate_token(evaluation, token);
        CHECK_EQ(step_one(&s, &sequence, &token, 1, logits), 0);
        for (uint32_t w = 0; w < shape.vocabulary; w++)
            most = fmax(most, fabs(logits[w] - expected[w]));
    }
    printf("# greatest difference of a logit: %g\n", most);
    free(logits);
    evaluate_end(evaluation);
    close_setting(&s);
    return most;
}

static void
logits_of_a_15m_shape_are_those_of_double_precision(void)
{
    CHECK(logits_differ(RANDOM_15M, 0, 6, false) < LOGIT_ERROR_MAX);
}

static void
logits_of_a_15m_shape_in_q8_are_those_of_double_precision(void)
{
    CHECK(logits_differ(RANDOM_15M, 32, 4, true) < LOGIT_ERROR_MAX);
}

static void
logits_with_shared_heads_and_an_untied_classifier_are_those_of_double_precision(void)
{
    CHECK(logits_differ(small, 0, small.context, false) < LOGIT_ERROR_MAX);
    CHECK(logits_differ(small, 16, small.context, true) < 5e-2);
}

static void
a_prompt_in_one_step_is_bit_for_bit_the_prompt_in_many(void)
{
    const uint32_t tokens[] = {1, 7, 299, 0, 12, 77, 9};
    float whole[300], single[300];
    for (uint32_t group = 0; group <= 16; group += 16) {
        struct setting s;
        open_random(&s, small, group, 7, NULL);
        struct engine_sequence a = new_sequence(&s, 32), b = new_sequence(&s, 9);
        CHECK_EQ(step_one(&s, &a, tokens, 7, whole), 0);
        for (int i = 0; i < 7; i++)
            CHECK_EQ(step_one(&s, &b, &tokens[i], 1, single), 0);
        CHECK_EQ(memcmp(whole, single, sizeof whole), 0);
        CHECK_EQ(a.position, 7);
        close_setting(&s);
    }
}

static void
sequences_in_one_step_do_not_see_each_other(void)
{
    const uint32_t left[] = {5, 6, 7}, right[] = {200, 201};
    float alone[300], together[300], other[300];
    struct setting s;
    open_random(&s, small, 16, 8, NULL);
    struct engine_sequence a = new_sequence(&s, 32), b = new_sequence(&s, 32);
    struct engine_sequence c = new_sequence(&s, 32);
    CHECK_EQ(step_one(&s, &a, left, 3, alone), 0);
    struct engine_item items[] = {{&b, right, 2, other}, {&c, left, 3, together}};
    CHECK_EQ(engine_step(s.engine, items, 2, &s.error), 0);
    CHECK_EQ(memcmp(alone, together, sizeof alone), 0);
    CHECK(memcmp(alone, other, sizeof alone) != 0);
    close_setting(&s);
}

static void
a_sequence_that_is_set_back_forgets(void)
{
    const uint32_t tokens[] = {5, 6, 7, 8};
    float before[300], after[300];
    struct setting s;
    open_random(&s, small, 0, 4, NULL);
    struct engine_sequence a = new_sequence(&s, 32);
    CHECK_EQ(step_one(&s, &a, tokens, 2, before), 0);
    CHECK_EQ(step_one(&s, &a, tokens + 2, 2, after), 0);
    a.position = 1;
    CHECK_EQ(step_one(&s, &a, tokens + 1, 1, after), 0);
    CHECK_EQ(memcmp(before, after, sizeof before), 0);
    close_setting(&s);
}

/* A prompt beside another sequence, then each goes on by one token, alone. */
static void
answer_with(const struct engine_team *team, uint32_t group, uint32_t kv_heads, float logits[4][300])
{
    const uint32_t tokens[] = {1, 2, 3, 4, 5}, other[] = {9, 8, 7};
    struct random_shape shape = small;
    struct setting s;
    shape.kv_heads = kv_heads;
    open_random(&s, shape, group, 8, team);
    struct engine_sequence a = new_sequence(&s, 32), b = new_sequence(&s, 32);
    struct engine_item items[] = {{&a, tokens, 5, logits[0]}, {&b, other, 2, logits[1]}};
    CHECK_EQ(engine_step(s.engine, items, 2, &s.error), 0);
    CHECK_EQ(step_one(&s, &a, other, 1, logits[2]), 0);
    CHECK_EQ(step_one(&s, &b, other + 2, 1, logits[3]), 0);
    close_setting(&s);
}

static void
results_do_not_depend_on_the_number_of_workers(void)
{
    static const uint32_t kv_heads[] = {1, 2, 6};
    float one[4][300], many[4][300];
    for (uint32_t i = 0; i < 6; i++) {
        answer_with(NULL, i / 3 * 16, kv_heads[i % 3], one);
        answer_with(&threads_team, i / 3 * 16, kv_heads[i % 3], many);
        CHECK_EQ(memcmp(one, many, sizeof one), 0);
    }
}

/* Two workers, of whom the second gets a CPU at some block of the first one's, or when that is
 * done. */
static struct late {
    sem_t has_cpu;
    uint32_t at;        /* that block; 0: when it is done */
    uint32_t blocks[2]; /* of rows that each asked for */
    uint32_t waits;
    const struct engine_source *mapped;
    void (*work)(void *argument, uint32_t worker);
    void *argument;
} late;

static void *
work_late(void *unused)
{
    (void)unused;
    CHECK_EQ(sem_wait(&late.has_cpu), 0);
    late.work(late.argument, 1);
    return NULL;
}

static void
run_late(void *context, uint32_t workers, void (*work)(void *, uint32_t), void *argument)
{
    pthread_t thread;
    (void)context;
    CHECK_EQ(workers, 2);
    late.work = work;
    late.argument = argument;
    CHECK_EQ(pthread_create(&thread, NULL, work_late, NULL), 0);
    work(argument, 0);
    if (late.at == 0)
        CHECK_EQ(sem_post(&late.has_cpu), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

static void
wait_late(void *context, uint32_t *word, uint32_t value)
{
    (void)__atomic_add_fetch(&late.waits, 1, __ATOMIC_RELAXED);
    threads_team.wait(context, word, value);
}

static bool
count_rows(void *context, uint32_t worker, const struct engine_tensor *tensor, uint32_t block,
           struct engine_rows *rows)
{
    (void)context;
    if (++late.blocks[worker] == late.at && worker == 0)
        CHECK_EQ(sem_post(&late.has_cpu), 0);
    return late.mapped->rows(late.mapped->context, worker, tensor, block, rows);
}

static void
open_late(struct setting *s, uint32_t group)
{
    static struct engine_team team;
    static const struct engine_source counting = {.rows = count_rows};
    team = (struct engine_team){NULL, 2, run_late, wait_late, threads_team.wake, NULL};
    CHECK_EQ(sem_init(&late.has_cpu, 0, 0), 0);
    open_random(s, small, group, 8, NULL);
    s->options.team = &team;
    late.mapped = &s->source;
    CHECK_EQ(engine_open(&s->engine, &s->model, &counting, &s->options, &s->arena, &s->error), 0);
}

/* Of each layer blocks in tensors of 16, 48 and 96 rows, and ten of the classifier. */
#define BLOCKS (3u * (2 + 1 + 1 + 2 + 3 + 3 + 2) + 10)

static void
a_step_waits_for_no_worker_that_is_not_there(void)
{
    const uint32_t tokens[] = {1, 2};
    float logits[300];
    struct setting s;
    open_late(&s, 16);
    struct engine_sequence a = new_sequence(&s, 32);
    for (uint32_t count = 1; count <= 2; count++) {
        late.at = late.waits = late.blocks[0] = late.blocks[1] = 0;
        CHECK_EQ(step_one(&s, &a, tokens, count, logits), 0);
        CHECK_EQ(late.blocks[0], BLOCKS + count);
        CHECK_EQ(late.blocks[1], count == 1); /* a single token's row each reads for itself */
        CHECK_EQ(late.waits, 0);
    }
    close_setting(&s);
}

static void
a_worker_that_comes_late_helps_with_what_is_left_and_changes_no_bit(void)
{
    const uint32_t token = 7;
    for (uint32_t i = 0; i < 2 * BLOCKS; i++) {
        float alone[300], helped[300];
        struct setting s;
        open_late(&s, i % 2 * 16);
        struct engine_sequence a = new_sequence(&s, 32), b = new_sequence(&s, 32);
        late.at = 1 + i / 2;
        late.blocks[0] = late.blocks[1] = 0;
        CHECK_EQ(step_one(&s, &a, &token, 1, helped), 0);
        CHECK_EQ(late.blocks[0] + late.blocks[1], BLOCKS + 2);
        s.options.team = NULL;
        CHECK_EQ(engine_open(&s.engine, &s.model, &s.source, &s.options, &s.arena, &s.error), 0);
        CHECK_EQ(step_one(&s, &b, &token, 1, alone), 0);
        CHECK_EQ(memcmp(alone, helped, sizeof alone), 0);
        close_setting(&s);
    }
}

static void
a_step_refuses_what_makes_no_sense(void)
{
    const uint32_t tokens[9] = {0}, foreign = 300;
    float logits[300];
    struct setting s;
    open_random(&s, small, 0, 8, NULL);
    struct engine_sequence a = new_sequence(&s, 4), too_long = a;
    too_long.context = 33;
    CHECK_EQ(step_one(&s, &a, tokens, 0, logits), ENGINE_E_ARGUMENT);
    CHECK_EQ(step_one(&s, &a, &foreign, 1, logits), ENGINE_E_ARGUMENT);
    CHECK_EQ(strcmp(s.error.text, "step: token 300 is none of the 300 words"), 0);
    CHECK_EQ(step_one(&s, &a, tokens, 5, logits), ENGINE_E_CONTEXT);
    CHECK_EQ(step_one(&s, &too_long, tokens, 1, logits), ENGINE_E_ARGUMENT);
    struct engine_sequence b = new_sequence(&s, 32);
    CHECK_EQ(step_one(&s, &b, tokens, 9, logits), ENGINE_E_ARGUMENT);
    CHECK_EQ(engine_step(s.engine, NULL, 0, &s.error), ENGINE_E_ARGUMENT);
    CHECK_EQ(a.position, 0);
    close_setting(&s);
}

static bool
lossy_rows(void *context, uint32_t worker, const struct engine_tensor *tensor, uint32_t block,
           struct engine_rows *rows)
{
    struct setting *s = context;
    struct engine_source whole = engine_mapping_source(&s->mapping);
    return tensor != s->model.layers[1].down &&
           whole.rows(whole.context, worker, tensor, block, rows);
}

static void
weights_that_are_lost_fail_the_step_and_move_nothing(void)
{
    const uint32_t token = 3;
    float logits[300];
    struct setting s;
    open_random(&s, small, 16, 1, NULL);
    struct engine_sequence a = new_sequence(&s, 32);
    s.source = (struct engine_source){&s, lossy_rows};
    CHECK_EQ(step_one(&s, &a, &token, 1, logits), ENGINE_E_WEIGHTS);
    CHECK_EQ(a.position, 0);
    s.source = engine_mapping_source(&s.mapping);
    CHECK_EQ(step_one(&s, &a, &token, 1, logits), 0);
    close_setting(&s);
}

/* How often rows were asked for, in all. */
static uint32_t rows_asked;

static bool
counted_rows(void *context, uint32_t worker, const struct engine_tensor *tensor, uint32_t block,
             struct engine_rows *rows)
{
    struct setting *s = context;
    const struct engine_source mapped = engine_mapping_source(&s->mapping);
    rows_asked++;
    return mapped.rows(mapped.context, worker, tensor, block, rows);
}

/* But for the row of the embedding, which each token has of its own. */
static void
weights_are_read_once_in_a_step_for_all_that_share_it(void)
{
    const uint32_t tokens[] = {3, 1, 7, 12};
    float logits[4][300];
    struct setting s;
    struct engine_sequence sequences[4];
    struct engine_item items[4];
    open_random(&s, small, 16, 16, NULL);
    for (uint32_t i = 0; i < 4; i++) {
        sequences[i] = new_sequence(&s, 32);
        items[i] = (struct engine_item){&sequences[i], tokens, 1, logits[i]};
    }
    s.source = (struct engine_source){&s, counted_rows};
    rows_asked = 0;
    CHECK_EQ(engine_step(s.engine, items, 1, &s.error), 0);
    uint32_t of_one = rows_asked;
    CHECK(of_one > small.layers * 7);
    CHECK_EQ(engine_step(s.engine, items, 4, &s.error), 0);
    CHECK_EQ(rows_asked - of_one, of_one + 3);
    rows_asked = 0;
    items[0].count = 4; /* and of a prompt */
    CHECK_EQ(engine_step(s.engine, items, 1, &s.error), 0);
    CHECK_EQ(rows_asked, of_one + 3);
    close_setting(&s);
}

static uint32_t steps_counted;

static void
count_step(void *context)
{
    (void)context;
    steps_counted++;
}

static void
do_nothing(void *argument, uint32_t worker)
{
    (void)argument;
    (void)worker;
}

/* Whoever shares other work with the team takes no step by that. */
static void
steps_are_counted_where_they_are_made(void)
{
    const uint32_t tokens[] = {3, 1};
    float logits[300];
    struct engine_team team = threads_team;
    struct setting s;
    team.stepped = count_step;
    steps_counted = 0;
    open_random(&s, small, 16, 4, &team);
    struct engine_sequence a = new_sequence(&s, 32);
    engine_share(s.engine, do_nothing, NULL);
    CHECK_EQ(steps_counted, 0);
    CHECK_EQ(step_one(&s, &a, tokens, 2, logits), 0);
    CHECK_EQ(step_one(&s, &a, tokens, 1, logits), 0);
    CHECK_EQ(steps_counted, 2);
    CHECK_EQ(step_one(&s, &a, tokens, 0, logits), ENGINE_E_ARGUMENT);
    CHECK_EQ(steps_counted, 2);
    close_setting(&s);
}

static void
an_arena_that_counts_tells_what_is_needed(void)
{
    struct setting s;
    struct engine *engine;
    open_random(&s, small, 16, 4, NULL);
    struct engine_arena counting = {.base = NULL};
    CHECK_EQ(engine_open(&engine, &s.model, &s.source, &s.options, &counting, &s.error),
             ENGINE_E_SPACE);
    for (int missing = 1; missing >= 0; missing--) {
        size_t bytes = counting.used_bytes - (size_t)missing;
        struct engine_arena exact = {.size_bytes = bytes};
        exact.base = aligned_alloc(ENGINE_ARENA_ALIGN, (bytes + 63) / 64 * 64);
        int status = engine_open(&engine, &s.model, &s.source, &s.options, &exact, &s.error);
        CHECK_EQ(status, missing ? ENGINE_E_SPACE : ENGINE_OK);
        free(exact.base);
    }
    close_setting(&s);
}

static void
an_engine_refuses_a_longer_context_than_the_model_has(void)
{
    struct setting s;
    struct engine *engine;
    open_random(&s, small, 0, 4, NULL);
    s.options.context = 33;
    CHECK_EQ(engine_open(&engine, &s.model, &s.source, &s.options, &s.arena, &s.error),
             ENGINE_E_ARGUMENT);
    s.options = (struct engine_options){.batch = ENGINE_DIM_MAX + 1};
    CHECK_EQ(engine_open(&engine, &s.model, &s.source, &s.options, &s.arena, &s.error),
             ENGINE_E_ARGUMENT);
    close_setting(&s);
}

static void
greedy_takes_the_first_of_the_greatest(void)
{
    const float logits[] = {-1, 3, 2, 3}, nothing[] = {NAN, NAN};
    CHECK_EQ(engine_greedy(logits, 4), 1);
    CHECK_EQ(engine_greedy(nothing, 2), 0);
}

static const struct tap_test tests[] = {
    TAP(logits_of_a_15m_shape_are_those_of_double_precision),
    TAP(logits_of_a_15m_shape_in_q8_are_those_of_double_precision),
    TAP(logits_with_shared_heads_and_an_untied_classifier_are_those_of_double_precision),
    TAP(a_prompt_in_one_step_is_bit_for_bit_the_prompt_in_many),
    TAP(sequences_in_one_step_do_not_see_each_other),
    TAP(a_sequence_that_is_set_back_forgets),
    TAP(results_do_not_depend_on_the_number_of_workers),
    TAP(a_step_waits_for_no_worker_that_is_not_there),
    TAP(a_worker_that_comes_late_helps_with_what_is_left_and_changes_no_bit),
    TAP(a_step_refuses_what_makes_no_sense),
    TAP(weights_that_are_lost_fail_the_step_and_move_nothing),
    TAP(weights_are_read_once_in_a_step_for_all_that_share_it),
    TAP(steps_are_counted_where_they_are_made),
    TAP(an_arena_that_counts_tells_what_is_needed),
    TAP(an_engine_refuses_a_longer_context_than_the_model_has),
    TAP(greedy_takes_the_first_of_the_greatest),
};
TAP_MAIN(tests)

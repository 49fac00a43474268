/* Continuous batching: each request gets the answer that it would get alone, whatever joins it. */
#include "engine/batch.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "random_model.h"
#include "team.h"
#include "tap.h"

#define VOCABULARY   300
#define CONTEXT      48
#define REQUESTS_MAX 6
#define ARENA_BYTES  ((size_t)32 << 20)
#define NO_WORD      UINT32_MAX

static const struct random_shape shape = {48, 96, 2, 6, 2, VOCABULARY, CONTEXT, true};

static uint8_t *file;
static struct engine_model model;
static struct engine_mapping mapping;
static struct engine_source source;
static struct engine *engine;
static const struct engine_team *team; /* that the next engine has */
static struct engine_batch batch;
static struct engine_arena arena;
static struct engine_error error;

/* A request and the answer that it has got so far. */
struct client {
    struct engine_request request;
    uint32_t prompt[CONTEXT];
    uint32_t answer[CONTEXT + 1];
};

static void
begin(uint32_t requests_max, uint32_t tokens_max)
{
    size_t bytes;
    free(file);
    free(arena.base);
    file = random_model(&shape, 5, &bytes);
    arena = (struct engine_arena){.base = aligned_alloc(ENGINE_ARENA_ALIGN, ARENA_BYTES),
                                  .size_bytes = ARENA_BYTES};
    struct engine_options options = {.batch = tokens_max, .team = team};
    mapping = (struct engine_mapping){file, bytes};
    source = engine_mapping_source(&mapping);
    CHECK_EQ(engine_checkpoint_read(&model, file, bytes, bytes, &arena, &error), 0);
    CHECK_EQ(engine_open(&engine, &model, &source, &options, &arena, &error), 0);
    CHECK_EQ(engine_batch_open(&batch, engine, requests_max, tokens_max, &arena, &error), 0);
}

static void
make_client(struct client *client, uint64_t seed, uint32_t prompt_count, uint32_t tokens_max)
{
    memset(client, 0, sizeof *client);
    for (uint32_t i = 0; i < prompt_count; i++)
        client->prompt[i] = tap_random(&seed, VOCABULARY);
    struct engine_request *request = &client->request;
    void *memory = engine_arena_take(&arena, 1, engine_sequence_bytes(engine, CONTEXT));
    engine_sequence_begin(&request->sequence, CONTEXT, memory);
    request->logits = engine_arena_take(&arena, VOCABULARY, sizeof(float));
    CHECK(request->logits != NULL);
    request->prompt = client->prompt;
    request->prompt_count = prompt_count;
    request->tokens_max = tokens_max;
    request->begin = request->end = NO_WORD;
    if (seed % 2 == 0) /* every other one is drawn */
        request->sampling = (struct engine_sampling){.temperature = 1.5f, .seed = seed};
}

static void
take_token(struct client *client)
{
    const struct engine_request *request = &client->request;
    if (request->fresh)
        client->answer[request->generated - 1] = request->token;
}

static void
run_alone(struct client *client)
{
    CHECK_EQ(engine_batch_add(&batch, &client->request, &error), 0);
    while (client->request.finish == ENGINE_RUNNING) {
        CHECK_EQ(engine_batch_step(&batch, &error), 0);
        take_token(client);
    }
    CHECK_EQ(batch.count, 0);
}

static void
a_request_gets_as_many_tokens_as_it_asked_for(void)
{
    struct client client;
    begin(1, 4);
    make_client(&client, 1, 7, 9);
    run_alone(&client);
    CHECK_EQ(client.request.finish, ENGINE_FINISH_LENGTH);
    CHECK_EQ(client.request.generated, 9);
    CHECK_EQ(client.request.sequence.position, 7 + 8);
}

static void
a_full_context_ends_the_answer_and_says_so(void)
{
    struct client client;
    begin(1, 8);
    make_client(&client, 1, 40, 100);
    run_alone(&client);
    CHECK_EQ(client.request.finish, ENGINE_FINISH_CONTEXT);
    CHECK_EQ(client.request.generated, CONTEXT - 40 + 1);
}

static void
the_words_that_end_a_text_end_the_answer(void)
{
    struct client first, second;
    begin(1, 8);
    make_client(&first, 1, 5, 6);
    run_alone(&first);
    uint32_t stop = 1;
    while (stop < 5 && memchr(first.answer, (int)first.answer[stop], stop) != NULL)
        stop++;
    const uint32_t others[] = {NO_WORD, first.answer[stop]};
    for (uint32_t other = 0; other < 2; other++) {
        make_client(&second, 1, 5, 6);
        second.request.end = other ? NO_WORD : first.answer[stop];
        second.request.other_ends = others;
        second.request.other_end_count = 2 * other;
        run_alone(&second);
        CHECK_EQ(second.request.finish, ENGINE_FINISH_END);
        CHECK(second.request.generated <= stop);
        CHECK_EQ(memcmp(first.answer, second.answer, second.request.generated * 4), 0);
    }
}

/* A team whose workers begin together: none has done all before another one is there. */
struct start {
    void (*work)(void *argument, uint32_t worker);
    void *argument;
    pthread_barrier_t begin;
};

static void
start_work(void *argument, uint32_t worker)
{
    struct start *start = argument;
    (void)pthread_barrier_wait(&start->begin);
    start->work(start->argument, worker);
}

static void
run_together(void *context, uint32_t workers, void (*work)(void *, uint32_t), void *argument)
{
    struct start start = {.work = work, .argument = argument};
    CHECK_EQ(pthread_barrier_init(&start.begin, NULL, workers), 0);
    threads_team.run(context, workers, start_work, &start);
    CHECK_EQ(pthread_barrier_destroy(&start.begin), 0);
}

/* Workers choose for several requests at once, each with a place of its own for that. */
static void
whoever_chooses_the_choice_is_the_same(void)
{
    static struct client together[REQUESTS_MAX], alone;
    struct engine_team starting = threads_team;
    starting.run = run_together;
    team = &starting;
    begin(REQUESTS_MAX, 9);
    team = NULL;
    for (uint32_t i = 0; i < REQUESTS_MAX; i++) {
        make_client(&together[i], i + 1, 5, 20);
        together[i].request.with_log_probability = true;
        together[i].request.sampling.top_p = i % 3 ? 0.9f : 0;
        CHECK_EQ(engine_batch_add(&batch, &together[i].request, &error), 0);
    }
    while (batch.count > 0) {
        CHECK_EQ(engine_batch_step(&batch, &error), 0);
        for (uint32_t i = 0; i < REQUESTS_MAX; i++)
            take_token(&together[i]);
    }
    begin(1, 9);
    for (uint32_t i = 0; i < REQUESTS_MAX; i++) {
        make_client(&alone, i + 1, 5, 20);
        alone.request.with_log_probability = true;
        alone.request.sampling.top_p = i % 3 ? 0.9f : 0;
        run_alone(&alone);
        CHECK_EQ(memcmp(alone.answer, together[i].answer, sizeof alone.answer), 0);
        CHECK(alone.request.log_probability == together[i].request.log_probability);
    }
}

/* Requests join at different steps, with prompts longer than a step. */
static void
answers_do_not_depend_on_the_batch_around_them(void)
{
    struct client together[REQUESTS_MAX], alone;
    static const uint32_t prompts[REQUESTS_MAX] = {1, 30, 3, 17, 8, 20};
    static const uint32_t lengths[REQUESTS_MAX] = {20, 5, 30, 9, 1, 11};
    begin(REQUESTS_MAX, 9);
    for (uint32_t i = 0; i < REQUESTS_MAX; i++)
        make_client(&together[i], i + 1, prompts[i], lengths[i]);
    for (uint32_t step = 0; step < 2 * REQUESTS_MAX || batch.count > 0; step++) {
        if (step % 2 == 0 && step / 2 < REQUESTS_MAX)
            CHECK_EQ(engine_batch_add(&batch, &together[step / 2].request, &error), 0);
        CHECK_EQ(engine_batch_step(&batch, &error), 0);
        for (uint32_t i = 0; i <= step / 2 && i < REQUESTS_MAX; i++) {
            take_token(&together[i]);
            together[i].request.fresh = false;
        }
    }
    for (uint32_t i = 0; i < REQUESTS_MAX; i++) {
        make_client(&alone, i + 1, prompts[i], lengths[i]);
        run_alone(&alone);
        CHECK_EQ(together[i].request.generated, lengths[i]);
        CHECK_EQ(memcmp(alone.answer, together[i].answer, lengths[i] * 4), 0);
    }
}

static void
a_long_prompt_never_holds_up_who_is_being_answered(void)
{
    struct client answered, prompted;
    begin(2, 8);
    make_client(&answered, 1, 2, 20);
    make_client(&prompted, 2, 40, 5);
    CHECK_EQ(engine_batch_add(&batch, &prompted.request, &error), 0);
    CHECK_EQ(engine_batch_add(&batch, &answered.request, &error), 0);
    for (uint32_t step = 0; prompted.request.generated == 0; step++) {
        uint32_t before = answered.request.generated;
        CHECK_EQ(engine_batch_step(&batch, &error), 0);
        CHECK(step == 0 || answered.request.generated == before + 1);
    }
}

/* One that is answered, a long prompt and a short one that came behind it, in steps of 16. */
static void
the_piece_of_prompts_in_a_step_is_bounded_while_others_are_answered(void)
{
    struct client answered, longer, shorter;
    uint32_t steps = 0;
    begin(3, 16);
    make_client(&answered, 1, 2, 40);
    make_client(&longer, 2, 40, 5);
    make_client(&shorter, 3, 4, 5);
    CHECK_EQ(engine_batch_add(&batch, &answered.request, &error), 0);
    CHECK_EQ(engine_batch_step(&batch, &error), 0);
    CHECK_EQ(engine_batch_add(&batch, &longer.request, &error), 0);
    CHECK_EQ(engine_batch_add(&batch, &shorter.request, &error), 0);
    for (; longer.request.generated == 0; steps++) {
        uint32_t before = answered.request.generated;
        CHECK_EQ(engine_batch_step(&batch, &error), 0);
        CHECK_EQ(answered.request.generated, before + 1);
        CHECK(batch.tokens <= 2 + 4); /* tokens of answers, and a quarter of 16 */
        if (steps == 3)
            CHECK_EQ(shorter.request.generated, 1); /* it did not wait for the long one's end */
    }
    CHECK(steps <= 12);
}

static void
with_nobody_answered_prompts_take_all_of_a_step(void)
{
    struct client first, second, third;
    begin(3, 16);
    make_client(&first, 1, 40, 5);
    make_client(&second, 2, 30, 5);
    make_client(&third, 3, 1, 5);
    CHECK_EQ(engine_batch_add(&batch, &first.request, &error), 0);
    CHECK_EQ(engine_batch_add(&batch, &second.request, &error), 0);
    CHECK_EQ(engine_batch_add(&batch, &third.request, &error), 0);
    CHECK_EQ(engine_batch_step(&batch, &error), 0);
    CHECK_EQ(batch.tokens, 16);
    CHECK_EQ(first.request.prompt_done, 13); /* came first: half of the room and its share */
    CHECK_EQ(second.request.prompt_done, 2);
    CHECK_EQ(third.request.generated, 1);
}

/* What another sequence holds of the prompt, of any length, makes no difference. */
static void
a_prompt_whose_beginning_is_held_gets_the_same_answer(void)
{
    struct client alone, again, other;
    begin(2, 8);
    make_client(&alone, 6, 20, 12);
    alone.request.sampling.repetition_penalty = 1.3f;
    run_alone(&alone);
    for (uint32_t held = 1; held < 20; held++) {
        make_client(&other, 6, held + 1, 3); /* the same words */
        run_alone(&other);
        make_client(&again, 6, 20, 12);
        again.request.sampling = alone.request.sampling;
        engine_sequence_copy(engine, &again.request.sequence, &other.request.sequence, held);
        again.request.prompt_held = held;
        run_alone(&again);
        CHECK_EQ(memcmp(alone.answer, again.answer, sizeof alone.answer), 0);
        CHECK_EQ(memcmp(alone.request.logits, again.request.logits, VOCABULARY * sizeof(float)), 0);
    }
    make_client(&again, 6, 20, 12);
    again.request.prompt_held = 1;
    CHECK_EQ(engine_batch_add(&batch, &again.request, &error), ENGINE_E_ARGUMENT);
    CHECK_EQ(strcmp(error.text, "request: 1 of 20 tokens held in a sequence of 0"), 0);
}

static void
a_request_that_is_removed_leaves_the_others_alone(void)
{
    struct client stays, leaves, alone;
    begin(3, 8);
    make_client(&leaves, 3, 4, 30);
    make_client(&stays, 4, 4, 12);
    CHECK_EQ(engine_batch_add(&batch, &leaves.request, &error), 0);
    CHECK_EQ(engine_batch_add(&batch, &stays.request, &error), 0);
    for (int step = 0; stays.request.finish == ENGINE_RUNNING; step++) {
        if (step == 3)
            engine_batch_remove(&batch, &leaves.request);
        CHECK_EQ(engine_batch_step(&batch, &error), 0);
        take_token(&stays);
    }
    engine_batch_remove(&batch, &leaves.request);
    CHECK_EQ(leaves.request.generated, 3);
    CHECK_EQ(batch.count, 0);
    make_client(&alone, 4, 4, 12);
    run_alone(&alone);
    CHECK_EQ(memcmp(stays.answer, alone.answer, 12 * 4), 0);
}

static void
what_cannot_be_served_is_refused(void)
{
    struct client client, other;
    struct engine_batch refused;
    begin(1, 4);
    make_client(&client, 1, 0, 1);
    CHECK_EQ(engine_batch_add(&batch, &client.request, &error), ENGINE_E_ARGUMENT);
    make_client(&client, 1, 4, 0);
    CHECK_EQ(engine_batch_add(&batch, &client.request, &error), ENGINE_E_ARGUMENT);
    make_client(&client, 1, CONTEXT, 1);
    client.request.sequence.context = CONTEXT - 1;
    CHECK_EQ(engine_batch_add(&batch, &client.request, &error), ENGINE_E_CONTEXT);
    CHECK_EQ(strcmp(error.text, "request: a prompt of 48 tokens, with room for 47"), 0);
    make_client(&client, 1, 4, 4);
    make_client(&other, 1, 4, 4);
    CHECK_EQ(engine_batch_add(&batch, &client.request, &error), 0);
    CHECK_EQ(engine_batch_add(&batch, &other.request, &error), ENGINE_E_SPACE);
    CHECK_EQ(engine_batch_open(&refused, engine, 5, 4, &arena, &error), ENGINE_E_ARGUMENT);
    CHECK_EQ(engine_batch_open(&refused, engine, 0, 4, &arena, &error), ENGINE_E_ARGUMENT);
}

static bool
no_rows(void *context, uint32_t worker, const struct engine_tensor *tensor, uint32_t block,
        struct engine_rows *rows)
{
    (void)context;
    (void)worker;
    (void)tensor;
    (void)block;
    (void)rows;
    return false;
}

static void
a_step_that_fails_can_be_done_again(void)
{
    struct client client, alone;
    begin(1, 4);
    make_client(&alone, 1, 6, 5);
    run_alone(&alone);
    make_client(&client, 1, 6, 5);
    CHECK_EQ(engine_batch_add(&batch, &client.request, &error), 0);
    while (client.request.finish == ENGINE_RUNNING) {
        source.rows = no_rows;
        CHECK_EQ(engine_batch_step(&batch, &error), ENGINE_E_WEIGHTS);
        source = engine_mapping_source(&mapping);
        CHECK_EQ(engine_batch_step(&batch, &error), 0);
        take_token(&client);
    }
    CHECK_EQ(memcmp(client.answer, alone.answer, 5 * 4), 0);
}

static const struct tap_test tests[] = {
    TAP(a_request_gets_as_many_tokens_as_it_asked_for),
    TAP(a_full_context_ends_the_answer_and_says_so),
    TAP(the_words_that_end_a_text_end_the_answer),
    TAP(whoever_chooses_the_choice_is_the_same),
    TAP(answers_do_not_depend_on_the_batch_around_them),
    TAP(a_long_prompt_never_holds_up_who_is_being_answered),
    TAP(the_piece_of_prompts_in_a_step_is_bounded_while_others_are_answered),
    TAP(with_nobody_answered_prompts_take_all_of_a_step),
    TAP(a_prompt_whose_beginning_is_held_gets_the_same_answer),
    TAP(a_request_that_is_removed_leaves_the_others_alone),
    TAP(what_cannot_be_served_is_refused),
    TAP(a_step_that_fails_can_be_done_again),
};
TAP_MAIN(tests)

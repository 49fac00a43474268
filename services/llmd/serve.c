/* Who is answered: places, steps, and what each token becomes. */
#include "answer.h"
#include "room.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The model cannot be computed: everybody who waits for an answer learns it. */
static void
fail_all(struct serve *serve, unsigned status, const char *text)
{
    (void)snprintf(serve->error, sizeof(serve->error), "%s", text);
    serve->options.log(serve->error);
    for (uint32_t i = 0; i < answers_max(serve); i++) {
        struct serve_answer *answer = &serve->answers[i];
        if (answer->state == ANSWER_RUNNING && answer->request.finish == ENGINE_RUNNING)
            engine_batch_remove(&serve->batch, &answer->request);
        if (answer->state != ANSWER_FREE)
            answer_fail(serve, answer, status, text);
    }
}

/* --- The model -------------------------------------------------------------------------------- */

static bool
open_batch(struct serve *serve, struct engine_error *error)
{
    const struct serve_options *options = &serve->options;
    struct engine_arena count = {0};
    (void)engine_batch_open(&serve->batch, serve->engine, options->running_max,
                            options->step_tokens, &count, error);
    size_t bytes = engine_arena_round(count.used_bytes);
    serve->batch_memory = aligned_alloc(ENGINE_ARENA_ALIGN, bytes);
    for (unsigned stage = 0; serve->batch_memory == NULL && room_make(serve, &stage, bytes, true);)
        serve->batch_memory = aligned_alloc(ENGINE_ARENA_ALIGN, bytes);
    struct engine_arena arena = {.base = serve->batch_memory, .size_bytes = count.used_bytes};
    if (arena.base == NULL)
        (void)snprintf(error->text, sizeof(error->text), "no memory for steps: %zu bytes", bytes);
    return arena.base != NULL &&
           engine_batch_open(&serve->batch, serve->engine, options->running_max,
                             options->step_tokens, &arena, error) == ENGINE_OK;
}

bool
serve_open(struct serve *serve, const struct serve_options *options, struct engine_error *error)
{
    uint32_t answers = options->running_max + options->queued_max;
    *serve = (struct serve){.options = *options};
    prompt_cache_open(&serve->cache, options->cache_bytes_max,
                      options->memory != NULL ? options->memory->can_spare : NULL);
    serve->metrics.source[0].write = prompt_cache_count;
    serve->metrics.source[0].context = &serve->cache;
    serve->answers = calloc(answers, sizeof(serve->answers[0]));
    serve->places = calloc(options->running_max, sizeof(serve->places[0]));
    if (serve->answers == NULL || serve->places == NULL)
        (void)snprintf(error->text, sizeof(error->text), "no memory for %u answers", answers);
    return serve->answers != NULL && serve->places != NULL;
}

bool
serve_use(struct serve *serve, struct engine *engine, const struct engine_tokenizer *tokenizer,
          const char *description, struct engine_error *error)
{
    const struct engine_shape *shape = &engine_model_of(engine)->shape;
    serve->engine = engine;
    serve->tokenizer = tokenizer;
    serve->description = description;
    serve->error[0] = '\0';
    serve->no_place = false;
    serve->places_short = 0;
    if (room_has_place(serve))
        return open_batch(serve, error);
    (void)snprintf(error->text, sizeof(error->text), "no memory for an answer: %zu bytes",
                   engine_sequence_bytes(engine, shape->context));
    return false;
}

void
serve_lose(struct serve *serve, const char *why)
{
    fail_all(serve, 503, why);
    (void)prompt_cache_drop(&serve->cache);
    room_drop_places(serve);
    free(serve->batch_memory);
    serve->batch_memory = NULL;
    serve->engine = NULL;
}

/* --- Answers ---------------------------------------------------------------------------------- */

/* Nobody waits for it any more. */
static void
abandon(struct serve *serve, struct serve_answer *answer)
{
    if (answer->state == ANSWER_RUNNING && answer->request.finish == ENGINE_RUNNING)
        engine_batch_remove(&serve->batch, &answer->request);
    serve->metrics.answers_abandoned++;
    answer_free(serve, answer);
}

void
serve_forget(struct serve *serve, struct http_conn *conn)
{
    for (uint32_t i = 0; i < answers_max(serve); i++)
        if (serve->answers[i].state != ANSWER_FREE && serve->answers[i].conn == conn)
            abandon(serve, &serve->answers[i]);
}

static struct serve_answer *
oldest_queued(struct serve *serve)
{
    struct serve_answer *oldest = NULL;
    for (uint32_t i = 0; i < answers_max(serve); i++) {
        struct serve_answer *answer = &serve->answers[i];
        if (answer->state == ANSWER_QUEUED && (oldest == NULL || answer->arrival < oldest->arrival))
            oldest = answer;
    }
    return oldest;
}

static void
start(struct serve *serve, struct serve_answer *answer)
{
    struct engine_error error = {""};
    answer->place = serve->places[--serve->place_count];
    struct engine_request *request = &answer->request;
    request->logits = answer->place.logits;
    engine_sequence_begin(&request->sequence, engine_model_of(serve->engine)->shape.context,
                          answer->place.memory);
    request->prompt_held =
        prompt_cache_find(&serve->cache, serve->engine, answer->cache_key, request->prompt,
                          request->prompt_count, &request->sequence);
    answer->state = ANSWER_RUNNING;
    serve->queued--;
    serve->running++;
    if (engine_batch_add(&serve->batch, request, &error) != ENGINE_OK)
        answer_fail(serve, answer, 500, error.text);
}

/* Running ones whose client is gone leave; who waited longest takes a free place. */
static void
admit(struct serve *serve)
{
    for (uint32_t i = 0; i < answers_max(serve); i++)
        if (serve->answers[i].state != ANSWER_FREE && !http_is_wanted(serve->answers[i].conn)) {
            struct http_conn *conn = serve->answers[i].conn;
            abandon(serve, &serve->answers[i]);
            http_end(conn, "");
        }
    struct serve_answer *next;
    while ((next = oldest_queued(serve)) != NULL && room_has_place(serve))
        start(serve, next);
}

static void
note_time(struct serve *serve, struct serve_answer *answer)
{
    uint64_t now = serve->options.now_us();
    bool first = answer->request.generated == 1;
    histogram_add(first ? &serve->metrics.first_token : &serve->metrics.per_token,
                  now - answer->since_us);
    if (first)
        answer->first_us = now;
    answer->since_us = now;
    serve->metrics.tokens_generated++;
}

static bool
add_text(struct serve *serve, struct serve_answer *answer, const uint8_t *text, size_t bytes)
{
    bool added = answer_add_text(answer, text, bytes);
    for (unsigned stage = 0; !added && room_make(serve, &stage, bytes, true);)
        added = answer_add_text(answer, text, bytes);
    return added;
}

static void
take_token(struct serve *serve, struct serve_answer *answer)
{
    struct engine_request *request = &answer->request;
    if (request->fresh) {
        size_t bytes;
        const uint8_t *text =
            engine_decode(serve->tokenizer, request->previous, request->token, &bytes);
        note_time(serve, answer);
        if (answer->cache_key[0] != '\0')
            answer->tokens[request->prompt_count + request->generated - 1] = request->token;
        if (request->with_log_probability)
            answer->log_probability += (double)request->log_probability;
        if (!add_text(serve, answer, text, bytes)) {
            if (request->finish == ENGINE_RUNNING)
                engine_batch_remove(&serve->batch, request);
            answer_fail(serve, answer, 503, "no memory for the answer's text");
            return;
        }
    }
    request->fresh = false;
    if (request->generated > 0 || request->finish != ENGINE_RUNNING)
        answer_advance(serve, answer);
}

bool
serve_step(struct serve *serve)
{
    struct engine_error error = {""};
    admit(serve);
    if (serve->running == 0)
        return false;
    uint64_t start_us = serve->options.now_us();
    if (engine_batch_step(&serve->batch, &error) != ENGINE_OK) {
        fail_all(serve, 500, error.text);
        return false;
    }
    const char *lost = serve->options.lost != NULL ? serve->options.lost() : NULL;
    if (lost != NULL) {
        serve_lose(serve, lost);
        return false;
    }
    uint64_t step_us = serve->options.now_us() - start_us;
    for (uint32_t i = 0; i < answers_max(serve); i++)
        if (serve->answers[i].state == ANSWER_RUNNING)
            take_token(serve, &serve->answers[i]);
    if (serve->options.stepped != NULL && serve->batch.tokens > 0)
        serve->options.stepped(serve->batch.tokens, step_us);
    /* What is over and only waits for room in its connection is gone on with when that comes. */
    return serve->batch.count > 0 || (serve->queued > 0 && room_has_place(serve));
}

bool
serve_drain(struct serve *serve)
{
    serve->draining = true;
    return serve->running + serve->queued == 0;
}

/* Answers: from a request to tokens, from tokens to text. */
#include "serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_TYPE "text/plain; charset=utf-8"

static const char *const finish_names[] = {
    [ENGINE_RUNNING] = "error",
    [ENGINE_FINISH_END] = "end",
    [ENGINE_FINISH_LENGTH] = "length",
    [ENGINE_FINISH_CONTEXT] = "context",
};

/* --- Making it -------------------------------------------------------------------------------- */

static bool
make_places(struct serve *serve, const struct engine_shape *shape)
{
    size_t bytes = engine_sequence_bytes(serve->engine, shape->context);
    while (serve->place_count < serve->options.running_max) {
        struct serve_place *place = &serve->places[serve->place_count];
        place->memory = aligned_alloc(ENGINE_ARENA_ALIGN, bytes);
        place->logits = malloc(shape->vocabulary * sizeof(float));
        if (place->memory == NULL || place->logits == NULL)
            return false;
        serve->place_count++;
    }
    return true;
}

static bool
open_batch(struct serve *serve, struct engine_error *error)
{
    const struct serve_options *options = &serve->options;
    struct engine_arena count = {0};
    (void)engine_batch_open(&serve->batch, serve->engine, options->running_max,
                            options->step_tokens, &count, error);
    struct engine_arena arena = {.base = aligned_alloc(ENGINE_ARENA_ALIGN, count.used_bytes),
                                 .size_bytes = count.used_bytes};
    return arena.base != NULL &&
           engine_batch_open(&serve->batch, serve->engine, options->running_max,
                             options->step_tokens, &arena, error) == ENGINE_OK;
}

bool
serve_open(struct serve *serve, struct engine *engine, const struct engine_tokenizer *tokenizer,
           const struct serve_options *options, struct engine_error *error)
{
    const struct engine_shape *shape = &engine_model_of(engine)->shape;
    uint32_t answers = options->running_max + options->queued_max;
    *serve = (struct serve){.engine = engine, .tokenizer = tokenizer, .options = *options};
    serve->answers = calloc(answers, sizeof(serve->answers[0]));
    serve->places = calloc(options->running_max, sizeof(serve->places[0]));
    if (serve->answers == NULL || serve->places == NULL || !make_places(serve, shape)) {
        (void)snprintf(error->text, sizeof(error->text),
                       "no memory for %u answers at a time, %zu bytes each", options->running_max,
                       engine_sequence_bytes(engine, shape->context));
        return false;
    }
    return open_batch(serve, error);
}

/* --- Answers ---------------------------------------------------------------------------------- */

static uint32_t
answers_max(const struct serve *serve)
{
    return serve->options.running_max + serve->options.queued_max;
}

static void
free_answer(struct serve *serve, struct serve_answer *answer)
{
    if (answer->state == ANSWER_RUNNING) {
        serve->places[serve->place_count++] = answer->place;
        serve->running--;
    } else {
        serve->queued--;
    }
    free(answer->prompt);
    free(answer->text);
    *answer = (struct serve_answer){.state = ANSWER_FREE};
}

/* Nobody waits for it any more. */
static void
abandon(struct serve *serve, struct serve_answer *answer)
{
    if (answer->state == ANSWER_RUNNING && answer->request.finish == ENGINE_RUNNING)
        engine_batch_remove(&serve->batch, &answer->request);
    serve->metrics.answers_abandoned++;
    free_answer(serve, answer);
}

void
serve_forget(struct serve *serve, struct http_conn *conn)
{
    for (uint32_t i = 0; i < answers_max(serve); i++)
        if (serve->answers[i].state != ANSWER_FREE && serve->answers[i].conn == conn)
            abandon(serve, &serve->answers[i]);
}

static void
begin_response(struct serve_answer *answer)
{
    if (!answer->begun)
        http_begin(answer->conn, 200, TEXT_TYPE, "Trailer: Finish-Reason\r\n");
    answer->begun = true;
}

/* The first `bytes` of the text, as far as the connection has room for them; whether that was all.
 */
static bool
give_text(struct serve_answer *answer, size_t bytes)
{
    size_t given = 0;
    while (given < bytes) {
        size_t part = bytes - given < HTTP_CHUNK_MAX ? bytes - given : HTTP_CHUNK_MAX;
        if (!http_write(answer->conn, answer->text + given, part))
            break;
        given += part;
    }
    if (given > 0)
        memmove(answer->text, answer->text + given, answer->text_bytes - given);
    answer->text_bytes -= given;
    return given == bytes;
}

/* Bytes at the end that begin a character which is not complete: at most 3 (RFC 3629 §3). */
static size_t
incomplete(const char *text, size_t bytes)
{
    for (size_t back = 1; back <= 3 && back <= bytes; back++) {
        unsigned char byte = (unsigned char)text[bytes - back];
        if (byte >= 0xc0) {
            size_t length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
            return length > back ? back : 0;
        }
        if (byte < 0x80)
            return 0;
    }
    return 0;
}

static void
log_answer(const struct serve *serve, const struct serve_answer *answer)
{
    char line[160];
    const struct engine_request *request = &answer->request;
    uint64_t us = answer->since_us - answer->first_us;
    bool several = request->generated > 1 && us > 0;
    uint64_t rate = several ? (request->generated - 1) * 10000000ull / us : 0;
    (void)snprintf(
        line, sizeof(line),
        "llmd: %u tokens after a prompt of %u, first after %llu ms, %llu.%llu tok/s (%s)",
        request->generated, request->prompt_count,
        (unsigned long long)((answer->first_us - answer->arrival_us) / 1000),
        (unsigned long long)(rate / 10), (unsigned long long)(rate % 10),
        finish_names[request->finish]);
    serve->options.log(line);
}

/*
 * Text that is complete goes out; the end of the answer, too, once all of it is out. The beginning
 * of a character that never came is dropped with it.
 */
static void
advance(struct serve *serve, struct serve_answer *answer)
{
    char trailer[48];
    begin_response(answer);
    size_t held = incomplete(answer->text, answer->text_bytes);
    if (!give_text(answer, answer->text_bytes - held) || answer->request.finish == ENGINE_RUNNING)
        return;
    (void)snprintf(trailer, sizeof(trailer), "Finish-Reason: %s\r\n",
                   finish_names[answer->request.finish]);
    log_answer(serve, answer);
    http_end(answer->conn, trailer);
    free_answer(serve, answer);
}

/* --- Steps ------------------------------------------------------------------------------------ */

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

/* The connection's answer fails: an error if its response has not begun, else its end. */
static void
fail(struct serve *serve, struct serve_answer *answer, const char *text)
{
    struct http_conn *conn = answer->conn;
    if (answer->begun) {
        conn->last = true; /* cut off: the chunks do not end */
        conn->chunked = false;
        http_end(conn, "");
    } else {
        http_refuse(conn, 500, "", text);
    }
    free_answer(serve, answer);
}

static void
start(struct serve *serve, struct serve_answer *answer)
{
    struct engine_error error = {""};
    answer->place = serve->places[--serve->place_count];
    answer->request.logits = answer->place.logits;
    engine_sequence_begin(&answer->request.sequence, engine_model_of(serve->engine)->shape.context,
                          answer->place.memory);
    answer->state = ANSWER_RUNNING;
    serve->queued--;
    serve->running++;
    if (engine_batch_add(&serve->batch, &answer->request, &error) != ENGINE_OK)
        fail(serve, answer, error.text);
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
    while (serve->place_count > 0 && (next = oldest_queued(serve)) != NULL)
        start(serve, next);
}

static bool
add_text(struct serve_answer *answer, const uint8_t *bytes, size_t count)
{
    if (answer->text_bytes + count > answer->text_room) {
        size_t grown = 2 * (answer->text_bytes + count);
        char *text = realloc(answer->text, grown);
        if (text == NULL)
            return false;
        answer->text = text;
        answer->text_room = grown;
    }
    memcpy(answer->text + answer->text_bytes, bytes, count);
    answer->text_bytes += count;
    return true;
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

static void
take_token(struct serve *serve, struct serve_answer *answer)
{
    struct engine_request *request = &answer->request;
    if (request->fresh) {
        size_t bytes;
        const uint8_t *text =
            engine_decode(serve->tokenizer, request->previous, request->token, &bytes);
        note_time(serve, answer);
        if (!add_text(answer, text, bytes)) {
            if (request->finish == ENGINE_RUNNING)
                engine_batch_remove(&serve->batch, request);
            fail(serve, answer, "no memory for the answer's text");
            return;
        }
    }
    request->fresh = false;
    if (request->generated > 0 || request->finish != ENGINE_RUNNING)
        advance(serve, answer);
}

/* The model cannot be computed any more: everybody who is being answered learns it. */
static void
fail_all(struct serve *serve, const char *text)
{
    (void)snprintf(serve->error, sizeof(serve->error), "%s", text);
    serve->options.log(serve->error);
    for (uint32_t i = 0; i < answers_max(serve); i++) {
        struct serve_answer *answer = &serve->answers[i];
        if (answer->state == ANSWER_RUNNING) {
            if (answer->request.finish == ENGINE_RUNNING)
                engine_batch_remove(&serve->batch, &answer->request);
            fail(serve, answer, text);
        }
    }
}

bool
serve_step(struct serve *serve)
{
    struct engine_error error = {""};
    admit(serve);
    if (serve->running == 0)
        return false;
    if (engine_batch_step(&serve->batch, &error) != ENGINE_OK) {
        fail_all(serve, error.text);
        return serve->queued > 0;
    }
    for (uint32_t i = 0; i < answers_max(serve); i++)
        if (serve->answers[i].state == ANSWER_RUNNING)
            take_token(serve, &serve->answers[i]);
    /* What is over and only waits for room in its connection is gone on with when that comes. */
    return serve->batch.count > 0 || (serve->queued > 0 && serve->place_count > 0);
}

bool
serve_drain(struct serve *serve)
{
    serve->draining = true;
    return serve->running + serve->queued == 0;
}

/* --- Requests --------------------------------------------------------------------------------- */

/* The decimal number of `name=` in a query; `otherwise` when it is not there, false when wrong. */
static bool
query_number(const char *query, const char *name, uint32_t max, uint32_t *value)
{
    size_t length = strlen(name);
    for (const char *at = query; *at != '\0'; at += strcspn(at, "&"), at += *at == '&') {
        if (strncmp(at, name, length) != 0 || at[length] != '=')
            continue;
        char *end;
        unsigned long number = strtoul(at + length + 1, &end, 10);
        if (end == at + length + 1 || (*end != '&' && *end != '\0') || at[length + 1] == '-' ||
            number > max)
            return false;
        *value = (uint32_t)number;
    }
    return true;
}

static struct serve_answer *
free_place(struct serve *serve)
{
    if (serve->queued == serve->options.queued_max)
        return NULL;
    for (uint32_t i = 0; i < answers_max(serve); i++)
        if (serve->answers[i].state == ANSWER_FREE)
            return &serve->answers[i];
    return NULL;
}

/* The prompt's tokens; false, with the connection answered, when it has none that fit. */
static bool
encode(struct serve *serve, const struct http_request *request, struct serve_answer *answer)
{
    uint32_t context = engine_model_of(serve->engine)->shape.context;
    size_t room = request->body_bytes + 2, scratch_bytes = engine_encode_bytes(request->body_bytes);
    uint32_t *tokens = malloc(room * sizeof(*tokens));
    void *scratch = malloc(scratch_bytes);
    int64_t count = tokens == NULL || scratch == NULL
                        ? 0
                        : engine_encode(serve->tokenizer, request->body, request->body_bytes, true,
                                        tokens, room, scratch, scratch_bytes);
    free(scratch);
    answer->prompt = tokens;
    answer->request.prompt = tokens;
    answer->request.prompt_count = (uint32_t)count;
    char text[96];
    if (count > 0 && count < (int64_t)context)
        return true;
    (void)snprintf(text, sizeof(text), "the prompt has %lld tokens, the model's context %u",
                   (long long)count, context);
    if (count <= 0)
        http_refuse(answer->conn, 503, "Retry-After: " SERVE_RETRY_AFTER "\r\n",
                    "no memory for this prompt");
    else
        http_refuse(answer->conn, 400, "", text);
    free(tokens);
    return false;
}

static void
complete(struct serve *serve, struct http_conn *conn, const struct http_request *request)
{
    uint32_t tokens = SERVE_TOKENS_DEFAULT;
    struct serve_answer *answer = free_place(serve);
    if (!query_number(request->query, "n", UINT32_MAX, &tokens) || tokens == 0) {
        http_refuse(conn, 400, "", "n: must be a number above 0");
        return;
    }
    if (answer == NULL || serve->draining) {
        http_refuse(conn, 503, "Retry-After: " SERVE_RETRY_AFTER "\r\n",
                    serve->draining ? "going down" : "too many requests are waiting");
        return;
    }
    *answer = (struct serve_answer){
        .conn = conn,
        .request = {.tokens_max = tokens,
                    .begin = serve->tokenizer->begin,
                    .end = serve->tokenizer->end},
        .arrival = ++serve->arrivals,
        .since_us = serve->options.now_us(),
    };
    answer->arrival_us = answer->first_us = answer->since_us;
    if (!encode(serve, request, answer))
        return;
    serve->metrics.tokens_prompt += answer->request.prompt_count;
    answer->state = ANSWER_QUEUED;
    serve->queued++;
}

static void
give_health(struct serve *serve, struct http_conn *conn, const struct http_request *request)
{
    char text[512];
    bool well = serve->error[0] == '\0';
    int length =
        snprintf(text, sizeof(text), "{\"status\":\"%s\",%s,\"running\":%u,\"queued\":%u}\n",
                 serve->draining ? "draining"
                 : well          ? "ok"
                                 : "failed",
                 serve->options.description, serve->running, serve->queued);
    (void)request;
    http_respond(conn, well && !serve->draining ? 200 : 503, "application/json", text,
                 (size_t)length);
}

static void
give_metrics(struct serve *serve, struct http_conn *conn, const struct http_request *request)
{
    static char text[METRICS_BYTES];
    size_t length =
        metrics_write(&serve->metrics, serve->queued, serve->running, text, sizeof(text));
    (void)request;
    http_respond(conn, 200, "text/plain; version=0.0.4; charset=utf-8", text, length);
}

static const struct {
    const char *path;
    enum http_method method;
    const char *allow;
    void (*serve)(struct serve *serve, struct http_conn *conn, const struct http_request *request);
} routes[] = {
    {"/completion", HTTP_POST_METHOD, "Allow: POST\r\n", complete},
    {"/health", HTTP_GET_OR_HEAD, "Allow: GET, HEAD\r\n", give_health},
    {"/metrics", HTTP_GET_OR_HEAD, "Allow: GET, HEAD\r\n", give_metrics},
};

void
serve_request(struct http_conn *conn, const struct http_request *request, void *context)
{
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        if (strcmp(request->path, routes[i].path) == 0) {
            if (request->method == routes[i].method)
                routes[i].serve(context, conn, request);
            else
                http_refuse(conn, 405, routes[i].allow, "no such method here");
            return;
        }
    }
    http_refuse(conn, 404, "", "there are /completion, /health and /metrics");
}

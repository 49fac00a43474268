/* Requests: what each path does. */
#include "answer.h"
#include "chat.h"
#include "query.h"
#include "room.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is to be answered: a text, perhaps with tokens in it. */
struct asked {
    const char *text;
    size_t text_bytes;
    bool marked;                    /* names of tokens in it are these */
    const struct chat_prompt *chat; /* where the text is one's; NULL: it is a prompt as it came */
};

static void
refuse_for_now(struct http_conn *conn, const char *text)
{
    http_refuse(conn, 503, "", text);
}

/*
 * A prompt that has more bytes than the longest pieces would have, were the context full of them,
 * is refused before memory is taken for its tokens: that is sixty times its length, and a heap
 * never gives it back to those who need frames.
 */
static bool
is_too_long(const struct serve *serve, const struct asked *asked, struct http_conn *conn)
{
    char text[128];
    uint32_t context = engine_model_of(serve->engine)->shape.context;
    uint64_t most = (uint64_t)context * serve->tokenizer->piece_bytes_max;
    if (asked->text_bytes <= most)
        return false;
    (void)snprintf(text, sizeof(text),
                   "the prompt has %zu bytes, the model's context of %u tokens fewer than %llu",
                   asked->text_bytes, context, (unsigned long long)most);
    http_refuse(conn, 400, "", text);
    return true;
}

static int64_t
encode_with(const struct engine_tokenizer *tokenizer, const struct asked *asked, uint32_t *tokens,
            size_t room, void *scratch, size_t scratch_bytes)
{
    if (asked->chat != NULL)
        return engine_encode_inserted(tokenizer, asked->text, asked->text_bytes,
                                      asked->chat->inserts, asked->chat->insert_count, tokens, room,
                                      scratch, scratch_bytes);
    return (asked->marked ? engine_encode_marked : engine_encode)(
        tokenizer, asked->text, asked->text_bytes, true, tokens, room, scratch, scratch_bytes);
}

/* The prompt's tokens; false, with the connection answered, when it has none that fit. */
static bool
encode(struct serve *serve, const struct asked *asked, struct serve_answer *answer)
{
    uint32_t context = engine_model_of(serve->engine)->shape.context;
    size_t room = (asked->marked ? 2 : 1) * asked->text_bytes + 2;
    size_t scratch_bytes = engine_encode_bytes(asked->text_bytes);
    room += asked->chat != NULL ? 2 * asked->chat->insert_count : 0;
    if (answer->cache_key[0] != '\0' && room < context + 1)
        room =
            context + 1; /* of the answer's last one nothing is computed: it may be one too many */
    uint32_t *tokens = room_take(serve, room * sizeof(*tokens));
    void *scratch = room_take(serve, scratch_bytes);
    int64_t count = tokens == NULL || scratch == NULL ? ENGINE_E_SPACE
                                                      : encode_with(serve->tokenizer, asked, tokens,
                                                                    room, scratch, scratch_bytes);
    free(scratch);
    answer->tokens = tokens;
    answer->request.prompt = tokens;
    answer->request.prompt_count = (uint32_t)count;
    char text[96];
    if (count > 0 && count < (int64_t)context)
        return true;
    (void)snprintf(text, sizeof(text), "the prompt has %lld tokens, the model's context %u",
                   (long long)count, context);
    if (count < 0)
        refuse_for_now(answer->conn, "no memory for this prompt");
    else
        http_refuse(answer->conn, 400, "", text);
    free(tokens);
    return false;
}

/* Why there can be no further answer now; NULL: there can. */
static const char *
busy(const struct serve *serve, const struct serve_answer *free_one)
{
    return serve->draining         ? "going down"
           : serve->engine == NULL ? "the model is being replaced"
           : free_one == NULL      ? "too many requests are waiting"
                                   : NULL;
}

static void
begin_answer(struct serve *serve, struct serve_answer *answer, struct http_conn *conn,
             const struct query *query)
{
    *answer = (struct serve_answer){
        .conn = conn,
        .request = {.tokens_max = query->tokens,
                    .begin = serve->tokenizer->begin,
                    .end = serve->tokenizer->end,
                    .sampling = query->sampling,
                    .with_log_probability = query->log_probability},
        .arrival = ++serve->arrivals,
        .since_us = serve->options.now_us(),
    };
    memcpy(answer->cache_key, query->cache_key, sizeof(answer->cache_key));
    memcpy(answer->ends, serve->tokenizer->other_ends, sizeof(serve->tokenizer->other_ends));
    answer->request.other_ends = answer->ends;
    answer->request.other_end_count = serve->tokenizer->other_end_count;
    answer->arrival_us = answer->first_us = answer->since_us;
}

static void
begin_asked(struct serve *serve, struct http_conn *conn, const struct query *query,
            const struct asked *asked)
{
    struct serve_answer *answer = answer_find_free(serve);
    if (is_too_long(serve, asked, conn))
        return;
    begin_answer(serve, answer, conn, query);
    if (asked->chat != NULL && asked->chat->end != ENGINE_NO_TOKEN)
        answer->ends[answer->request.other_end_count++] = asked->chat->end;
    if (!encode(serve, asked, answer))
        return;
    serve->metrics.tokens_prompt += answer->request.prompt_count;
    answer->state = ANSWER_QUEUED;
    serve->queued++;
}

/* Reads the parameters; false, with the connection answered: they are wrong, or nobody can be
 * answered.
 */
static bool
may_answer(struct serve *serve, struct http_conn *conn, const struct http_request *request,
           struct query *query)
{
    char why[128];
    const char *reason = busy(serve, answer_find_free(serve));
    bool fine = query_read(query, request->query, why, sizeof(why));
    if (!fine)
        http_refuse(conn, 400, "", why);
    else if (reason != NULL)
        refuse_for_now(conn, reason);
    return fine && reason == NULL;
}

static void
complete(struct serve *serve, struct http_conn *conn, const struct http_request *request)
{
    struct query query;
    if (may_answer(serve, conn, request, &query))
        begin_asked(serve, conn, &query,
                    &(struct asked){request->body, request->body_bytes, query.special, NULL});
}

/* The prompt that a body of messages stands for; false, with the connection answered, when there is
 * none. */
static bool
render(struct serve *serve, struct http_conn *conn, const struct http_request *request,
       struct chat_prompt *prompt)
{
    static struct messages messages; /* one thread serves */
    char why[256];
    const struct chat_form *form = chat_find(serve->tokenizer, why, sizeof(why));
    char *body = form != NULL ? room_take(serve, request->body_bytes + 1) : NULL;
    enum chat_status status = CHAT_REFUSED;
    if (body != NULL) {
        memcpy(body, request->body, request->body_bytes);
        if (messages_read(&messages, body, request->body_bytes, why, sizeof(why)))
            status = chat_render(prompt, form, serve->tokenizer, &messages, why, sizeof(why));
    }
    free(body);
    if (status == CHAT_NO_MEMORY || (form != NULL && body == NULL))
        refuse_for_now(conn, "no memory for these messages");
    else if (status == CHAT_REFUSED)
        http_refuse(conn, 400, "", why);
    return status == CHAT_OK;
}

static void
chat(struct serve *serve, struct http_conn *conn, const struct http_request *request)
{
    struct query query;
    struct chat_prompt prompt;
    if (!may_answer(serve, conn, request, &query))
        return;
    if (query.special) {
        http_refuse(conn, 400, "", "special: in a chat the model's template says which tokens are");
        return;
    }
    if (!render(serve, conn, request, &prompt))
        return;
    begin_asked(serve, conn, &query,
                &(struct asked){prompt.text, prompt.text_bytes, false, &prompt});
    chat_free(&prompt);
}

/* What ends with a text in JSON: why there is no model. Reasons name files, whose names are plain.
 */
static const char *
reason_of(const struct serve *serve, char *to, size_t room)
{
    (void)snprintf(to, room, ",\"reason\":\"%s\"", serve->error);
    for (char *at = to + strlen(",\"reason\":\""); at[0] != '\0' && at[1] != '\0'; at++)
        if (*at == '"' || *at == '\\' || (unsigned char)*at < ' ')
            *at = '\'';
    return to;
}

static void
give_health(struct serve *serve, struct http_conn *conn, const struct http_request *request)
{
    char text[1024], reason[sizeof(serve->error) + 32];
    bool well = serve->error[0] == '\0';
    int length =
        snprintf(text, sizeof(text), "{\"status\":\"%s\",%s,\"running\":%u,\"queued\":%u%s}\n",
                 serve->draining ? "draining"
                 : well          ? "ok"
                                 : "failed",
                 serve->description, serve->running, serve->queued,
                 well ? "" : reason_of(serve, reason, sizeof(reason)));
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
    {"/chat", HTTP_POST_METHOD, "Allow: POST\r\n", chat},
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
    http_refuse(conn, 404, "", "there are /completion, /chat, /health and /metrics");
}

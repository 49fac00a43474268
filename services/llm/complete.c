#include "complete.h"

#include <string.h>

/* What lives as long as the answer takes. */
struct session {
    struct completion *completion;
    struct engine_batch batch;
    struct engine_request request;
};

/* Takes all memory, so that an arena that is too small has counted all of it. */
static int
take_memory(struct session *session, uint32_t **tokens, void **scratch, struct engine_arena *arena,
            struct engine_error *error)
{
    const struct answerer *by = &session->completion->by;
    struct engine_request *request = &session->request;
    size_t length = strlen(session->completion->prompt);
    uint32_t context = by->shape->context;
    int status = engine_batch_open(&session->batch, by->engine, 1, COMPLETE_BATCH, arena, error);
    *tokens = engine_arena_take(arena, length + 2, sizeof **tokens);
    *scratch = engine_arena_take(arena, 1, engine_encode_bytes(length));
    void *memory = engine_arena_take(arena, 1, engine_sequence_bytes(by->engine, context));
    request->logits = engine_arena_take(arena, by->shape->vocabulary, sizeof *request->logits);
    if (status != ENGINE_OK && status != ENGINE_E_SPACE)
        return status;
    if (request->logits == NULL)
        return engine_fail(error, ENGINE_E_SPACE,
                           "llm: no memory for a prompt of %zu bytes and a context of %u tokens",
                           length, context);
    engine_sequence_begin(&request->sequence, context, memory);
    return ENGINE_OK;
}

static int
begin_request(struct session *session, struct engine_arena *arena, struct engine_error *error)
{
    struct completion *completion = session->completion;
    const struct engine_tokenizer *tokenizer = completion->by.tokenizer;
    struct engine_request *request = &session->request;
    size_t length = strlen(completion->prompt);
    uint32_t *tokens;
    void *scratch;
    int status = take_memory(session, &tokens, &scratch, arena, error);
    if (status != ENGINE_OK)
        return status;
    completion->prompt_count =
        (uint32_t)engine_encode(tokenizer, completion->prompt, length, true, tokens, length + 2,
                                scratch, engine_encode_bytes(length));
    request->prompt = tokens;
    request->prompt_count = completion->prompt_count;
    request->tokens_max = completion->tokens_max;
    request->begin = tokenizer->begin;
    request->end = tokenizer->end;
    request->other_ends = tokenizer->other_ends;
    request->other_end_count = tokenizer->other_end_count;
    return engine_batch_add(&session->batch, request, error);
}

static void
put_token(const struct completion *completion, uint32_t previous, uint32_t token)
{
    size_t length;
    const uint8_t *text = engine_decode(completion->by.tokenizer, previous, token, &length);
    completion->put(text, length);
}

static int
step(struct session *session, struct engine_error *error)
{
    int status = engine_batch_step(&session->batch, error);
    if (status != ENGINE_OK || session->completion->stepped == NULL)
        return status;
    const char *why = session->completion->stepped(session->batch.tokens);
    return why == NULL ? ENGINE_OK : engine_fail(error, ENGINE_E_ARGUMENT, "%s", why);
}

static int
answer(struct session *session, struct engine_error *error)
{
    struct engine_request *request = &session->request;
    while (request->finish == ENGINE_RUNNING) {
        int status = step(session, error);
        if (status != ENGINE_OK)
            return status;
        if (request->fresh)
            put_token(session->completion, request->previous, request->token);
    }
    session->completion->generated = request->generated;
    session->completion->finish = request->finish;
    return ENGINE_OK;
}

int
complete(struct completion *completion, struct engine_arena *arena, struct engine_error *error)
{
    struct session session = {.completion = completion};
    int status = begin_request(&session, arena, error);
    if (status != ENGINE_OK)
        return status;
    uint32_t previous = completion->by.tokenizer->begin;
    for (uint32_t i = 0; i < session.request.prompt_count; i++) {
        put_token(completion, previous, session.request.prompt[i]);
        previous = session.request.prompt[i];
    }
    return answer(&session, error);
}

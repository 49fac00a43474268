#include "complete.h"

#include "engine/gguf.h"

#include <string.h>

#define PREFILL_TOKENS 32 /* of the prompt in one step */

/* What lives as long as the answer takes. */
struct session {
    struct engine_tokenizer tokenizer;
    struct engine *engine;
    struct engine_batch batch;
    struct engine_request request;
};

static int
open_engine(struct session *session, const struct loaded *loaded, struct engine_arena *arena,
            struct engine_error *error)
{
    struct engine_options options = {
        .batch = PREFILL_TOKENS, .kernels = loaded->kernels, .attention = loaded->attention};
    int status =
        engine_open(&session->engine, &loaded->model, &loaded->source, &options, arena, error);
    return status != ENGINE_OK ? status
                               : engine_batch_open(&session->batch, session->engine, 1,
                                                   PREFILL_TOKENS, arena, error);
}

/* The prompt as tokens; ENGINE_E_SPACE is the arena's end. */
static int
encode_prompt(struct session *session, struct completion *completion, struct engine_arena *arena,
              struct engine_error *error)
{
    size_t length = strlen(completion->prompt), scratch_bytes = engine_encode_bytes(length);
    uint32_t *tokens = engine_arena_take(arena, length + 2, sizeof *tokens);
    void *scratch = engine_arena_take(arena, 1, scratch_bytes);
    if (tokens == NULL || scratch == NULL)
        return engine_fail(error, ENGINE_E_SPACE, "llm: no memory for the prompt");
    completion->prompt_count =
        (uint32_t)engine_encode(&session->tokenizer, completion->prompt, length, true, tokens,
                                length + 2, scratch, scratch_bytes);
    session->request.prompt = tokens;
    session->request.prompt_count = completion->prompt_count;
    return ENGINE_OK;
}

static int
begin_request(struct session *session, struct completion *completion, struct engine_arena *arena,
              struct engine_error *error)
{
    struct engine_request *request = &session->request;
    const struct engine_shape *shape = &completion->loaded->model.shape;
    uint32_t context = shape->context;
    int status = encode_prompt(session, completion, arena, error);
    if (status != ENGINE_OK)
        return status;
    void *memory = engine_arena_take(arena, 1, engine_sequence_bytes(session->engine, context));
    request->logits = engine_arena_take(arena, shape->vocabulary, sizeof *request->logits);
    if (memory == NULL || request->logits == NULL)
        return engine_fail(error, ENGINE_E_SPACE, "llm: no memory for a context of %u tokens",
                           context);
    engine_sequence_begin(&request->sequence, context, memory);
    request->tokens_max = completion->tokens_max;
    request->begin = session->tokenizer.begin;
    request->end = session->tokenizer.end;
    return engine_batch_add(&session->batch, request, error);
}

static void
put_token(const struct session *session, const struct completion *completion, uint32_t previous,
          uint32_t token)
{
    size_t length;
    const uint8_t *text = engine_decode(&session->tokenizer, previous, token, &length);
    completion->put(text, length);
}

static int
answer(struct session *session, struct completion *completion, struct engine_error *error)
{
    struct engine_request *request = &session->request;
    while (request->finish == ENGINE_RUNNING) {
        int status = engine_batch_step(&session->batch, error);
        if (status != ENGINE_OK)
            return status;
        if (request->fresh)
            put_token(session, completion, request->previous, request->token);
    }
    completion->generated = request->generated;
    completion->finish = request->finish;
    return ENGINE_OK;
}

static int
read_tokenizer(struct engine_tokenizer *tokenizer, const struct completion *completion,
               struct engine_arena *arena, struct engine_error *error)
{
    uint32_t vocabulary = completion->loaded->model.shape.vocabulary;
    const uint8_t *file = completion->tokenizer;
    uint64_t bytes = completion->tokenizer_bytes;
    return engine_is_gguf(file, bytes)
               ? engine_gguf_tokenizer_read(tokenizer, file, bytes, vocabulary, arena, error)
               : engine_tokenizer_read(tokenizer, file, bytes, vocabulary, arena, error);
}

int
complete(struct completion *completion, struct engine_arena *arena, struct engine_error *error)
{
    struct session session = {.engine = NULL};
    int status = read_tokenizer(&session.tokenizer, completion, arena, error);
    if (status == ENGINE_OK)
        status = open_engine(&session, completion->loaded, arena, error);
    if (status == ENGINE_OK)
        status = begin_request(&session, completion, arena, error);
    if (status != ENGINE_OK)
        return status;
    for (uint32_t i = 1; i < session.request.prompt_count; i++)
        put_token(&session, completion, session.request.prompt[i - 1], session.request.prompt[i]);
    return answer(&session, completion, error);
}

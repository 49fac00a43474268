#include "engine/batch.h"

#include <string.h>

#define PIECES_PART 4 /* one so many'th of a step's tokens is for prompts, where others wait */

/* That one worker needs: for the words, and half as many for their weights. */
static size_t
candidates_of(const struct engine *engine)
{
    size_t words = engine_model_of(engine)->shape.vocabulary;
    return words + words / 2 + 1;
}

int
engine_batch_open(struct engine_batch *batch, struct engine *engine, uint32_t requests_max,
                  uint32_t tokens_max, struct engine_arena *arena, struct engine_error *error)
{
    if (requests_max == 0 || tokens_max < requests_max)
        return engine_fail(error, ENGINE_E_ARGUMENT, "batch: %u requests in steps of %u tokens",
                           requests_max, tokens_max);
    *batch = (struct engine_batch){.engine = engine,
                                   .count_max = requests_max,
                                   .tokens_max = tokens_max,
                                   .pieces_max = tokens_max / PIECES_PART};
    batch->requests = engine_arena_take(arena, requests_max, sizeof(struct engine_request *));
    batch->items = engine_arena_take(arena, requests_max, sizeof *batch->items);
    batch->candidates = engine_arena_take(arena, engine_workers_most(engine),
                                          candidates_of(engine) * sizeof *batch->candidates);
    if (batch->requests == NULL || batch->items == NULL || batch->candidates == NULL)
        return engine_fail(error, ENGINE_E_SPACE, "batch: no memory for %u requests", requests_max);
    return ENGINE_OK;
}

int
engine_batch_add(struct engine_batch *batch, struct engine_request *request,
                 struct engine_error *error)
{
    const struct engine_sequence *sequence = &request->sequence;
    uint32_t held = request->prompt_held, room = sequence->context - sequence->position;
    if (request->prompt_count == 0 || request->tokens_max == 0)
        return engine_fail(error, ENGINE_E_ARGUMENT, "request: a prompt of %u tokens, %u asked for",
                           request->prompt_count, request->tokens_max);
    if (held >= request->prompt_count || held > sequence->position)
        return engine_fail(error, ENGINE_E_ARGUMENT,
                           "request: %u of %u tokens held in a sequence of %u", held,
                           request->prompt_count, sequence->position);
    if (request->prompt_count - held > room)
        return engine_fail(error, ENGINE_E_CONTEXT,
                           "request: a prompt of %u tokens, with room for %u",
                           request->prompt_count - held, room);
    if (batch->count == batch->count_max)
        return engine_fail(error, ENGINE_E_SPACE, "batch: %u requests, and no more", batch->count);
    request->prompt_done = held;
    request->generated = 0;
    request->fresh = false;
    request->finish = ENGINE_RUNNING;
    engine_sampler_begin(&request->sampler, &request->sampling);
    for (uint32_t i = 0; i < request->prompt_count; i++)
        engine_sampler_saw(&request->sampler, request->prompt[i]);
    batch->requests[batch->count++] = request;
    return ENGINE_OK;
}

void
engine_batch_remove(struct engine_batch *batch, struct engine_request *request)
{
    uint32_t i = 0;
    while (i < batch->count && batch->requests[i] != request)
        i++;
    if (i == batch->count)
        return;
    batch->count--;
    memmove(&batch->requests[i], &batch->requests[i + 1],
            (batch->count - i) * sizeof batch->requests[0]);
}

static bool
is_answering(const struct engine_request *request)
{
    return request->prompt_done == request->prompt_count;
}

static uint32_t
tokens_left(const struct engine_request *request)
{
    return request->prompt_count - request->prompt_done;
}

/* What the request does in this step; of a prompt the next `count` tokens. */
static struct engine_item
plan_item(struct engine_request *request, uint32_t count)
{
    if (is_answering(request))
        return (struct engine_item){&request->sequence, &request->token, 1, request->logits};
    return (struct engine_item){&request->sequence, request->prompt + request->prompt_done, count,
                                count == tokens_left(request) ? request->logits : NULL};
}

/* Room for prompts in this step, of which there are so many: at least a token for each. */
static uint32_t
room_for(const struct engine_batch *batch, uint32_t prompts)
{
    uint32_t answers = batch->count - prompts, room = batch->tokens_max - answers;
    uint32_t bound = batch->pieces_max > prompts ? batch->pieces_max : prompts;
    return answers > 0 && room > bound ? bound : room;
}

static uint32_t
least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Its part of what is shared evenly; 0 of who is being answered. */
static uint32_t
share_of(const struct engine_request *request, uint32_t share)
{
    return least(tokens_left(request), share);
}

static void
plan(struct engine_batch *batch)
{
    uint32_t prompts = 0, kept = 0;
    for (uint32_t i = 0; i < batch->count; i++)
        prompts += !is_answering(batch->requests[i]);
    uint32_t room = room_for(batch, prompts), share = prompts > 0 ? room / 2 / prompts : 0;
    share = share > 0 ? share : 1;
    for (uint32_t i = 0; i < batch->count; i++)
        kept += share_of(batch->requests[i], share);
    for (uint32_t i = 0; i < batch->count; i++) { /* `kept`: for those that follow */
        struct engine_request *request = batch->requests[i];
        kept -= share_of(request, share);
        batch->items[i] = plan_item(request, least(tokens_left(request), room - kept));
        room -= is_answering(request) ? 0 : batch->items[i].count;
        batch->tokens += batch->items[i].count;
    }
}

static void
choose(struct engine_request *request, uint32_t count, struct engine_candidate *candidates)
{
    request->chosen = engine_sample(&request->sampler, request->logits, count, candidates);
    if (request->with_log_probability)
        request->log_probability = engine_log_probability(request->logits, count, request->chosen);
}

/* As one of the workers: for whichever requests nobody has taken yet. What is chosen for one does
 * not depend on the others. */
static void
choose_some(void *argument, uint32_t worker)
{
    struct engine_batch *batch = argument;
    uint32_t words = engine_model_of(batch->engine)->shape.vocabulary, i;
    struct engine_candidate *candidates = batch->candidates + worker * candidates_of(batch->engine);
    while ((i = __atomic_fetch_add(&batch->choosing, 1, __ATOMIC_RELAXED)) < batch->count)
        if (batch->items[i].logits != NULL)
            choose(batch->requests[i], words, candidates);
}

/* Waking the others for a single request would take longer than it does. */
static void
choose_all(struct engine_batch *batch)
{
    uint32_t wanted = 0;
    for (uint32_t i = 0; i < batch->count; i++)
        wanted += batch->items[i].logits != NULL;
    batch->choosing = 0;
    if (wanted > 1)
        engine_share(batch->engine, choose_some, batch);
    else
        choose_some(batch, 0);
}

static bool
is_end(const struct engine_request *request, uint32_t token)
{
    bool is = token == request->begin || token == request->end;
    for (uint32_t i = 0; !is && i < request->other_end_count; i++)
        is = token == request->other_ends[i];
    return is;
}

/* By the token that was chosen. */
static void
advance(struct engine_request *request)
{
    uint32_t previous =
        request->generated > 0 ? request->token : request->prompt[request->prompt_count - 1];
    uint32_t token = request->chosen;
    if (is_end(request, token)) {
        request->finish = ENGINE_FINISH_END;
        return;
    }
    engine_sampler_saw(&request->sampler, token);
    request->previous = previous;
    request->token = token;
    request->fresh = true;
    request->generated++;
    if (request->generated == request->tokens_max)
        request->finish = ENGINE_FINISH_LENGTH;
    else if (request->sequence.position == request->sequence.context)
        request->finish = ENGINE_FINISH_CONTEXT;
}

static void
finish_item(struct engine_request *request, const struct engine_item *item)
{
    request->fresh = false;
    if (!is_answering(request))
        request->prompt_done += item->count;
    if (item->logits != NULL)
        advance(request);
}

int
engine_batch_step(struct engine_batch *batch, struct engine_error *error)
{
    uint32_t kept = 0;
    batch->tokens = 0;
    if (batch->count == 0)
        return ENGINE_OK;
    plan(batch);
    int status = engine_step(batch->engine, batch->items, batch->count, error);
    if (status != ENGINE_OK)
        return status;
    choose_all(batch);
    for (uint32_t i = 0; i < batch->count; i++) {
        finish_item(batch->requests[i], &batch->items[i]);
        if (batch->requests[i]->finish == ENGINE_RUNNING)
            batch->requests[kept++] = batch->requests[i];
    }
    batch->count = kept;
    return ENGINE_OK;
}

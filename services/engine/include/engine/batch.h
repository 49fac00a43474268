/*
 * Continuous batching: requests join and leave at token boundaries, and each step takes one token
 * of every request that is being answered, and a piece of the prompts of those that are new.
 */
#ifndef ENGINE_BATCH_H
#define ENGINE_BATCH_H

#include "engine/engine.h"
#include "engine/sampling.h"

enum engine_finish {
    ENGINE_RUNNING = 0,
    ENGINE_FINISH_END,     /* the model ended its answer */
    ENGINE_FINISH_LENGTH,  /* as many tokens as were asked for */
    ENGINE_FINISH_CONTEXT, /* the sequence is full */
};

/* One answer. The caller owns it, and fills in the first part before engine_batch_add. */
struct engine_request {
    struct engine_sequence sequence; /* begun; what it holds is in front of the prompt ... */
    const uint32_t *prompt;          /* stays until the prompt is read */
    uint32_t prompt_count;           /* at least 1 */
    uint32_t prompt_held;            /* ... but for its first so many tokens, less than all */
    uint32_t tokens_max;             /* to generate */
    uint32_t begin, end;             /* tokens that end the answer (and are not part of it) ... */
    const uint32_t *other_ends;      /* ... and further ones */
    uint32_t other_end_count;
    float *logits;                   /* room for one for each word */
    struct engine_sampling sampling; /* all zero: greedy */
    bool with_log_probability;       /* that of each token is wanted */

    uint32_t prompt_done;     /* tokens of the prompt that the sequence holds */
    uint32_t generated;       /* tokens of the answer so far */
    uint32_t token, previous; /* the newest token of the answer, and the one in front of it */
    uint32_t chosen;          /* what the last step chose, whether that ends the answer or not */
    bool fresh;               /* the last step made `token` */
    float log_probability;    /* of `token`, where it was wanted */
    struct engine_sampler sampler;
    enum engine_finish finish; /* other than ENGINE_RUNNING: over, and no longer in the batch */
};

struct engine_batch {
    struct engine *engine;
    struct engine_request **requests; /* in the order in which they came */
    struct engine_item *items;
    struct engine_candidate *candidates; /* as engine_sample wants them, for each worker */
    uint32_t choosing;                   /* requests that some worker has taken to choose for */
    uint32_t count, count_max;
    uint32_t tokens_max; /* of a step */
    uint32_t pieces_max; /* of prompts, of them, while others are being answered */
    uint32_t tokens;     /* that the last step took */
};

/*
 * A batch of at most `requests_max` requests on an engine that was opened with `batch` =
 * `tokens_max`, which is at least `requests_max`. While somebody is being answered, a step takes a
 * quarter of them at most from prompts (but one of each): that bounds how long it keeps who waits
 * for a token. ENGINE_E_ARGUMENT, ENGINE_E_SPACE.
 */
int engine_batch_open(struct engine_batch *batch, struct engine *engine, uint32_t requests_max,
                      uint32_t tokens_max, struct engine_arena *arena, struct engine_error *error);

/*
 * Adds a request; it takes part from the next step on. ENGINE_E_SPACE: the batch is full;
 * ENGINE_E_CONTEXT: the prompt does not fit the sequence; ENGINE_E_ARGUMENT.
 */
int engine_batch_add(struct engine_batch *batch, struct engine_request *request,
                     struct engine_error *error);

/* Takes a request out before it is over: its client is gone. */
void engine_batch_remove(struct engine_batch *batch, struct engine_request *request);

/*
 * One step for all requests: each that is being answered gets its next token; half of what room
 * there is for prompts is shared evenly, so that a short one is soon read beside long ones, the
 * rest is for who came first. Says in each request whether it has a fresh token and
 * whether it is over; those that are over leave the batch. Nothing to do is ENGINE_OK. After an
 * error no request has moved.
 */
int engine_batch_step(struct engine_batch *batch, struct engine_error *error);

#endif

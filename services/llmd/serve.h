/*
 * Completions over HTTP: which requests there are, who is answered now, who waits, and what each
 * token becomes. Without a network and without threads: the transport gives connections to
 * serve_request (http.h), and whoever has the CPU calls serve_step until it says that nothing is to
 * be done.
 */
#ifndef LLMD_SERVE_H
#define LLMD_SERVE_H

#include "engine/batch.h"
#include "engine/tokenizer.h"

#include "http.h"
#include "metrics.h"

#define SERVE_TOKENS_DEFAULT 64u
#define SERVE_RETRY_AFTER    "1" /* seconds, with 503 */

enum serve_answer_state { ANSWER_FREE = 0, ANSWER_QUEUED = 1, ANSWER_RUNNING = 2 };

/* What an answer needs while it runs: memory of its sequence, room for logits. */
struct serve_place {
    void *memory;
    float *logits;
};

/* One completion, from the request to its last byte. */
struct serve_answer {
    struct engine_request request;
    struct http_conn *conn;
    uint8_t state;     /* enum serve_answer_state */
    bool begun;        /* the response has */
    uint64_t arrival;  /* order of arrival, from 1 */
    uint64_t since_us; /* when it came; then when its last token was made */
    uint64_t arrival_us, first_us;
    void *prompt; /* malloc: its tokens */
    char *text;   /* malloc: what is generated and not yet given to the connection */
    size_t text_bytes, text_room;
    struct serve_place place; /* while it runs */
};

struct serve_options {
    uint32_t running_max, queued_max;
    uint32_t
        step_tokens; /* most tokens of one step: bounds how long a long prompt holds others up */
    const char
        *description; /* of what is served, as members of a JSON object: "\"model\":\"...\"" */
    uint64_t (*now_us)(void);
    void (*log)(const char *line);
};

struct serve {
    struct engine *engine;
    const struct engine_tokenizer *tokenizer;
    struct serve_options options;
    struct engine_batch batch;
    struct serve_answer *answers; /* running_max + queued_max */
    struct serve_place *places;   /* free ones, a stack */
    uint32_t place_count, running, queued;
    uint64_t arrivals;
    bool draining; /* no new requests: 503 */
    struct metrics metrics;
    char error[sizeof(struct engine_error)]; /* why generation failed last; "" while it works */
};

/*
 * Serves the model of `engine` (opened with batch = options->step_tokens). Memory comes from malloc
 * (EXO or POSIX: whatever libc there is); false, with `error`, when there is too little of it.
 */
bool serve_open(struct serve *serve, struct engine *engine,
                const struct engine_tokenizer *tokenizer, const struct serve_options *options,
                struct engine_error *error);

/* The handler of each connection (http.h); its context is the struct serve. */
http_handler serve_request;

/* A connection that is about to be closed: its answer, if it has one, is dropped. */
void serve_forget(struct serve *serve, struct http_conn *conn);

/* One token for everybody who is being answered: whether there is more to do. */
bool serve_step(struct serve *serve);

/* From now on new requests get 503; true once none is under way. */
bool serve_drain(struct serve *serve);

#endif

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
#include "prompt_cache.h"

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
    double log_probability;                 /* of its tokens together, where it was asked for */
    char cache_key[PROMPT_CACHE_KEY_BYTES]; /* "": nothing is kept of it */
    uint32_t *tokens; /* malloc: of the prompt; with a key those of the answer behind them */
    char *text;       /* malloc: what is generated and not yet given to the connection */
    size_t text_bytes, text_room;
    struct serve_place place;             /* while it runs */
    uint32_t ends[ENGINE_ENDS_OTHER + 1]; /* other tokens that end it: the vocabulary's, a chat's */
};

/* What the heap's memory is of: who holds some that only saves work, and how much is left. */
struct serve_memory {
    /* Whether so many bytes more can be taken, and enough is left for what cannot do without. */
    bool (*can_spare)(size_t bytes);
    /* Gives back what can be made again, until so many bytes can be taken: false: not so many, or
     * not for this. `must`: an answer fails without them; otherwise it would only wait. Not while a
     * step is under way. */
    bool (*make_room)(size_t bytes, bool must);
};

struct serve_options {
    uint32_t running_max, queued_max;
    uint32_t
        step_tokens; /* most tokens of one step: bounds how long a long prompt holds others up */
    size_t cache_bytes_max;            /* of beginnings that are kept */
    const struct serve_memory *memory; /* NULL: all of it is the heap's */
    uint64_t (*now_us)(void);
    void (*log)(const char *line);
    /* Told after each step how many tokens it took, and how long; NULL: nobody is. */
    void (*stepped)(uint32_t tokens, uint64_t us);
    /* Asked after each step: why the weights that it used cannot be trusted; then nothing that it
       made is used, and serve_lose is called with that. NULL: they can; or nobody is to be asked.
     */
    const char *(*lost)(void);
};

struct serve {
    struct engine *engine; /* NULL: no model now */
    const struct engine_tokenizer *tokenizer;
    const char *description;
    struct serve_options options;
    struct engine_batch batch;
    void *batch_memory;
    struct serve_answer *answers; /* running_max + queued_max */
    struct serve_place *places;   /* free ones, a stack */
    uint32_t place_count, running, queued;
    uint32_t places_made;  /* running_max at most */
    uint32_t places_short; /* as many had been made when memory was short, and that was said */
    bool no_place;         /* there was no memory for another one, and none was given back since */
    uint64_t arrivals;
    bool draining; /* no new requests: 503 */
    struct metrics metrics;
    struct prompt_cache cache;
    char error[sizeof(struct engine_error)]; /* why generation failed last; "" while it works */
};

/*
 * Without a model so far. Memory comes from malloc (EXO or POSIX: whatever libc there is); false,
 * with `error`, when there is too little of it. It stays until the program ends.
 */
bool serve_open(struct serve *serve, const struct serve_options *options,
                struct engine_error *error);

/*
 * From now on answers come from the model of `engine` (opened with batch = options->step_tokens).
 * `description` says what is served, as members of a JSON object ("\"model\":\"...\""). All three
 * stay until serve_lose. False, with `error`: too little memory.
 */
bool serve_use(struct serve *serve, struct engine *engine, const struct engine_tokenizer *tokenizer,
               const char *description, struct engine_error *error);

/*
 * Its model cannot be used any more: every answer ends with an error (503, or cut off if it has
 * begun), and there are no others before the next serve_use. Nothing of the engine is used again.
 */
void serve_lose(struct serve *serve, const char *why);

/* The handler of each connection (http.h); its context is the struct serve. */
http_handler serve_request;

/* A connection that is about to be closed: its answer, if it has one, is dropped. */
void serve_forget(struct serve *serve, struct http_conn *conn);

/* One token for everybody who is being answered: whether there is more to do. */
bool serve_step(struct serve *serve);

/* From now on new requests get 503; true once none is under way. */
bool serve_drain(struct serve *serve);

#endif

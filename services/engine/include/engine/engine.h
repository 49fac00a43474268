/*
 * The forward pass. An engine holds a model's kernels and scratch memory; a sequence holds one
 * conversation's keys and values; a step takes one or more tokens of any number of sequences
 * through the model together, so that the weights are read once for all of them.
 *
 * Nothing here allocates, blocks or calls an operating system. One step at a time per engine; the
 * workers of a team take part in it.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "engine/kernel.h"

/*
 * Workers that share a step. `run` calls work(argument, 0), and on workers 1 to `workers` - 1, if
 * they come before that has returned, work(argument, worker); it returns when all of these have.
 * A worker that waits for a word that others change calls `wait`, until it sees the change; who has
 * changed such a word calls `wake`.
 */
struct engine_team {
    void *context;
    uint32_t count; /* at most: below 256 */
    void (*run)(void *context, uint32_t workers, void (*work)(void *argument, uint32_t worker),
                void *argument);
    /* Returns when *word is not `value`, or was woken, or for no reason. */
    void (*wait)(void *context, uint32_t *word, uint32_t value);
    void (*wake)(void *context, uint32_t *word);
    void (*stepped)(void *context); /* all weights were read once more: a step is over; or NULL */
};

/* The parts of a step, in their order. */
enum engine_part {
    ENGINE_EMBEDDING,
    ENGINE_QUERY_KEY_VALUE,
    ENGINE_POSITIONS, /* turning queries and keys, keeping keys and values */
    ENGINE_ATTENTION,
    ENGINE_OUTPUT,
    ENGINE_NORM,
    ENGINE_GATE_UP,    /* and silu(gate) * up */
    ENGINE_ACTIVATION, /* the vector that down reads, of that */
    ENGINE_DOWN,
    ENGINE_CLASSIFIER,
    ENGINE_PARTS,
};

/* Where steps spend their time, as the first worker sees it, with what it waits for the others. */
struct engine_profile {
    uint64_t (*now_ns)(void *context);
    void *context;
    uint64_t last_ns;
    uint64_t ns[ENGINE_PARTS]; /* added up */
};

struct engine_options {
    uint32_t context; /* positions of a sequence at most; 0: as many as the model has */
    uint32_t batch;   /* tokens that a step can take, of all sequences; 0: 1 */
    const struct engine_team *team; /* NULL: the caller alone */
    /* One for each tensor, as engine_choose chose; NULL: the reference. What the source gives is in
       their layouts. */
    const struct engine_kernel *const *kernels;
    /* A kernel with `sums`: keys and values are kept in 8 bits, and mixed with it. NULL: in floats.
     */
    const struct engine_kernel *attention;
    struct engine_profile *profile; /* NULL: none */
};

struct engine;

/* One conversation: its keys and values, in memory that the caller gave. */
struct engine_sequence {
    uint32_t position; /* tokens that it holds; may be set back, to forget the last ones */
    uint32_t context;  /* tokens that it can hold */
    void *memory;
};

/* What a step does for one sequence. */
struct engine_item {
    struct engine_sequence *sequence; /* not twice in one step */
    const uint32_t *tokens;           /* appended to the sequence */
    uint32_t count;
    float *logits; /* of what follows the last token: one for each word; NULL: not wanted */
};

/*
 * Makes an engine in `arena` (one that only counts tells the size: the result is then
 * ENGINE_E_SPACE and used_bytes what is needed). Model and source must outlive it. The norms are
 * read through the source now, everything else in steps. ENGINE_E_ARGUMENT, ENGINE_E_SPACE,
 * ENGINE_E_WEIGHTS.
 */
int engine_open(struct engine **engine, const struct engine_model *model,
                const struct engine_source *source, const struct engine_options *options,
                struct engine_arena *arena, struct engine_error *error);

const struct engine_model *engine_model_of(const struct engine *engine);

/* From the next step on so many workers of the team take part: 1 to its count, which it begins
 * with.
 */
void engine_set_workers(struct engine *engine, uint32_t workers);

/* Memory for a sequence of `context` tokens (at most what the engine was opened with). */
size_t engine_sequence_bytes(const struct engine *engine, uint32_t context);

/*
 * An empty sequence in `memory` (aligned to ENGINE_ARENA_ALIGN, engine_sequence_bytes long, not
 * initialised). It is over when the caller takes the memory back.
 */
void engine_sequence_begin(struct engine_sequence *sequence, uint32_t context, void *memory);

/*
 * `to`, which may be for another context, holds the first `count` tokens of `from` and no others:
 * it is as if steps had taken them. At most as many as `from` holds, and `to` has room for.
 */
void engine_sequence_copy(const struct engine *engine, struct engine_sequence *to,
                          const struct engine_sequence *from, uint32_t count);

/*
 * One step. Either all sequences have moved, or, after an error, none has: ENGINE_E_ARGUMENT (no
 * tokens, more than `batch`, a token that is no word), ENGINE_E_CONTEXT (a sequence has no room for
 * its tokens), ENGINE_E_WEIGHTS.
 */
int engine_step(struct engine *engine, const struct engine_item *items, uint32_t count,
                struct engine_error *error);

/*
 * The most workers that there can be; and work(argument, worker) by the caller as worker 0 and by
 * those others that come in time, none of which is waited for before it has begun: what is to be
 * done must not depend on how many they are. Returns when all that began have ended. Not while a
 * step is under way.
 */
uint32_t engine_workers_most(const struct engine *engine);
void engine_share(struct engine *engine, void (*work)(void *argument, uint32_t worker),
                  void *argument);

/* The word with the greatest logit, the first of equal ones. */
uint32_t engine_greedy(const float *logits, uint32_t count);

#endif

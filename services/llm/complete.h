/* One prompt, one answer: what `llm` does once it has the files in memory. */
#ifndef LLM_COMPLETE_H
#define LLM_COMPLETE_H

#include "engine/batch.h"
#include "engine/choice.h"
#include "engine/tokenizer.h"

#define TRIALS_MAX     32
#define COMPLETE_BATCH 32u /* tokens of the prompt in one step */

/* A model whose kernels are chosen, and whose weights are packed for them. */
struct loaded {
    struct engine_model model;
    struct engine_mapping mapping;
    struct engine_source file, source;
    struct engine_packed packed;
    const struct engine_kernel **kernels;
    const struct engine_kernel *attention;
    struct engine_trial trials[TRIALS_MAX];
    uint32_t trial_count;
};

/* How it is loaded. */
struct loading {
    const uint8_t *file; /* a checkpoint, or a GGUF file, whole; aligned to 4 */
    uint64_t bytes;
    struct engine_machine machine;
    const char *kernel; /* names begin so; "reference": as the reference programs; NULL: the best */
};

/* Takes all memory from `arena`: the model once more, where it is packed. The engine's status. */
int load(struct loaded *loaded, const struct loading *loading, struct engine_arena *arena,
         struct engine_error *error);

/* What answers: an engine, opened for steps of COMPLETE_BATCH tokens, and the words of its model.
 */
struct answerer {
    struct engine *engine;
    const struct engine_shape *shape;
    const struct engine_tokenizer *tokenizer;
};

struct completion {
    struct answerer by;
    const char *prompt;
    uint32_t tokens_max;
    void (*put)(const uint8_t *text, size_t length_bytes); /* takes the answer, piece by piece */
    /* Called after each step of so many tokens, before what it made is put; NULL: go on, or why
     * not. May be NULL itself. */
    const char *(*stepped)(uint32_t tokens);

    uint32_t prompt_count, generated; /* tokens, when it is over */
    enum engine_finish finish;
};

/*
 * Answers with the most likely words. `arena` gives all memory: the model's keys and values for its
 * whole context, and a few megabytes. ENGINE_E_SPACE: its used_bytes say how much that is. The
 * status is the engine's, ENGINE_E_ARGUMENT when `stepped` says why not.
 */
int complete(struct completion *completion, struct engine_arena *arena, struct engine_error *error);

/* Opens what answers with a model that was loaded; `tokenizer` is the file, whole: a tokenizer.bin,
 * or a GGUF file. */
int open_answerer(struct answerer *answerer, const struct loaded *loaded, const uint8_t *tokenizer,
                  uint64_t tokenizer_bytes, struct engine_arena *arena, struct engine_error *error);

#endif

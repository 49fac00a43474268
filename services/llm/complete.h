/* One prompt, one answer: what `llm` does once it has the files in memory. */
#ifndef LLM_COMPLETE_H
#define LLM_COMPLETE_H

#include "engine/batch.h"
#include "engine/tokenizer.h"

struct completion {
    const uint8_t *model, *tokenizer; /* the files, whole; aligned to 4 */
    uint64_t model_bytes, tokenizer_bytes;
    const char *prompt;
    uint32_t tokens_max;
    void (*put)(const uint8_t *text, size_t length_bytes); /* takes the answer, piece by piece */

    uint32_t prompt_count, generated; /* tokens, when it is over */
    enum engine_finish finish;
};

/*
 * Answers with the most likely words. `arena` gives all memory: the model's keys and values for its
 * whole context, and a few megabytes. The status is the engine's.
 */
int complete(struct completion *completion, struct engine_arena *arena, struct engine_error *error);

#endif

/* One prompt, one answer: what `llm` does once it has the files in memory. */
#ifndef LLM_COMPLETE_H
#define LLM_COMPLETE_H

#include "engine/batch.h"
#include "engine/tokenizer.h"

struct completion {
    const uint8_t *model, *tokenizer; /* the files, whole */
    uint64_t model_bytes, tokenizer_bytes;
    const char *prompt;
    uint32_t tokens_max;
    void (*put)(const uint8_t *text, size_t length_bytes); /* takes the answer, piece by piece */

    uint32_t prompt_count, generated; /* tokens, when it is over */
    enum engine_finish finish;
};

/*
 * Answers. The arena gives all memory; one that only counts leads to ENGINE_E_SPACE with what is
 * needed in `used_bytes`. The prompt is put first, as the model read it.
 */
int complete(struct completion *completion, struct engine_arena *arena, struct engine_error *error);

#endif

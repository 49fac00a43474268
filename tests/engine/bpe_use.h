/* The engine's tokenizer with a byte-level vocabulary that a test makes. */
#ifndef TESTS_ENGINE_BPE_USE_H
#define TESTS_ENGINE_BPE_USE_H

#include "engine/tokenizer.h"

#include "bpe.h"

extern struct bpe bpe_used; /* what the test fills in */
extern struct engine_tokenizer bpe_tokenizer;
extern struct engine_error bpe_error;

/* Reads a file as a vocabulary of `count` pieces, from a copy that ends where the file does. */
int bpe_read(const uint8_t *file, size_t bytes, uint32_t count);

/* Writes and reads the vocabulary: it is a good one. */
void bpe_use(void);

/* Begins one with tokens that no text is merged to: "<|begin|>", "<|end|>", "<|end|>!" are control
 * tokens, "<tool> " is user-defined. */
struct bpe_marks {
    uint32_t begin, end, longer, user;
};
extern struct bpe_marks bpe_marks;
void bpe_begin_with_marks(const char *way);

/* Tokens of a text, with that for the begin; the text of tokens, whose length is returned. */
int64_t bpe_tokens(const void *text, size_t length, bool marked, uint32_t *tokens,
                   size_t tokens_max);
size_t bpe_text(const uint32_t *tokens, int64_t count, uint8_t *to);

#endif

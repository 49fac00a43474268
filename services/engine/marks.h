/* Marks: pieces that no text is merged to, and that stand in a text which is trusted by their
 * names. */
#ifndef ENGINE_MARKS_H
#define ENGINE_MARKS_H

#include "engine/tokenizer.h"

/* Puts tokenizer->marks, which are all there and of at least one byte, in order. */
void marks_sort(struct engine_tokenizer *tokenizer);

/* The longest mark that the text begins with, and its length; ENGINE_NO_TOKEN: none. */
uint32_t marks_find(const struct engine_tokenizer *tokenizer, const uint8_t *text, size_t left,
                    size_t *length_bytes);

#endif

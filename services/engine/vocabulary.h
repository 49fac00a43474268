/* Finding pieces by their text: shared by what reads tokenizers and what encodes. */
#ifndef ENGINE_VOCABULARY_H
#define ENGINE_VOCABULARY_H

#include "engine/tokenizer.h"

#define VOCABULARY_NONE UINT32_MAX

/* Takes room for `tokenizer->count` pieces and their index from `arena`. False: no memory. */
bool vocabulary_take(struct engine_tokenizer *tokenizer, struct engine_arena *arena);

/* Enters all pieces of text into the index; of equal ones only the first is found. */
void vocabulary_index(struct engine_tokenizer *tokenizer);

/* The piece with this text, or VOCABULARY_NONE. */
uint32_t vocabulary_find(const struct engine_tokenizer *tokenizer, const uint8_t *text,
                         size_t length_bytes);

#endif

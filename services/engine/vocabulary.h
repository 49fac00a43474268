/* Finding pieces by their text: shared by what reads tokenizers and what encodes. */
#ifndef ENGINE_VOCABULARY_H
#define ENGINE_VOCABULARY_H

#include "engine/tokenizer.h"

#define VOCABULARY_NONE ENGINE_NO_TOKEN

/* Takes room for `tokenizer->count` pieces and their index from `arena`. False: no memory. */
bool vocabulary_take(struct engine_tokenizer *tokenizer, struct engine_arena *arena);

/* Enters all pieces of text into the index; of equal ones only the first is found. */
void vocabulary_index(struct engine_tokenizer *tokenizer);

/* The piece with this text, or VOCABULARY_NONE. */
uint32_t vocabulary_find(const struct engine_tokenizer *tokenizer, const uint8_t *text,
                         size_t length_bytes);

/*
 * The same for merges: room for `tokenizer->merge_count`, then the index of all of them (of equal
 * ones the first is found), then the merge of two pieces, or VOCABULARY_NONE.
 */
bool vocabulary_take_merges(struct engine_tokenizer *tokenizer, struct engine_arena *arena);
void vocabulary_index_merges(struct engine_tokenizer *tokenizer);
uint32_t vocabulary_find_merge(const struct engine_tokenizer *tokenizer, uint32_t left,
                               uint32_t right);

#endif

#include "vocabulary.h"

#include <string.h>

#include "index.h"

/* Of a piece that is made from text. */
static struct index_key
text_of(const void *context, uint32_t number)
{
    const struct engine_piece *piece = &((const struct engine_tokenizer *)context)->pieces[number];
    return (struct index_key){piece->text,
                              piece->kind == ENGINE_PIECE_TEXT ? piece->length_bytes : 0};
}

bool
vocabulary_take(struct engine_tokenizer *tokenizer, struct engine_arena *arena)
{
    tokenizer->pieces = engine_arena_take(arena, tokenizer->count, sizeof *tokenizer->pieces);
    return index_take(&tokenizer->texts, tokenizer->count, arena) && tokenizer->pieces != NULL;
}

void
vocabulary_index(struct engine_tokenizer *tokenizer)
{
    index_fill(&tokenizer->texts, tokenizer->count, text_of, tokenizer);
}

uint32_t
vocabulary_find(const struct engine_tokenizer *tokenizer, const uint8_t *text, size_t length_bytes)
{
    return index_find(&tokenizer->texts, (struct index_key){text, length_bytes}, text_of,
                      tokenizer);
}

/* The two pieces, which stand in front of what they become. */
#define PAIR_BYTES offsetof(struct engine_merge, token)
_Static_assert(PAIR_BYTES == 2 * sizeof(uint32_t), "left and right, and nothing between");

static struct index_key
pair_of(const void *context, uint32_t number)
{
    return (struct index_key){&((const struct engine_tokenizer *)context)->merges[number],
                              PAIR_BYTES};
}

bool
vocabulary_take_merges(struct engine_tokenizer *tokenizer, struct engine_arena *arena)
{
    tokenizer->merges = engine_arena_take(arena, tokenizer->merge_count, sizeof *tokenizer->merges);
    return index_take(&tokenizer->pairs, tokenizer->merge_count, arena) &&
           tokenizer->merges != NULL;
}

void
vocabulary_index_merges(struct engine_tokenizer *tokenizer)
{
    index_fill(&tokenizer->pairs, tokenizer->merge_count, pair_of, tokenizer);
}

uint32_t
vocabulary_find_merge(const struct engine_tokenizer *tokenizer, uint32_t left, uint32_t right)
{
    const struct engine_merge pair = {left, right, 0};
    return index_find(&tokenizer->pairs, (struct index_key){&pair, PAIR_BYTES}, pair_of, tokenizer);
}

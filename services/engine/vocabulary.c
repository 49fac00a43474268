#include "vocabulary.h"

#include <string.h>

/* FNV-1a. A file can be made to collide: it then only slows its own model down. */
static uint32_t
hash(const uint8_t *text, size_t length_bytes)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < length_bytes; i++)
        hash = (hash ^ text[i]) * 16777619u;
    return hash ^ hash >> 15;
}

bool
vocabulary_take(struct engine_tokenizer *tokenizer, struct engine_arena *arena)
{
    size_t slots = 2;
    while (slots < 2 * (size_t)tokenizer->count)
        slots *= 2;
    tokenizer->slot_mask = (uint32_t)(slots - 1);
    tokenizer->pieces = engine_arena_take(arena, tokenizer->count, sizeof *tokenizer->pieces);
    tokenizer->slots = engine_arena_take(arena, slots, sizeof *tokenizer->slots);
    return tokenizer->pieces != NULL && tokenizer->slots != NULL;
}

/* The slot that holds the piece with this text, or the free one where it would be. */
static uint32_t
find_slot(const struct engine_tokenizer *tokenizer, const uint8_t *text, size_t length_bytes)
{
    uint32_t slot = hash(text, length_bytes) & tokenizer->slot_mask;
    while (tokenizer->slots[slot] != 0) {
        const struct engine_piece *piece = &tokenizer->pieces[tokenizer->slots[slot] - 1];
        if (piece->length_bytes == length_bytes && memcmp(piece->text, text, length_bytes) == 0)
            break;
        slot = (slot + 1) & tokenizer->slot_mask;
    }
    return slot;
}

void
vocabulary_index(struct engine_tokenizer *tokenizer)
{
    memset(tokenizer->slots, 0, ((size_t)tokenizer->slot_mask + 1) * sizeof *tokenizer->slots);
    for (uint32_t i = 0; i < tokenizer->count; i++) {
        const struct engine_piece *piece = &tokenizer->pieces[i];
        if (piece->kind != ENGINE_PIECE_TEXT || piece->length_bytes == 0)
            continue;
        uint32_t slot = find_slot(tokenizer, piece->text, piece->length_bytes);
        if (tokenizer->slots[slot] == 0)
            tokenizer->slots[slot] = i + 1;
    }
}

uint32_t
vocabulary_find(const struct engine_tokenizer *tokenizer, const uint8_t *text, size_t length_bytes)
{
    uint32_t piece = tokenizer->slots[find_slot(tokenizer, text, length_bytes)];
    return piece == 0 ? VOCABULARY_NONE : piece - 1;
}

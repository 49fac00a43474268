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

/* At most half of the slots are in use. */
static uint32_t *
take_slots(struct engine_arena *arena, uint32_t count, uint32_t *mask)
{
    size_t slots = 2;
    while (slots < 2 * (size_t)count)
        slots *= 2;
    *mask = (uint32_t)(slots - 1);
    return engine_arena_take(arena, slots, sizeof(uint32_t));
}

bool
vocabulary_take(struct engine_tokenizer *tokenizer, struct engine_arena *arena)
{
    tokenizer->pieces = engine_arena_take(arena, tokenizer->count, sizeof *tokenizer->pieces);
    tokenizer->slots = take_slots(arena, tokenizer->count, &tokenizer->slot_mask);
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

bool
vocabulary_take_merges(struct engine_tokenizer *tokenizer, struct engine_arena *arena)
{
    tokenizer->merges = engine_arena_take(arena, tokenizer->merge_count, sizeof *tokenizer->merges);
    tokenizer->merge_slots = take_slots(arena, tokenizer->merge_count, &tokenizer->merge_mask);
    return tokenizer->merges != NULL && tokenizer->merge_slots != NULL;
}

/* The slot that holds the merge of two pieces, or the free one where it would be. */
static uint32_t
find_merge_slot(const struct engine_tokenizer *tokenizer, uint32_t left, uint32_t right)
{
    uint32_t mixed = (left * 0x9e3779b1u ^ right) * 0x85ebca6bu;
    uint32_t slot = (mixed ^ mixed >> 15) & tokenizer->merge_mask;
    while (tokenizer->merge_slots[slot] != 0) {
        const struct engine_merge *merge = &tokenizer->merges[tokenizer->merge_slots[slot] - 1];
        if (merge->left == left && merge->right == right)
            break;
        slot = (slot + 1) & tokenizer->merge_mask;
    }
    return slot;
}

void
vocabulary_index_merges(struct engine_tokenizer *tokenizer)
{
    memset(tokenizer->merge_slots, 0,
           ((size_t)tokenizer->merge_mask + 1) * sizeof *tokenizer->merge_slots);
    for (uint32_t i = 0; i < tokenizer->merge_count; i++) {
        const struct engine_merge *merge = &tokenizer->merges[i];
        uint32_t slot = find_merge_slot(tokenizer, merge->left, merge->right);
        if (tokenizer->merge_slots[slot] == 0)
            tokenizer->merge_slots[slot] = i + 1;
    }
}

uint32_t
vocabulary_find_merge(const struct engine_tokenizer *tokenizer, uint32_t left, uint32_t right)
{
    uint32_t merge = tokenizer->merge_slots[find_merge_slot(tokenizer, left, right)];
    return merge == 0 ? VOCABULARY_NONE : merge - 1;
}

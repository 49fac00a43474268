/*
 * Finding things by their bytes: by a hash into buckets, of mostly one, each of which is in order.
 * Whatever a file makes of its names, n of them are indexed with n log n comparisons, and each is
 * found with log n.
 */
#ifndef ENGINE_INDEX_H
#define ENGINE_INDEX_H

#include "engine/arena.h"
#include "engine/tokenizer.h"

#define INDEX_NONE UINT32_MAX

struct index_key {
    const void *bytes;
    size_t length_bytes; /* 0: it is not indexed */
};

/* The key of item `item`; always the same. */
typedef struct index_key index_key_of(const void *context, uint32_t item);

/* Takes memory for `count` items from `arena`. False: there is none. */
bool index_take(struct engine_index *index, uint32_t count, struct engine_arena *arena);

/* Enters items 0 to count - 1. */
void index_fill(struct engine_index *index, uint32_t count, index_key_of *key_of,
                const void *context);

/* The item with this key, the first of several, or INDEX_NONE. */
uint32_t index_find(const struct engine_index *index, struct index_key key, index_key_of *key_of,
                    const void *context);

#endif

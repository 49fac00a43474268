/*
 * Keys and values of 8 bits: where they lie in the memory of a sequence. For each layer and kv head
 * a struct head_cache, one behind the other.
 */
#ifndef ENGINE_HEAD_CACHE_H
#define ENGINE_HEAD_CACHE_H

#include "engine_private.h"
#include "rows16.h"

/* The memory of one kv head of one layer. */
struct head_cache {
    uint8_t *keys;   /* strips of 16 positions, of head_dim columns */
    uint8_t *values; /* strips of 16 dimensions, of as many columns as there are positions */
    float *key_units, *value_units; /* of each position */
    uint32_t key_groups, value_groups, value_strips;
};

static inline uint32_t
head_cache_divide_up(uint32_t count, uint32_t by)
{
    return (count + by - 1) / by;
}

struct head_cache head_cache_of(const struct engine *engine, const struct engine_sequence *sequence,
                                uint32_t layer, uint32_t kv_head);

#endif

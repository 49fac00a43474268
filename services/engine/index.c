#include "index.h"

#include <string.h>

#include "sort.h"

/* FNV-1a. */
static uint32_t
bucket_of(const struct engine_index *index, struct index_key key)
{
    const uint8_t *bytes = key.bytes;
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < key.length_bytes; i++)
        hash = (hash ^ bytes[i]) * 16777619u;
    return (hash ^ hash >> 15) & index->mask;
}

bool
index_take(struct engine_index *index, uint32_t count, struct engine_arena *arena)
{
    size_t buckets = 1;
    while (buckets < count)
        buckets *= 2;
    index->mask = (uint32_t)(buckets - 1);
    index->starts = engine_arena_take(arena, buckets + 1, sizeof *index->starts);
    index->order = engine_arena_take(arena, count, sizeof *index->order);
    return index->starts != NULL && index->order != NULL;
}

/* Negative, 0 or positive, as `a` comes before `b`, is the same, or comes behind: the shorter
 * first.
 */
static int
compare(struct index_key a, struct index_key b)
{
    if (a.length_bytes != b.length_bytes)
        return a.length_bytes < b.length_bytes ? -1 : 1;
    return memcmp(a.bytes, b.bytes, a.length_bytes);
}

struct keys {
    index_key_of *key_of;
    const void *context;
};

static bool
is_before(const void *context, uint32_t a, uint32_t b)
{
    const struct keys *keys = context;
    int order = compare(keys->key_of(keys->context, a), keys->key_of(keys->context, b));
    return order != 0 ? order < 0 : a < b;
}

/* Each item into its bucket: `starts` has first how many there are, then where each bucket ends,
 * which comes down to where it starts. */
static void
distribute(struct engine_index *index, uint32_t count, const struct keys *keys)
{
    uint32_t *starts = index->starts;
    memset(starts, 0, ((size_t)index->mask + 2) * sizeof *starts);
    for (uint32_t i = 0; i < count; i++) {
        struct index_key key = keys->key_of(keys->context, i);
        if (key.length_bytes > 0)
            starts[bucket_of(index, key)]++;
    }
    for (uint32_t b = 0; b <= index->mask; b++)
        starts[b + 1] += starts[b];
    for (uint32_t i = count; i-- > 0;) {
        struct index_key key = keys->key_of(keys->context, i);
        if (key.length_bytes > 0)
            index->order[--starts[bucket_of(index, key)]] = i;
    }
}

void
index_fill(struct engine_index *index, uint32_t count, index_key_of *key_of, const void *context)
{
    const struct keys keys = {key_of, context};
    distribute(index, count, &keys);
    for (uint32_t b = 0; b <= index->mask; b++)
        sort_items(index->order + index->starts[b], index->starts[b + 1] - index->starts[b],
                   is_before, &keys);
}

uint32_t
index_find(const struct engine_index *index, struct index_key key, index_key_of *key_of,
           const void *context)
{
    uint32_t bucket = bucket_of(index, key);
    uint32_t low = index->starts[bucket], end = index->starts[bucket + 1];
    for (uint32_t high = end > low ? end - 1 : low;
         low < high;) { /* the first not before the key */
        uint32_t middle = low + (high - low) / 2;
        if (compare(key_of(context, index->order[middle]), key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < end && compare(key_of(context, index->order[low]), key) == 0 ? index->order[low]
                                                                              : INDEX_NONE;
}

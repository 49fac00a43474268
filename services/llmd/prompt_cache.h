/*
 * Beginnings of texts that were computed before: their tokens with a copy of their keys and values,
 * so that a prompt that begins likewise is read from there on. What follows is the same, bit for
 * bit.
 *
 * How soon an answer comes tells whether its prompt's beginning was kept. So each has a key, which
 * its client chose: only requests with the same key find it, and what has none is not kept. Memory
 * is bounded, and what was not used for longest goes first, whosever it is.
 */
#ifndef LLMD_PROMPT_CACHE_H
#define LLMD_PROMPT_CACHE_H

#include "engine/engine.h"

#include "metrics.h"

#define PROMPT_CACHE_KEY_BYTES 33u /* with its 0 */
#define PROMPT_CACHE_ENTRIES   64u
#define PROMPT_CACHE_LEAST     8u /* tokens: fewer are read again as fast as they are copied */

struct prompt_cache_entry {
    char key[PROMPT_CACHE_KEY_BYTES];
    struct engine_sequence sequence; /* its memory is from malloc; NULL: the entry is free */
    uint32_t *tokens;                /* as many as the sequence holds; behind its memory */
    size_t bytes;
    uint64_t used; /* of the cache's turns, the newest */
};

struct prompt_cache {
    size_t bytes, bytes_max;
    size_t bytes_had; /* of the heap, at most, since all was dropped: so many need not be spared */
    bool (*can_spare)(size_t bytes);
    uint64_t turns, hits, misses, reused, evictions; /* reused: tokens */
    struct prompt_cache_entry entries[PROMPT_CACHE_ENTRIES];
};

/* An empty one, of `bytes_max` at most; 0: it stays empty. `can_spare`: whether others can do
 * without so many bytes more; NULL: always. */
void prompt_cache_open(struct prompt_cache *cache, size_t bytes_max,
                       bool (*can_spare)(size_t bytes));

/*
 * Lets `to`, which is empty, hold the longest beginning of these tokens that was kept with `key`
 * ("": none), but not all of them. Returns how many that are.
 */
uint32_t prompt_cache_find(struct prompt_cache *cache, const struct engine *engine, const char *key,
                           const uint32_t *tokens, uint32_t count, struct engine_sequence *to);

/* Keeps a copy of what `from` holds, which is `tokens`, where there is memory for it. */
void prompt_cache_keep(struct prompt_cache *cache, const struct engine *engine, const char *key,
                       const uint32_t *tokens, const struct engine_sequence *from);

/* Gives all memory back: whether there was some. */
bool prompt_cache_drop(struct prompt_cache *cache);

/* For /metrics: the context is the struct prompt_cache. */
metrics_source prompt_cache_count;

#endif

/* A table of sequences, searched from end to end: there are few, and comparing stops early. */
#include "prompt_cache.h"

#include <stdlib.h>
#include <string.h>

void
prompt_cache_open(struct prompt_cache *cache, size_t bytes_max, bool (*can_spare)(size_t bytes))
{
    *cache = (struct prompt_cache){.bytes_max = bytes_max, .can_spare = can_spare};
}

static void
drop(struct prompt_cache *cache, struct prompt_cache_entry *entry)
{
    cache->bytes -= entry->bytes;
    free(entry->sequence.memory);
    *entry = (struct prompt_cache_entry){.bytes = 0};
}

bool
prompt_cache_drop(struct prompt_cache *cache)
{
    bool any = cache->bytes > 0;
    for (uint32_t i = 0; i < PROMPT_CACHE_ENTRIES; i++)
        drop(cache, &cache->entries[i]);
    cache->bytes_had = 0;
    return any;
}

/* Tokens at the beginning that are the same, of `count`; 0 of an entry with another key. */
static uint32_t
common(const struct prompt_cache_entry *entry, const char *key, const uint32_t *tokens,
       uint32_t count)
{
    uint32_t same = 0;
    if (entry->sequence.memory == NULL || strcmp(entry->key, key) != 0)
        return 0;
    while (same < count && same < entry->sequence.position && entry->tokens[same] == tokens[same])
        same++;
    return same;
}

uint32_t
prompt_cache_find(struct prompt_cache *cache, const struct engine *engine, const char *key,
                  const uint32_t *tokens, uint32_t count, struct engine_sequence *to)
{
    struct prompt_cache_entry *best = NULL;
    uint32_t most = PROMPT_CACHE_LEAST - 1;
    if (key[0] == '\0')
        return 0;
    for (uint32_t i = 0; i < PROMPT_CACHE_ENTRIES; i++) {
        uint32_t same = common(&cache->entries[i], key, tokens, count - 1);
        if (same > most) {
            most = same;
            best = &cache->entries[i];
        }
    }
    cache->hits += best != NULL;
    cache->misses += best == NULL;
    if (best == NULL)
        return 0;
    best->used = ++cache->turns;
    cache->reused += most;
    engine_sequence_copy(engine, to, &best->sequence, most);
    return most;
}

/* --- Keeping ---------------------------------------------------------------------------------- */

/* The one that was not used for longest; a free one before all. */
static struct prompt_cache_entry *
oldest(struct prompt_cache *cache, bool in_use)
{
    struct prompt_cache_entry *found = NULL;
    for (uint32_t i = 0; i < PROMPT_CACHE_ENTRIES; i++) {
        struct prompt_cache_entry *entry = &cache->entries[i];
        bool counts = !in_use || entry->sequence.memory != NULL;
        if (counts && (found == NULL || entry->used < found->used))
            found = entry;
    }
    return found;
}

static void
evict(struct prompt_cache *cache, struct prompt_cache_entry *entry)
{
    cache->evictions++;
    drop(cache, entry);
}

/* Whether the heap has so many bytes of what was kept before, or can have what is missing. */
static bool
may_have(const struct prompt_cache *cache, size_t bytes)
{
    size_t all = cache->bytes + bytes;
    return all <= cache->bytes_had || cache->can_spare == NULL ||
           cache->can_spare(all - cache->bytes_had);
}

/* Memory of so many bytes, within the bound, and not the last; what was not used for longest makes
 * room for it. */
static void *
take_memory(struct prompt_cache *cache, size_t bytes)
{
    void *memory = NULL;
    if (bytes > cache->bytes_max)
        return NULL;
    if (bytes > cache->bytes_had && cache->can_spare != NULL &&
        !cache->can_spare(bytes - cache->bytes_had))
        return NULL; /* even if all others went */
    while (cache->bytes > cache->bytes_max - bytes)
        evict(cache, oldest(cache, true));
    while (
        (!may_have(cache, bytes) || (memory = aligned_alloc(ENGINE_ARENA_ALIGN, bytes)) == NULL) &&
        cache->bytes > 0)
        evict(cache, oldest(cache, true));
    return memory;
}

/* Whether one that holds all of it is there. Those that hold only a beginning of it go. */
static bool
is_kept(struct prompt_cache *cache, const char *key, const uint32_t *tokens, uint32_t count)
{
    for (uint32_t i = 0; i < PROMPT_CACHE_ENTRIES; i++) {
        struct prompt_cache_entry *entry = &cache->entries[i];
        uint32_t same = common(entry, key, tokens, count);
        if (same == count) {
            entry->used = ++cache->turns;
            return true;
        }
        if (same > 0 && same == entry->sequence.position)
            drop(cache, entry);
    }
    return false;
}

void
prompt_cache_keep(struct prompt_cache *cache, const struct engine *engine, const char *key,
                  const uint32_t *tokens, const struct engine_sequence *from)
{
    uint32_t count = from->position;
    size_t room = engine_sequence_bytes(engine, count);
    size_t bytes = engine_arena_round(room + count * sizeof(*tokens));
    if (key[0] == '\0' || count < PROMPT_CACHE_LEAST || is_kept(cache, key, tokens, count))
        return;
    void *memory = take_memory(cache, bytes);
    if (memory == NULL)
        return;
    struct prompt_cache_entry *entry = oldest(cache, false);
    if (entry->sequence.memory != NULL)
        evict(cache, entry);
    *entry = (struct prompt_cache_entry){.tokens = (uint32_t *)(void *)((char *)memory + room),
                                         .bytes = bytes,
                                         .used = ++cache->turns};
    memcpy(entry->key, key, strlen(key) + 1);
    memcpy(entry->tokens, tokens, count * sizeof(*tokens));
    engine_sequence_begin(&entry->sequence, count, memory);
    engine_sequence_copy(engine, &entry->sequence, from, count);
    cache->bytes += bytes;
    if (cache->bytes > cache->bytes_had)
        cache->bytes_had = cache->bytes;
}

void
prompt_cache_count(struct metrics_text *text, void *context)
{
    const struct prompt_cache *cache = context;
    metrics_put(text, "llmd_prompt_cache_hits_total", "counter",
                "prompts with a key whose beginning was kept", cache->hits);
    metrics_put(text, "llmd_prompt_cache_misses_total", "counter",
                "prompts with a key whose beginning was not", cache->misses);
    metrics_put(text, "llmd_prompt_cache_tokens_total", "counter",
                "tokens of prompts that were not computed again", cache->reused);
    metrics_put(text, "llmd_prompt_cache_evictions_total", "counter",
                "beginnings that made room for others", cache->evictions);
    metrics_put(text, "llmd_prompt_cache_bytes", "gauge", "memory of what is kept", cache->bytes);
}

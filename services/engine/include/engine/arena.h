/*
 * Memory that the caller gives, and the engine takes from front to back. Nothing is ever given
 * back: who wants the memory again starts a new arena over it.
 */
#ifndef ENGINE_ARENA_H
#define ENGINE_ARENA_H

#include <stddef.h>
#include <stdint.h>

#define ENGINE_ARENA_ALIGN 64 /* of everything that is taken: a cache line, the widest vector */

/* `bytes` in whole units of that: aligned_alloc (C17 7.22.3.1) wants it so. */
static inline size_t
engine_arena_round(size_t bytes)
{
    return (bytes + ENGINE_ARENA_ALIGN - 1) & ~(size_t)(ENGINE_ARENA_ALIGN - 1);
}

struct engine_arena {
    uint8_t *base; /* NULL: nothing is there, and what is taken is only counted */
    size_t size_bytes;
    size_t used_bytes; /* also after a failure: what would have been needed up to there */
};

/*
 * `count` pieces of `piece_bytes`, not initialised; NULL when they do not fit, or when the arena
 * only counts. `used_bytes` stays at SIZE_MAX once it does not fit there.
 */
void *engine_arena_take(struct engine_arena *arena, size_t count, size_t piece_bytes);

#endif

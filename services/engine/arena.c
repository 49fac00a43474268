#include "engine/arena.h"

void *
engine_arena_take(struct engine_arena *arena, size_t count, size_t piece_bytes)
{
    size_t bytes, end;
    size_t start = arena->used_bytes;
    if (__builtin_mul_overflow(count, piece_bytes, &bytes) ||
        __builtin_add_overflow(start, ENGINE_ARENA_ALIGN - 1, &start) ||
        __builtin_add_overflow(start & ~(size_t)(ENGINE_ARENA_ALIGN - 1), bytes, &end)) {
        arena->used_bytes = SIZE_MAX;
        return NULL;
    }
    start &= ~(size_t)(ENGINE_ARENA_ALIGN - 1);
    arena->used_bytes = end;
    return arena->base != NULL && end <= arena->size_bytes ? arena->base + start : NULL;
}

#include "counted.h"

#include "answering.h"

#undef malloc
#undef calloc
#undef realloc
#undef aligned_alloc
#undef free

#define PROMPT_BYTES 256

uint32_t pieces_of_memory;
bool memory_is_short;
size_t piece_bytes_max = SIZE_MAX;
bool pieces_are_refused;

/* What is kept has nearly all of the memory. */
static bool
is_too_much(size_t bytes)
{
    return (bytes > piece_bytes_max && serve.cache.bytes > 0) ||
           (pieces_are_refused && bytes > PROMPT_BYTES);
}

static void *
count(void *memory)
{
    pieces_of_memory += memory != NULL;
    return memory;
}

void *
counted_malloc(size_t bytes)
{
    return is_too_much(bytes) ? NULL : count(malloc(bytes));
}

void *
counted_calloc(size_t number, size_t bytes)
{
    return count(calloc(number, bytes));
}

void *
counted_realloc(void *memory, size_t bytes)
{
    if (memory == NULL || is_too_much(bytes))
        return memory == NULL ? counted_malloc(bytes) : NULL;
    return realloc(memory, bytes);
}

void *
counted_aligned_alloc(size_t align, size_t bytes)
{
    return memory_is_short ? NULL : count(aligned_alloc(align, bytes));
}

void
counted_free(void *memory)
{
    pieces_of_memory -= memory != NULL;
    free(memory);
}

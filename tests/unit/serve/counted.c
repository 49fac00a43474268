#include "counted.h"

#include "answering.h"

#undef malloc
#undef calloc
#undef realloc
#undef aligned_alloc
#undef free

uint32_t pieces_of_memory;
bool memory_is_short;

static void *
count(void *memory)
{
    pieces_of_memory += memory != NULL;
    return memory;
}

void *
counted_malloc(size_t bytes)
{
    return count(malloc(bytes));
}

void *
counted_calloc(size_t number, size_t bytes)
{
    return count(calloc(number, bytes));
}

void *
counted_realloc(void *memory, size_t bytes)
{
    return memory == NULL ? counted_malloc(bytes) : realloc(memory, bytes);
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

/* Put in front of each file: comparisons of bytes are counted. */
#ifndef TESTS_UNIT_INDEX_COUNTED_H
#define TESTS_UNIT_INDEX_COUNTED_H

#include <stdint.h>
#include <string.h>

extern uint64_t comparisons;

static inline int
counted_memcmp(const void *a, const void *b, size_t bytes)
{
    comparisons++;
    return memcmp(a, b, bytes);
}
#define memcmp counted_memcmp

#endif

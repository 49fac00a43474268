/* Memory that is counted, and short where a test wants it to be: for the sources of test_serve
 * that ask for some. */
#ifndef TESTS_UNIT_SERVE_COUNTED_H
#define TESTS_UNIT_SERVE_COUNTED_H

#include <stdlib.h>

void *counted_malloc(size_t bytes);
void *counted_calloc(size_t count, size_t bytes);
void *counted_realloc(void *memory, size_t bytes);
void *counted_aligned_alloc(size_t align, size_t bytes);
void counted_free(void *memory);

#define malloc        counted_malloc
#define calloc        counted_calloc
#define realloc       counted_realloc
#define aligned_alloc counted_aligned_alloc
#define free          counted_free

#endif

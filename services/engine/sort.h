/* Putting numbers of things in order, by their things: a heap, so that n log n is the worst case.
 */
#ifndef ENGINE_SORT_H
#define ENGINE_SORT_H

#include <stdbool.h>
#include <stdint.h>

/* Whether thing `a` comes before thing `b`; of two, one does. */
typedef bool sort_is_before(const void *context, uint32_t a, uint32_t b);

void sort_items(uint32_t *items, uint32_t count, sort_is_before *is_before, const void *context);

#endif

#include "sort.h"

struct heap {
    uint32_t *items;
    sort_is_before *is_before;
    const void *context;
};

/* Lets the item at `at` sink to its place in a heap with the last one on top. */
static void
sink(const struct heap *heap, uint32_t at, uint32_t count)
{
    uint32_t *items = heap->items, item = items[at];
    for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && heap->is_before(heap->context, items[child], items[child + 1]))
            child++;
        if (!heap->is_before(heap->context, item, items[child]))
            break;
        items[at] = items[child];
    }
    items[at] = item;
}

void
sort_items(uint32_t *items, uint32_t count, sort_is_before *is_before, const void *context)
{
    const struct heap heap = {items, is_before, context};
    for (uint32_t i = count / 2; i-- > 0;)
        sink(&heap, i, count);
    for (uint32_t i = count; i-- > 1;) {
        uint32_t last = items[0];
        items[0] = items[i];
        items[i] = last;
        sink(&heap, 0, i);
    }
}

#include "marks.h"

#include <string.h>

#include "sort.h"

/* By bytes, of two that begin alike the shorter first, of two that are alike the piece. */
static bool
is_before(const void *context, uint32_t a, uint32_t b)
{
    const struct engine_tokenizer *tokenizer = context;
    const struct engine_piece *one = &tokenizer->pieces[a], *other = &tokenizer->pieces[b];
    size_t shorter =
        one->length_bytes < other->length_bytes ? one->length_bytes : other->length_bytes;
    int order = memcmp(one->text, other->text, shorter);
    if (order == 0 && one->length_bytes != other->length_bytes)
        return one->length_bytes < other->length_bytes;
    return order != 0 ? order < 0 : a < b;
}

void
marks_sort(struct engine_tokenizer *tokenizer)
{
    sort_items(tokenizer->marks, tokenizer->mark_count, is_before, tokenizer);
}

/* The first of marks `low` to `high`, alike before byte `at`, that has there at least `byte`. */
static uint32_t
first_with(const struct engine_tokenizer *tokenizer, uint32_t low, uint32_t high, size_t at,
           unsigned byte)
{
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (tokenizer->pieces[tokenizer->marks[middle]].text[at] < byte)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t
marks_find(const struct engine_tokenizer *tokenizer, const uint8_t *text, size_t left,
           size_t *length_bytes)
{
    uint32_t found = ENGINE_NO_TOKEN, low = 0, high = tokenizer->mark_count;
    for (size_t at = 0; low < high && at < left; at++) {
        low = first_with(tokenizer, low, high, at, text[at]);
        high = first_with(tokenizer, low, high, at, text[at] + 1u);
        for (; low < high; low++) { /* those that end here are in front */
            uint32_t mark = tokenizer->marks[low];
            if (tokenizer->pieces[mark].length_bytes > at + 1)
                break;
            found = mark;
            *length_bytes = at + 1;
        }
    }
    return found;
}

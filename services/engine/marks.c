#include "marks.h"

#include <string.h>

/* Whether mark `a` comes before mark `b`: by bytes, of two that begin alike the shorter. */
static bool
is_before(const struct engine_tokenizer *tokenizer, uint32_t a, uint32_t b)
{
    const struct engine_piece *one = &tokenizer->pieces[a], *other = &tokenizer->pieces[b];
    size_t shorter =
        one->length_bytes < other->length_bytes ? one->length_bytes : other->length_bytes;
    int order = memcmp(one->text, other->text, shorter);
    return order != 0 ? order < 0 : one->length_bytes < other->length_bytes;
}

/* Lets the mark at `at` sink to its place in a heap with the last one on top. */
static void
sink(struct engine_tokenizer *tokenizer, uint32_t at, uint32_t count)
{
    uint32_t *marks = tokenizer->marks, mark = marks[at];
    for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && is_before(tokenizer, marks[child], marks[child + 1]))
            child++;
        if (!is_before(tokenizer, mark, marks[child]))
            break;
        marks[at] = marks[child];
    }
    marks[at] = mark;
}

void
marks_sort(struct engine_tokenizer *tokenizer)
{
    uint32_t *marks = tokenizer->marks;
    for (uint32_t i = tokenizer->mark_count / 2; i-- > 0;)
        sink(tokenizer, i, tokenizer->mark_count);
    for (uint32_t i = tokenizer->mark_count; i-- > 1;) {
        uint32_t last = marks[0];
        marks[0] = marks[i];
        marks[i] = last;
        sink(tokenizer, 0, i);
    }
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

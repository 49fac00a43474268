/*
 * The characters are a linked list; a heap has each pair of neighbours that together are a piece. A
 * pair of which one side has been merged since is noticed when it comes out of the heap: its
 * lengths no longer add up.
 */
#include "encode.h"

/* Better: the higher score, of equal ones that further left. */
static bool
is_better(const struct pair *a, const struct pair *b)
{
    return a->score != b->score ? a->score > b->score : a->left < b->left;
}

static void
push(struct encoder *encoder, struct pair pair)
{
    uint32_t at = encoder->heap_count++;
    for (; at > 0; at = (at - 1) / 2) {
        if (!is_better(&pair, &encoder->heap[(at - 1) / 2]))
            break;
        encoder->heap[at] = encoder->heap[(at - 1) / 2];
    }
    encoder->heap[at] = pair;
}

static struct pair
pop(struct encoder *encoder)
{
    struct pair *heap = encoder->heap;
    struct pair best = heap[0], last = heap[--encoder->heap_count];
    uint32_t at = 0;
    for (uint32_t child; (child = 2 * at + 1) < encoder->heap_count; at = child) {
        if (child + 1 < encoder->heap_count && is_better(&heap[child + 1], &heap[child]))
            child++;
        if (!is_better(&heap[child], &last))
            break;
        heap[at] = heap[child];
    }
    heap[at] = last;
    return best;
}

/* Whether two neighbours can be merged, into what, and how good that is. */
static bool
find_merge(const struct encoder *encoder, const struct symbol *a, const struct symbol *b,
           struct pair *pair)
{
    const struct engine_tokenizer *tokenizer = encoder->tokenizer;
    if (tokenizer->split != NULL) {
        uint32_t merge = vocabulary_find_merge(tokenizer, a->token, b->token);
        if (merge == VOCABULARY_NONE)
            return false;
        pair->token = tokenizer->merges[merge].token;
        pair->score = -(float)merge;
        return true;
    }
    if (pair->length > tokenizer->piece_bytes_max)
        return false;
    pair->token = vocabulary_find(tokenizer, encoder->text + a->start, pair->length);
    if (pair->token != VOCABULARY_NONE)
        pair->score = tokenizer->pieces[pair->token].score;
    return pair->token != VOCABULARY_NONE;
}

/* Remembers that `left` and its neighbour can be merged, if they can. */
static void
consider(struct encoder *encoder, uint32_t left)
{
    if (left == ENCODE_NONE || encoder->symbols[left].next == ENCODE_NONE)
        return;
    const struct symbol *a = &encoder->symbols[left], *b = &encoder->symbols[a->next];
    struct pair pair = {.left = left, .right = a->next, .length = a->length + b->length};
    if (a->length > 0 && b->length > 0 && find_merge(encoder, a, b, &pair))
        push(encoder, pair);
}

static void
merge_pair(struct encoder *encoder, const struct pair *pair)
{
    struct symbol *left = &encoder->symbols[pair->left], *right = &encoder->symbols[pair->right];
    if (left->length == 0 || right->length == 0 || left->next != pair->right ||
        left->length + right->length != pair->length)
        return;
    left->length = pair->length;
    left->token = pair->token;
    left->next = right->next;
    right->length = 0;
    if (left->next != ENCODE_NONE)
        encoder->symbols[left->next].previous = pair->left;
    consider(encoder, left->previous);
    consider(encoder, pair->left);
}

void
encode_add_symbol(struct encoder *encoder, uint32_t start, uint32_t length, uint32_t token)
{
    uint32_t index = encoder->symbol_count++;
    encoder->symbols[index] = (struct symbol){index - 1, index + 1, start, length, token};
}

void
encode_put(struct encoder *encoder, uint32_t token)
{
    if (encoder->token_count < encoder->tokens_max)
        encoder->tokens[encoder->token_count++] = token;
    else
        encoder->full = true;
}

void
encode_merge(struct encoder *encoder)
{
    if (encoder->symbol_count == 0)
        return;
    encoder->symbols[encoder->symbol_count - 1].next = ENCODE_NONE;
    for (uint32_t i = 0; i + 1 < encoder->symbol_count; i++)
        consider(encoder, i);
    while (encoder->heap_count > 0) {
        struct pair best = pop(encoder);
        merge_pair(encoder, &best);
    }
    for (uint32_t at = 0; at != ENCODE_NONE; at = encoder->symbols[at].next)
        encode_put(encoder, encoder->symbols[at].token);
    encoder->symbol_count = 0;
}

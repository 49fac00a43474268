/*
 * Byte-pair encoding in the manner of SentencePiece. The characters are a linked list; a heap has
 * each pair of neighbours that together are a piece. A pair of which one side has been merged since
 * is noticed when it comes out of the heap: its lengths no longer add up.
 */
#include "vocabulary.h"

#include <string.h>

#define NONE UINT32_MAX

struct symbol {
    uint32_t previous, next; /* NONE at the ends */
    uint32_t start, length;  /* of its text; no length: merged into another one, or a byte */
    uint32_t token;
};

struct pair {
    float score;
    uint32_t left, right, length, token;
};

struct encoder {
    const struct engine_tokenizer *tokenizer;
    uint8_t *text;
    struct symbol *symbols;
    uint32_t symbol_count;
    struct pair *heap;
    uint32_t heap_count;
};

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

/* Remembers that `left` and its neighbour can be merged, if they can. */
static void
consider(struct encoder *encoder, uint32_t left)
{
    if (left == NONE || encoder->symbols[left].next == NONE)
        return;
    const struct symbol *a = &encoder->symbols[left], *b = &encoder->symbols[a->next];
    uint32_t length = a->length + b->length;
    if (a->length == 0 || b->length == 0 || length > encoder->tokenizer->piece_bytes_max)
        return;
    uint32_t token = vocabulary_find(encoder->tokenizer, encoder->text + a->start, length);
    if (token != VOCABULARY_NONE)
        push(encoder,
             (struct pair){encoder->tokenizer->pieces[token].score, left, a->next, length, token});
}

static void
merge(struct encoder *encoder, const struct pair *pair)
{
    struct symbol *left = &encoder->symbols[pair->left], *right = &encoder->symbols[pair->right];
    if (left->length == 0 || right->length == 0 || left->next != pair->right ||
        left->length + right->length != pair->length)
        return;
    left->length = pair->length;
    left->token = pair->token;
    left->next = right->next;
    right->length = 0;
    if (left->next != NONE)
        encoder->symbols[left->next].previous = pair->left;
    consider(encoder, left->previous);
    consider(encoder, pair->left);
}

static void
add_symbol(struct encoder *encoder, uint32_t start, uint32_t length, uint32_t token)
{
    uint32_t index = encoder->symbol_count++;
    encoder->symbols[index] = (struct symbol){index - 1, index + 1, start, length, token};
}

/* The bytes of one character: at most four, what follows the first one are continuations. */
static uint32_t
character_bytes(const uint8_t *text, uint32_t left)
{
    uint32_t length = 1;
    while (length < left && length < 4 && (text[length] & 0xc0) == 0x80)
        length++;
    return length;
}

static void
add_symbols(struct encoder *encoder, uint32_t text_bytes)
{
    for (uint32_t at = 0, length; at < text_bytes; at += length) {
        length = character_bytes(encoder->text + at, text_bytes - at);
        uint32_t token = vocabulary_find(encoder->tokenizer, encoder->text + at, length);
        if (token != VOCABULARY_NONE)
            add_symbol(encoder, at, length, token);
        else
            for (uint32_t i = 0; i < length; i++)
                add_symbol(encoder, at + i, 0, encoder->tokenizer->bytes[encoder->text[at + i]]);
    }
    if (encoder->symbol_count > 0)
        encoder->symbols[encoder->symbol_count - 1].next = NONE;
}

static int64_t
take_tokens(const struct encoder *encoder, uint32_t *tokens, size_t count, size_t tokens_max)
{
    uint32_t at = encoder->symbol_count > 0 ? 0 : NONE;
    for (; at != NONE; at = encoder->symbols[at].next) {
        if (count == tokens_max)
            return ENGINE_E_SPACE;
        tokens[count++] = encoder->symbols[at].token;
    }
    return (int64_t)count;
}

/* A merge takes one pair from the heap and adds at most two: it never holds twice the symbols. */
size_t
engine_encode_bytes(size_t text_bytes)
{
    size_t symbols = text_bytes + 1;
    return symbols * (sizeof(struct symbol) + 2 * sizeof(struct pair) + 1) + ENGINE_ARENA_ALIGN * 4;
}

static bool
take_scratch(struct encoder *encoder, size_t text_bytes, void *scratch, size_t scratch_bytes)
{
    struct engine_arena arena = {.base = scratch, .size_bytes = scratch_bytes};
    if (text_bytes >= UINT32_MAX / 4)
        return false;
    encoder->symbols = engine_arena_take(&arena, text_bytes + 1, sizeof *encoder->symbols);
    encoder->heap = engine_arena_take(&arena, 2 * (text_bytes + 1), sizeof *encoder->heap);
    encoder->text = engine_arena_take(&arena, text_bytes + 1, 1);
    return encoder->text != NULL;
}

int64_t
engine_encode(const struct engine_tokenizer *tokenizer, const void *text, size_t text_bytes,
              bool with_begin, uint32_t *tokens, size_t tokens_max, void *scratch,
              size_t scratch_bytes)
{
    struct encoder encoder = {.tokenizer = tokenizer};
    if (!take_scratch(&encoder, text_bytes, scratch, scratch_bytes) ||
        (with_begin && tokens_max == 0))
        return ENGINE_E_SPACE;
    if (with_begin)
        tokens[0] = tokenizer->begin;
    if (text_bytes > 0) {
        encoder.text[0] = ' ';
        memcpy(encoder.text + 1, text, text_bytes);
        add_symbols(&encoder, (uint32_t)text_bytes + 1);
    }
    for (uint32_t i = 0; i + 1 < encoder.symbol_count; i++)
        consider(&encoder, i);
    while (encoder.heap_count > 0) {
        struct pair best = pop(&encoder);
        merge(&encoder, &best);
    }
    return take_tokens(&encoder, tokens, with_begin ? 1 : 0, tokens_max);
}

const uint8_t *
engine_decode(const struct engine_tokenizer *tokenizer, uint32_t previous, uint32_t token,
              size_t *length_bytes)
{
    const struct engine_piece *piece = &tokenizer->pieces[token];
    *length_bytes = piece->length_bytes;
    if (piece->kind == ENGINE_PIECE_CONTROL)
        *length_bytes = 0;
    if (piece->kind == ENGINE_PIECE_BYTE) {
        *length_bytes = 1;
        return &piece->byte;
    }
    bool skip = previous == tokenizer->begin && *length_bytes > 0 && piece->text[0] == ' ';
    *length_bytes -= skip;
    return piece->text + skip;
}

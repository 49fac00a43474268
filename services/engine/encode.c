/* Texts to tokens and back: what all kinds of vocabularies have in common. */
#include "encode.h"

#include "marks.h"

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
    encoder->copy = engine_arena_take(&arena, text_bytes + 1, 1);
    return encoder->copy != NULL;
}

static void
encode_plain(struct encoder *encoder, const uint8_t *text, size_t text_bytes)
{
    if (text_bytes > 0)
        (encoder->tokenizer->split != NULL ? encode_bytes : encode_sentence)(encoder, text,
                                                                             text_bytes);
}

/* Each mark is its token, what stands between them is text. */
static void
encode_marked(struct encoder *encoder, const uint8_t *text, size_t text_bytes)
{
    size_t done = 0;
    for (size_t at = 0, length; at < text_bytes; at += length) {
        uint32_t mark = marks_find(encoder->tokenizer, text + at, text_bytes - at, &length);
        if (mark == VOCABULARY_NONE) {
            length = 1;
            continue;
        }
        encode_plain(encoder, text + done, at - done);
        encode_put(encoder, mark);
        done = at + length;
    }
    encode_plain(encoder, text + done, text_bytes - done);
}

/* A prompt must not be nothing: one of no bytes is what texts begin with, if there is such a thing.
 */
static bool
begin(struct encoder *encoder, size_t text_bytes, bool with_begin, void *scratch,
      size_t scratch_bytes)
{
    const struct engine_tokenizer *tokenizer = encoder->tokenizer;
    if (with_begin && tokenizer->begin != VOCABULARY_NONE && (tokenizer->begins || text_bytes == 0))
        encode_put(encoder, tokenizer->begin);
    return take_scratch(encoder, text_bytes, scratch, scratch_bytes);
}

static int64_t
result(const struct encoder *encoder)
{
    return encoder->full ? ENGINE_E_SPACE : (int64_t)encoder->token_count;
}

int64_t
engine_encode_marked(const struct engine_tokenizer *tokenizer, const void *text, size_t text_bytes,
                     bool with_begin, uint32_t *tokens, size_t tokens_max, void *scratch,
                     size_t scratch_bytes)
{
    struct encoder encoder = {.tokenizer = tokenizer, .tokens = tokens, .tokens_max = tokens_max};
    if (!begin(&encoder, text_bytes, with_begin, scratch, scratch_bytes))
        return ENGINE_E_SPACE;
    encode_marked(&encoder, text, text_bytes);
    return result(&encoder);
}

int64_t
engine_encode(const struct engine_tokenizer *tokenizer, const void *text, size_t text_bytes,
              bool with_begin, uint32_t *tokens, size_t tokens_max, void *scratch,
              size_t scratch_bytes)
{
    struct encoder encoder = {.tokenizer = tokenizer, .tokens = tokens, .tokens_max = tokens_max};
    if (!begin(&encoder, text_bytes, with_begin, scratch, scratch_bytes))
        return ENGINE_E_SPACE;
    encode_plain(&encoder, text, text_bytes);
    return result(&encoder);
}

uint32_t
engine_find_special(const struct engine_tokenizer *tokenizer, const void *text, size_t text_bytes)
{
    size_t length = 0;
    uint32_t mark = marks_find(tokenizer, text, text_bytes, &length);
    return length == text_bytes ? mark : ENGINE_NO_TOKEN;
}

int64_t
engine_encode_inserted(const struct engine_tokenizer *tokenizer, const void *text,
                       size_t text_bytes, const struct engine_insert *inserts, size_t insert_count,
                       uint32_t *tokens, size_t tokens_max, void *scratch, size_t scratch_bytes)
{
    struct encoder encoder = {.tokenizer = tokenizer, .tokens = tokens, .tokens_max = tokens_max};
    const uint8_t *bytes = text;
    size_t done = 0;
    if (!take_scratch(&encoder, text_bytes, scratch, scratch_bytes))
        return ENGINE_E_SPACE;
    for (size_t i = 0; i < insert_count; i++) {
        encode_plain(&encoder, bytes + done, inserts[i].at - done);
        encode_put(&encoder, inserts[i].token);
        done = inserts[i].at;
    }
    encode_plain(&encoder, bytes + done, text_bytes - done);
    return result(&encoder);
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
    bool skip = tokenizer->space_in_front && previous == tokenizer->begin && *length_bytes > 0 &&
                piece->text[0] == ' ';
    *length_bytes -= skip;
    return piece->text + skip;
}

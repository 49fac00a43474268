/* SentencePiece vocabularies in GGUF files. */
#include "gguf.h"
#include "vocabulary.h"

#include <string.h>

#define LENGTH_MAX 1024

/* Kinds of pieces, as they are numbered in files. */
enum { KIND_NORMAL = 1, KIND_UNKNOWN, KIND_CONTROL, KIND_USER, KIND_UNUSED, KIND_BYTE };

static const uint8_t space[] = {0xe2, 0x96, 0x81}; /* U+2581 stands for a space */

/* The text of a piece with its spaces, in memory of its own. Returns its length. */
static uint16_t
copy_text(uint8_t *to, struct gguf_text from)
{
    uint16_t length = 0;
    for (uint64_t i = 0; i < from.length_bytes; i++)
        if (from.length_bytes - i >= sizeof space &&
            memcmp(from.text + i, space, sizeof space) == 0) {
            to[length++] = ' ';
            i += sizeof space - 1;
        } else {
            to[length++] = from.text[i];
        }
    return length;
}

/* The bytes of all texts together, which are where the reader stands. */
static uint64_t
texts_bytes(const struct engine_tokenizer *tokenizer, struct gguf gguf)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; gguf.ok && i < tokenizer->count; i++)
        bytes += gguf_string(&gguf).length_bytes;
    return bytes;
}

/* All memory is taken before any is missed: who gave too little learns how much it is. */
static int
read_texts(struct engine_tokenizer *tokenizer, struct gguf *gguf, struct engine_arena *arena,
           struct engine_error *error)
{
    bool taken = vocabulary_take(tokenizer, arena);
    uint8_t *copy = engine_arena_take(arena, texts_bytes(tokenizer, *gguf), 1);
    if (!taken || copy == NULL)
        return engine_fail(error, ENGINE_E_SPACE, "gguf: no memory for %u pieces",
                           tokenizer->count);
    for (uint32_t i = 0; i < tokenizer->count; i++) {
        struct gguf_text text = gguf_string(gguf);
        if (!gguf->ok || text.length_bytes > LENGTH_MAX)
            return engine_fail(error, ENGINE_E_FILE, "gguf: piece %u is cut short or too long", i);
        struct engine_piece *piece = &tokenizer->pieces[i];
        *piece = (struct engine_piece){.text = copy, .length_bytes = copy_text(copy, text)};
        copy += text.length_bytes;
        if (piece->length_bytes > tokenizer->piece_bytes_max)
            tokenizer->piece_bytes_max = piece->length_bytes;
    }
    return ENGINE_OK;
}

static int
hex(uint8_t digit)
{
    const char *digits = "0123456789ABCDEF", *at = digit ? strchr(digits, digit) : NULL;
    return at == NULL ? -1 : (int)(at - digits);
}

/* The byte that "<0x41>" stands for, or -1. */
static int
byte_of(const struct engine_piece *piece)
{
    const uint8_t *text = piece->text;
    if (piece->length_bytes != 6 || memcmp(text, "<0x", 3) != 0 || text[5] != '>' ||
        hex(text[3]) < 0 || hex(text[4]) < 0)
        return -1;
    return hex(text[3]) * 16 + hex(text[4]);
}

static int
set_kind(struct engine_tokenizer *tokenizer, uint32_t index, uint32_t kind,
         struct engine_error *error)
{
    struct engine_piece *piece = &tokenizer->pieces[index];
    int byte = byte_of(piece);
    switch (kind) {
    case KIND_NORMAL:
    case KIND_USER: piece->kind = ENGINE_PIECE_TEXT; return ENGINE_OK;
    case KIND_UNKNOWN:
    case KIND_CONTROL:
    case KIND_UNUSED: piece->kind = ENGINE_PIECE_CONTROL; return ENGINE_OK;
    case KIND_BYTE:
        if (byte < 0)
            break;
        piece->kind = ENGINE_PIECE_BYTE;
        piece->byte = (uint8_t)byte;
        tokenizer->bytes[byte] = index;
        return ENGINE_OK;
    }
    return engine_fail(error, ENGINE_E_FILE, "gguf: piece %u is of kind %u, which it cannot be",
                       index, kind);
}

static int
read_kinds(struct engine_tokenizer *tokenizer, struct gguf *gguf, struct engine_error *error)
{
    for (uint32_t byte = 0; byte < 256; byte++)
        tokenizer->bytes[byte] = VOCABULARY_NONE;
    for (uint32_t i = 0; i < tokenizer->count; i++) {
        int status = set_kind(tokenizer, i, gguf_u32(gguf), error);
        if (status != ENGINE_OK)
            return status;
    }
    for (uint32_t byte = 0; byte < 256; byte++)
        if (tokenizer->bytes[byte] == VOCABULARY_NONE)
            return engine_fail(error, ENGINE_E_MISMATCH, "gguf: no piece for byte %u", byte);
    return ENGINE_OK;
}

static int
read_scores(struct engine_tokenizer *tokenizer, struct gguf *gguf, struct engine_error *error)
{
    for (uint32_t i = 0; i < tokenizer->count; i++) {
        float score = gguf_f32(gguf);
        if (!gguf->ok || !(score >= -__FLT_MAX__ && score <= __FLT_MAX__))
            return engine_fail(error, ENGINE_E_FILE, "gguf: piece %u has no number as its score",
                               i);
        tokenizer->pieces[i].score = score;
    }
    return ENGINE_OK;
}

/* Goes to an array that has an element for each piece. */
static int
go_to(struct engine_tokenizer *tokenizer, struct gguf *gguf, const char *key, uint32_t type,
      struct engine_error *error)
{
    uint64_t count;
    int status = gguf_array(gguf, key, type, &count, error);
    if (status == ENGINE_OK && count != tokenizer->count)
        return engine_fail(error, ENGINE_E_MISMATCH, "gguf: %s has %lu pieces, the model %u words",
                           key, count, tokenizer->count);
    return status;
}

static int
read_ends(struct engine_tokenizer *tokenizer, struct gguf *gguf, struct engine_error *error)
{
    const uint32_t begin = 1, end = 2;
    int status = gguf_number(gguf, "tokenizer.ggml.bos_token_id", &begin, &tokenizer->begin, error);
    if (status == ENGINE_OK)
        status = gguf_number(gguf, "tokenizer.ggml.eos_token_id", &end, &tokenizer->end, error);
    if (status == ENGINE_OK &&
        (tokenizer->begin >= tokenizer->count || tokenizer->end >= tokenizer->count))
        return engine_fail(error, ENGINE_E_FILE, "gguf: texts begin with %u and end with %u",
                           tokenizer->begin, tokenizer->end);
    return status;
}

static int
read_all(struct engine_tokenizer *tokenizer, struct gguf *gguf, struct engine_arena *arena,
         struct engine_error *error)
{
    int status = go_to(tokenizer, gguf, "tokenizer.ggml.tokens", GGUF_STRING, error);
    if (status == ENGINE_OK)
        status = read_texts(tokenizer, gguf, arena, error);
    if (status == ENGINE_OK)
        status = go_to(tokenizer, gguf, "tokenizer.ggml.token_type", GGUF_INT32, error);
    if (status == ENGINE_OK)
        status = read_kinds(tokenizer, gguf, error);
    if (status == ENGINE_OK)
        status = go_to(tokenizer, gguf, "tokenizer.ggml.scores", GGUF_FLOAT32, error);
    if (status == ENGINE_OK)
        status = read_scores(tokenizer, gguf, error);
    return status == ENGINE_OK ? read_ends(tokenizer, gguf, error) : status;
}

int
engine_gguf_tokenizer_read(struct engine_tokenizer *tokenizer, const void *file,
                           uint64_t file_bytes, uint32_t vocabulary, struct engine_arena *arena,
                           struct engine_error *error)
{
    struct gguf gguf;
    uint32_t type;
    memset(tokenizer, 0, sizeof *tokenizer);
    tokenizer->count = vocabulary;
    int status = gguf_open(&gguf, file, file_bytes, file_bytes, error);
    if (status != ENGINE_OK)
        return status;
    if (!gguf_find(&gguf, "tokenizer.ggml.model", &type) || type != GGUF_STRING)
        return engine_fail(error, ENGINE_E_FILE, "gguf: tokenizer.ggml.model is missing");
    if (!gguf_is(gguf_string(&gguf), "llama"))
        return engine_fail(error, ENGINE_E_UNSUPPORTED, "gguf: the tokenizer is not llama's");
    status = read_all(tokenizer, &gguf, arena, error);
    if (status == ENGINE_OK)
        vocabulary_index(tokenizer);
    return status;
}

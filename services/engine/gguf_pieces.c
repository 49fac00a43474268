/* Pieces of vocabularies in GGUF files: texts and kinds. */
#include "gguf_vocabulary.h"

#include <string.h>

static int
hex(uint8_t digit)
{
    const char *digits = "0123456789ABCDEF", *at = digit ? strchr(digits, digit) : NULL;
    return at == NULL ? -1 : (int)(at - digits);
}

/* The byte that "<0x41>" stands for, or -1. */
static int
byte_of(struct gguf_text text)
{
    const uint8_t *at = text.text;
    if (text.length_bytes != 6 || memcmp(at, "<0x", 3) != 0 || at[5] != '>' || hex(at[3]) < 0 ||
        hex(at[4]) < 0)
        return -1;
    return hex(at[3]) * 16 + hex(at[4]);
}

static bool
is_mark(uint32_t kind)
{
    return kind == GGUF_PIECE_CONTROL || kind == GGUF_PIECE_USER;
}

/* Bytes of all texts, and the number of marks. */
static uint64_t
count_all(struct gguf_words *words)
{
    struct gguf texts = words->texts, kinds = words->kinds;
    uint64_t bytes = 0;
    words->tokenizer->mark_count = 0;
    for (uint32_t i = 0; i < words->tokenizer->count; i++) {
        uint64_t length = gguf_string(&texts).length_bytes;
        bytes += length;
        words->tokenizer->mark_count += is_mark(gguf_u32(&kinds)) && length > 0;
    }
    return bytes;
}

/* What the file's kind is here; ENGINE_E_FILE where the piece cannot be of it. */
static int
set_kind(struct gguf_words *words, uint32_t index, uint32_t kind, struct gguf_text text)
{
    static const uint8_t kinds[] = {
        [GGUF_PIECE_NORMAL] = ENGINE_PIECE_TEXT,     [GGUF_PIECE_UNKNOWN] = ENGINE_PIECE_CONTROL,
        [GGUF_PIECE_CONTROL] = ENGINE_PIECE_CONTROL, [GGUF_PIECE_USER] = ENGINE_PIECE_USER,
        [GGUF_PIECE_UNUSED] = ENGINE_PIECE_CONTROL,  [GGUF_PIECE_BYTE] = ENGINE_PIECE_BYTE,
    };
    struct engine_tokenizer *tokenizer = words->tokenizer;
    struct engine_piece *piece = &tokenizer->pieces[index];
    int byte = byte_of(text);
    bool bad_byte = kind == GGUF_PIECE_BYTE && (byte < 0 || tokenizer->split != NULL);
    if (kind < GGUF_PIECE_NORMAL || kind > GGUF_PIECE_BYTE || bad_byte)
        return engine_fail(words->error, ENGINE_E_FILE,
                           "gguf: piece %u is of kind %u, which it cannot be", index, kind);
    piece->kind = kinds[kind];
    if (kind == GGUF_PIECE_USER && tokenizer->split == NULL)
        piece->kind = ENGINE_PIECE_TEXT; /* SentencePiece merges to these, too */
    if (kind == GGUF_PIECE_BYTE) {
        piece->byte = (uint8_t)byte;
        tokenizer->bytes[byte] = index;
    }
    if (is_mark(kind) && text.length_bytes > 0)
        tokenizer->marks[tokenizer->mark_count++] = index;
    return ENGINE_OK;
}

/* Marks are written as they are, and so are the names of bytes. */
static int
read_piece(struct gguf_words *words, uint32_t index, uint8_t *copy, uint64_t *used)
{
    struct engine_tokenizer *tokenizer = words->tokenizer;
    struct engine_piece *piece = &tokenizer->pieces[index];
    struct gguf_text text = gguf_string(&words->texts);
    uint32_t kind = gguf_u32(&words->kinds);
    if (text.length_bytes > GGUF_PIECE_MAX)
        return engine_fail(words->error, ENGINE_E_FILE,
                           "gguf: piece %u has %lu bytes, more than %u", index, text.length_bytes,
                           (uint32_t)GGUF_PIECE_MAX);
    *piece = (struct engine_piece){.text = copy};
    int32_t length = (int32_t)text.length_bytes;
    if (tokenizer->split == NULL)
        length = gguf_spell_sentence(copy, text);
    else if (kind == GGUF_PIECE_NORMAL)
        length = gguf_spell_bytes(copy, text);
    else
        memcpy(copy, text.text, text.length_bytes);
    if (length < 0)
        return engine_fail(words->error, ENGINE_E_FILE,
                           "gguf: piece %u is not written in characters that stand for bytes",
                           index);
    piece->length_bytes = (uint16_t)length;
    *used = text.length_bytes;
    if (piece->length_bytes > tokenizer->piece_bytes_max)
        tokenizer->piece_bytes_max = piece->length_bytes;
    return set_kind(words, index, kind, text);
}

/* Every byte has to be some piece: any text can then be encoded. */
static int
check_bytes(struct gguf_words *words)
{
    struct engine_tokenizer *tokenizer = words->tokenizer;
    for (uint32_t byte = 0; byte < 256; byte++) {
        const uint8_t text = (uint8_t)byte;
        if (tokenizer->split != NULL)
            tokenizer->bytes[byte] = vocabulary_find(tokenizer, &text, 1);
        if (tokenizer->bytes[byte] == VOCABULARY_NONE)
            return engine_fail(words->error, ENGINE_E_MISMATCH, "gguf: no piece for byte %u", byte);
    }
    return ENGINE_OK;
}

int
gguf_read_pieces(struct gguf_words *words, struct engine_arena *arena)
{
    struct engine_tokenizer *tokenizer = words->tokenizer;
    uint64_t bytes = count_all(words), used = 0;
    bool taken = vocabulary_take(tokenizer, arena);
    uint8_t *copy = engine_arena_take(arena, bytes + 1, 1);
    tokenizer->marks = engine_arena_take(arena, tokenizer->mark_count + 1, sizeof(uint32_t));
    bool merges = tokenizer->split == NULL || vocabulary_take_merges(tokenizer, arena);
    if (!taken || !merges || copy == NULL || tokenizer->marks == NULL)
        return engine_fail(words->error, ENGINE_E_SPACE, "gguf: no memory for %u pieces",
                           tokenizer->count);
    memset(tokenizer->bytes, 0xff, sizeof tokenizer->bytes); /* VOCABULARY_NONE */
    tokenizer->mark_count = 0;
    for (uint32_t i = 0; i < tokenizer->count; i++) {
        int status = read_piece(words, i, copy, &used);
        if (status != ENGINE_OK)
            return status;
        copy += used;
    }
    vocabulary_index(tokenizer);
    return check_bytes(words);
}

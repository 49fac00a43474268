/* llama2.c's tokenizer.bin: the longest length, then score, length and text of each piece. */
#include "vocabulary.h"

#include <string.h>

#define PIECE_UNKNOWN    0
#define PIECE_BEGIN      1
#define PIECE_END        2
#define PIECE_FIRST_BYTE 3
#define PIECE_BYTES      256
#define LENGTH_MAX       1024

struct reader {
    const uint8_t *file;
    uint64_t at, bytes;
};

/* Little-endian, or false at the end of the file. */
static bool
read_word(struct reader *reader, uint32_t *word)
{
    if (reader->bytes - reader->at < 4)
        return false;
    const uint8_t *at = reader->file + reader->at;
    *word = (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
    reader->at += 4;
    return true;
}

static int
read_piece(struct engine_tokenizer *tokenizer, struct reader *reader, uint32_t index,
           struct engine_error *error)
{
    struct engine_piece *piece = &tokenizer->pieces[index];
    uint32_t score, length;
    if (reader->at == reader->bytes)
        return engine_fail(error, ENGINE_E_MISMATCH,
                           "tokenizer: %u pieces, but the model has %u words", index,
                           tokenizer->count);
    if (!read_word(reader, &score) || !read_word(reader, &length))
        return engine_fail(error, ENGINE_E_FILE, "tokenizer: cut short in piece %u", index);
    if (length > tokenizer->piece_bytes_max || length > reader->bytes - reader->at)
        return engine_fail(error, ENGINE_E_FILE,
                           "tokenizer: piece %u is %u bytes long, more than the longest (%u) or "
                           "than the file has left",
                           index, length, tokenizer->piece_bytes_max);
    memcpy(&piece->score, &score, sizeof score);
    if (!(piece->score >= -__FLT_MAX__ && piece->score <= __FLT_MAX__))
        return engine_fail(error, ENGINE_E_FILE, "tokenizer: piece %u has no number as its score",
                           index);
    piece->text = reader->file + reader->at;
    piece->length_bytes = (uint16_t)length;
    piece->kind = index <= PIECE_END ? ENGINE_PIECE_CONTROL : ENGINE_PIECE_TEXT;
    piece->byte = 0;
    reader->at += length;
    return ENGINE_OK;
}

static int
read_bytes(struct engine_tokenizer *tokenizer, struct engine_error *error)
{
    for (uint32_t byte = 0; byte < PIECE_BYTES; byte++) {
        struct engine_piece *piece = &tokenizer->pieces[PIECE_FIRST_BYTE + byte];
        const char text[] = {
            '<', '0', 'x', "0123456789ABCDEF"[byte >> 4], "0123456789ABCDEF"[byte & 15], '>'};
        if (piece->length_bytes != sizeof text || memcmp(piece->text, text, sizeof text) != 0)
            return engine_fail(error, ENGINE_E_MISMATCH,
                               "tokenizer: piece %u does not stand for byte %u",
                               PIECE_FIRST_BYTE + byte, byte);
        piece->kind = ENGINE_PIECE_BYTE;
        piece->byte = (uint8_t)byte;
        tokenizer->bytes[byte] = PIECE_FIRST_BYTE + byte;
    }
    return ENGINE_OK;
}

/* Pieces of the whole file, of which `count` were read; one that is cut short counts, too. */
static uint32_t
count_pieces(struct reader reader, uint32_t count)
{
    uint32_t score, length;
    while (reader.at < reader.bytes) {
        count++;
        if (!read_word(&reader, &score) || !read_word(&reader, &length) ||
            length > reader.bytes - reader.at)
            break;
        reader.at += length;
    }
    return count;
}

static int
read_pieces(struct engine_tokenizer *tokenizer, struct reader *reader, struct engine_error *error)
{
    for (uint32_t i = 0; i < tokenizer->count; i++) {
        int status = read_piece(tokenizer, reader, i, error);
        if (status != ENGINE_OK)
            return status;
    }
    if (reader->at != reader->bytes)
        return engine_fail(error, ENGINE_E_MISMATCH,
                           "tokenizer: %u pieces, but the model has %u words",
                           count_pieces(*reader, tokenizer->count), tokenizer->count);
    return read_bytes(tokenizer, error);
}

int
engine_tokenizer_read(struct engine_tokenizer *tokenizer, const void *file, uint64_t file_bytes,
                      uint32_t vocabulary, struct engine_arena *arena, struct engine_error *error)
{
    struct reader reader = {.file = file, .bytes = file_bytes};
    memset(tokenizer, 0, sizeof *tokenizer);
    tokenizer->count = vocabulary;
    tokenizer->begin = PIECE_BEGIN;
    tokenizer->end = PIECE_END;
    tokenizer->begins = tokenizer->space_in_front = true;
    if (!read_word(&reader, &tokenizer->piece_bytes_max))
        return engine_fail(error, ENGINE_E_FILE, "tokenizer: %lu bytes, shorter than its header",
                           file_bytes);
    if (tokenizer->piece_bytes_max == 0 || tokenizer->piece_bytes_max > LENGTH_MAX)
        return engine_fail(error, ENGINE_E_FILE,
                           "tokenizer: the longest piece is %u bytes, not 1 to %u",
                           tokenizer->piece_bytes_max, (uint32_t)LENGTH_MAX);
    if (vocabulary < PIECE_FIRST_BYTE + PIECE_BYTES)
        return engine_fail(error, ENGINE_E_MISMATCH,
                           "tokenizer: a model with %u words has no room for the bytes",
                           vocabulary);
    if (!vocabulary_take(tokenizer, arena))
        return engine_fail(error, ENGINE_E_SPACE, "tokenizer: no memory for %u pieces", vocabulary);
    int status = read_pieces(tokenizer, &reader, error);
    if (status == ENGINE_OK)
        vocabulary_index(tokenizer);
    return status;
}

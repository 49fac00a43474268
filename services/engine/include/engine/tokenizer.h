/*
 * Text to tokens and back. The vocabulary is read in place: the tokenizer points into the file.
 */
#ifndef ENGINE_TOKENIZER_H
#define ENGINE_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/arena.h"
#include "engine/error.h"

enum engine_piece_kind {
    ENGINE_PIECE_TEXT,
    ENGINE_PIECE_BYTE,    /* stands for one byte that no piece has */
    ENGINE_PIECE_CONTROL, /* never made from text, and makes none */
};

struct engine_piece {
    const uint8_t *text;
    uint16_t length_bytes;
    uint8_t kind; /* enum engine_piece_kind */
    uint8_t byte; /* ENGINE_PIECE_BYTE */
    float score;  /* of two merges the one with the higher score comes first */
};

struct engine_tokenizer {
    struct engine_piece *pieces;
    uint32_t count;
    uint32_t begin, end; /* the tokens that begin a text and end it */
    uint32_t bytes[256]; /* the piece of each byte */
    uint32_t *slots;     /* pieces by their text: open addressing, 0 is free */
    uint32_t slot_mask;
    uint32_t piece_bytes_max;
};

/*
 * Reads a llama2.c tokenizer.bin for a model with `vocabulary` words. The file must hold exactly
 * that many pieces, with the bytes at 3 to 258, and stay where it is. ENGINE_E_FILE (cut short, a
 * length or score out of range), ENGINE_E_MISMATCH (another number of pieces than the model has
 * words, no bytes), ENGINE_E_SPACE.
 */
int engine_tokenizer_read(struct engine_tokenizer *tokenizer, const void *file, uint64_t file_bytes,
                          uint32_t vocabulary, struct engine_arena *arena,
                          struct engine_error *error);

/* Scratch memory, aligned to 4, that encoding a text of `text_bytes` needs. */
size_t engine_encode_bytes(size_t text_bytes);

/*
 * SentencePiece BPE: a space in front of a text that is not empty, then characters (in bytes where
 * there is no piece for one), then merges, best score first, leftmost first of equal ones.
 * `with_begin` puts the token for the begin first. Any bytes are accepted. At most text_bytes + 2
 * tokens come out; `tokens` has room for `tokens_max`. Time grows as n log n.
 *
 * Returns the number of tokens; ENGINE_E_SPACE when `tokens_max` or `scratch_bytes` is too small.
 */
int64_t engine_encode(const struct engine_tokenizer *tokenizer, const void *text, size_t text_bytes,
                      bool with_begin, uint32_t *tokens, size_t tokens_max, void *scratch,
                      size_t scratch_bytes);

/*
 * The bytes that `token` stands for behind `previous`: none for a control piece, and without the
 * space that encoding put in front where `previous` is the token for the begin. They are valid as
 * long as the file is; a character may be spread over several tokens.
 */
const uint8_t *engine_decode(const struct engine_tokenizer *tokenizer, uint32_t previous,
                             uint32_t token, size_t *length_bytes);

#endif

/*
 * Small byte-level vocabularies, written as GGUF files, and encoding with them as it is defined:
 * slowly, by the regular expression and a search through all merges. Nothing here is the engine's
 * code.
 */
#ifndef TESTS_ENGINE_BPE_H
#define TESTS_ENGINE_BPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BPE_PIECES_MAX 400
#define BPE_MERGES_MAX 200
#define BPE_BYTES_MAX  24

struct bpe {
    uint32_t count; /* of pieces: the 256 bytes in order, then what merges make */
    struct bpe_piece {
        uint8_t bytes[BPE_BYTES_MAX];
        uint32_t length;
        uint32_t kind; /* as files number them: 1 normal, 3 control, 4 user-defined */
    } pieces[BPE_PIECES_MAX];
    uint32_t merge_count;
    struct bpe_merge {
        uint32_t left, right;
    } merges[BPE_MERGES_MAX];
    const char *way;              /* tokenizer.ggml.pre */
    int32_t begin, end, turn_end; /* keys of the file; -1: they are missing */
    int begins;                   /* add_bos_token; -1: it is missing */
};

/* The bytes, and nothing else. */
void bpe_begin(struct bpe *bpe, const char *way);

/* Adds a piece that no merge makes. Returns its number. */
uint32_t bpe_add(struct bpe *bpe, const char *text, uint32_t kind);

/* Adds a merge, and what it makes where there is no such piece. Returns that piece's number; where
 * it would be too long or too many, that of `left`, and nothing is added. */
uint32_t bpe_add_merge(struct bpe *bpe, uint32_t left, uint32_t right);

/* The file's metadata, without tensors; from malloc. */
uint8_t *bpe_write(const struct bpe *bpe, size_t *bytes);

/* A character of a text, and how regular expressions see it. */
struct bpe_character {
    uint32_t code;
    char class; /* L, N, S (white space) or '.' */
    const uint8_t *bytes;
    uint32_t length;
};

/* How many characters of `text` the regular expression matches at its beginning. */
size_t bpe_match(const char *expression, const struct bpe_character *text, size_t count);

/* Tokens of a text, which is cut by the expression; `whole`: words that are pieces are taken so. */
size_t bpe_encode(const struct bpe *bpe, const char *expression, bool whole,
                  const struct bpe_character *text, size_t count, uint32_t *tokens);

#endif

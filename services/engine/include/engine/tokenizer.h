/*
 * Text to tokens and back.
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
    ENGINE_PIECE_USER,    /* never made from text by merging, but makes its own */
};

struct engine_piece {
    const uint8_t *text;
    uint16_t length_bytes;
    uint8_t kind; /* enum engine_piece_kind */
    uint8_t byte; /* ENGINE_PIECE_BYTE */
    float score;  /* of two merges the one with the higher score comes first */
};

/* Two pieces that stand behind each other become a third; of several merges the first comes first.
 */
struct engine_merge {
    uint32_t left, right, token;
};

#define ENGINE_NO_TOKEN   UINT32_MAX
#define ENGINE_ENDS_OTHER 2

/* What a model's file says about chats: not the text, but which one it is. */
struct engine_chat_template {
    uint32_t length_bytes; /* with each newline counted as two bytes; 0: there is none */
    uint64_t hash;         /* FNV-1a of 64 bits, each newline being a backslash and an n */
    char start[40];        /* the first bytes, for people */
};

/* Things by their bytes (services/engine/index.h). */
struct engine_index {
    uint32_t *starts; /* [mask + 2]: of each bucket, in `order` */
    uint32_t *order;  /* numbers of things: by bucket, in it by bytes */
    uint32_t mask;
};

struct engine_split;

struct engine_tokenizer {
    struct engine_piece *pieces;
    uint32_t count;
    uint32_t begin,
        end; /* the tokens that begin a text and end it; ENGINE_NO_TOKEN: there is none */
    uint32_t other_ends[ENGINE_ENDS_OTHER], other_end_count; /* these end an answer as well */
    uint32_t bytes[256];                                     /* the piece of each byte */
    struct engine_index texts;                               /* pieces by their text */
    uint32_t piece_bytes_max;
    bool begins;         /* texts begin with `begin` */
    bool space_in_front; /* ... and with a space that they have not */

    const struct engine_split *split; /* byte-level BPE: how words are cut; NULL: SentencePiece */
    struct engine_merge *merges;      /* byte-level BPE: in order */
    uint32_t merge_count;
    struct engine_index pairs; /* merges by their pieces */
    uint32_t *marks;           /* control and user-defined pieces, by their texts' bytes */
    uint32_t mark_count;
    struct engine_chat_template chat;
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
 * Text to tokens, as the vocabulary is merged. SentencePiece: a space in front of a text that is
 * not empty, then characters (in bytes where there is no piece for one), then merges, best score
 * first, leftmost first of equal ones. Byte-level BPE: words (split.h), the bytes of each, then
 * merges, in the order of their list. Any bytes are accepted; time grows as n log n, whatever the
 * text.
 *
 * `with_begin` puts the token for the begin first where texts of this vocabulary begin so, and for
 * a text of no bytes wherever there is one. A token for the end is never put behind it, whatever
 * tokenizer.ggml.add_eos_token says: what is to be continued has not ended. At most text_bytes + 2
 * tokens come out; `tokens` has room for `tokens_max`.
 *
 * No text becomes a control piece: "</s>" or "<|im_end|>" in it are the characters that one sees,
 * so that whoever may write a part of a prompt cannot end it, or speak as somebody else.
 *
 * Returns the number of tokens; ENGINE_E_SPACE when `tokens_max` or `scratch_bytes` is too small.
 */
int64_t engine_encode(const struct engine_tokenizer *tokenizer, const void *text, size_t text_bytes,
                      bool with_begin, uint32_t *tokens, size_t tokens_max, void *scratch,
                      size_t scratch_bytes);

/*
 * The same for a text that is trusted as a whole: where the text of a control or user-defined piece
 * stands, it is that piece (the longest, where several begin). At most 2 * text_bytes + 2 tokens.
 */
int64_t engine_encode_marked(const struct engine_tokenizer *tokenizer, const void *text,
                             size_t text_bytes, bool with_begin, uint32_t *tokens,
                             size_t tokens_max, void *scratch, size_t scratch_bytes);

/* The control or user-defined piece with exactly this text; ENGINE_NO_TOKEN: there is none. */
uint32_t engine_find_special(const struct engine_tokenizer *tokenizer, const void *text,
                             size_t text_bytes);

/* A token between bytes of a text. */
struct engine_insert {
    size_t at; /* in front of this byte, or behind the last */
    uint32_t token;
};

/*
 * A text with tokens in it, which stand in order; between them it is encoded as by engine_encode:
 * what others wrote there becomes no control piece. Nothing is put first. At most text_bytes + 1
 * tokens for each insert, and one, besides the inserts.
 */
int64_t engine_encode_inserted(const struct engine_tokenizer *tokenizer, const void *text,
                               size_t text_bytes, const struct engine_insert *inserts,
                               size_t insert_count, uint32_t *tokens, size_t tokens_max,
                               void *scratch, size_t scratch_bytes);

/*
 * The bytes that `token` stands for behind `previous`: none for a control piece, and without the
 * space that encoding put in front where `previous` is the token for the begin. They are valid as
 * long as the file is; a character may be spread over several tokens.
 */
const uint8_t *engine_decode(const struct engine_tokenizer *tokenizer, uint32_t previous,
                             uint32_t token, size_t *length_bytes);

#endif

/* What reads a vocabulary's parts, of one GGUF file. */
#ifndef GGUF_VOCABULARY_H
#define GGUF_VOCABULARY_H

#include "gguf.h"
#include "vocabulary.h"

/* Kinds of pieces, as they are numbered in files. */
enum gguf_piece_kind {
    GGUF_PIECE_NORMAL = 1,
    GGUF_PIECE_UNKNOWN,
    GGUF_PIECE_CONTROL,
    GGUF_PIECE_USER,
    GGUF_PIECE_UNUSED,
    GGUF_PIECE_BYTE,
};

#define GGUF_PIECE_MAX 1024 /* bytes of a text */

struct gguf_words {
    struct engine_tokenizer *tokenizer; /* `count` and `split` are known */
    struct gguf *gguf;
    struct gguf texts, kinds; /* at the first element of each array */
    struct engine_error *error;
};

/*
 * How the text of a piece that is merged is written: its bytes at `to`, which has room for
 * `text.length_bytes`. Returns their number, or -1 where it is not written so.
 */
typedef int32_t gguf_spelling(uint8_t *to, struct gguf_text text);
gguf_spelling gguf_spell_sentence, gguf_spell_bytes;

/*
 * Takes memory for everything and reads pieces, their kinds and marks. ENGINE_E_SPACE comes only
 * when all memory was asked for.
 */
int gguf_read_pieces(struct gguf_words *words, struct engine_arena *arena);

/* Reads what only SentencePiece has: scores; and only byte-level BPE: merges. Pieces are indexed.
 */
int gguf_read_scores(struct gguf_words *words);
int gguf_read_merges(struct gguf_words *words);

#endif

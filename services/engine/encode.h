/*
 * Byte-pair encoding: a list of symbols, of which pairs of neighbours are merged, best first.
 * Shared by what encodes for SentencePiece vocabularies and for those of bytes.
 */
#ifndef ENGINE_ENCODE_H
#define ENGINE_ENCODE_H

#include "vocabulary.h"

#define ENCODE_NONE UINT32_MAX

struct symbol {
    uint32_t previous, next; /* ENCODE_NONE at the ends */
    uint32_t start, length;  /* of its text; no length: merged into another one, or a byte */
    uint32_t token;
};

struct pair {
    float score;
    uint32_t left, right, length, token;
};

struct encoder {
    const struct engine_tokenizer *tokenizer;
    const uint8_t *text; /* of the symbols */
    struct symbol *symbols;
    uint32_t symbol_count;
    struct pair *heap;
    uint32_t heap_count;
    uint8_t *copy;    /* room for a text with something in front */
    uint32_t *tokens; /* what comes out */
    size_t token_count, tokens_max;
    bool full; /* more tokens than there is room for */
};

/* Adds a symbol behind those that there are. */
void encode_add_symbol(struct encoder *encoder, uint32_t start, uint32_t length, uint32_t token);

/* Merges the symbols, puts their tokens out, and forgets them. */
void encode_merge(struct encoder *encoder);

void encode_put(struct encoder *encoder, uint32_t token);

/* A text that is not empty, in which no marks are looked for. */
void encode_sentence(struct encoder *encoder, const uint8_t *text, size_t text_bytes);
void encode_bytes(struct encoder *encoder, const uint8_t *text, size_t text_bytes);

#endif

/* How byte-level vocabularies cut a text into words before they merge: no merge crosses a cut. */
#ifndef ENGINE_SPLIT_H
#define ENGINE_SPLIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One of the regular expressions that vocabularies are trained with, as a scanner. */
struct engine_split {
    const char *names[4]; /* tokenizer.ggml.pre */
    /*
     * False: GPT-2's,
     *   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
     * True: that of later ones, with numbers of at most `digits`,
     *   (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,digits}|
     *    ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
     * where (?i:) folds characters, not bytes: 'S and U+017F are s.
     */
    bool later;
    uint32_t digits;
    bool whole_words; /* a word that is a piece is that piece, whatever merges would make of it */
    bool begins;      /* texts begin with the token for that, unless the file says otherwise */
};

/* The one of a name that is not ended by 0, or NULL. */
const struct engine_split *split_find(const uint8_t *name, size_t length_bytes);

/*
 * The length of the first word of a text of at least one byte: at least 1. Whoever cuts a whole
 * text so looks at each byte a few times, whatever the text.
 */
size_t split_word(const struct engine_split *split, const uint8_t *text, size_t left);

#endif

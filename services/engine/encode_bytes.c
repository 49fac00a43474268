/* Byte-level BPE: a text is cut into words, and the bytes of each are merged by the list of merges.
 */
#include "encode.h"

#include "split.h"

void
encode_bytes(struct encoder *encoder, const uint8_t *text, size_t text_bytes)
{
    const struct engine_tokenizer *tokenizer = encoder->tokenizer;
    for (size_t at = 0, length; at < text_bytes; at += length) {
        length = split_word(tokenizer->split, text + at, text_bytes - at);
        uint32_t whole = tokenizer->split->whole_words && length <= tokenizer->piece_bytes_max
                             ? vocabulary_find(tokenizer, text + at, length)
                             : VOCABULARY_NONE;
        if (whole != VOCABULARY_NONE) {
            encode_put(encoder, whole);
            continue;
        }
        for (size_t i = at; i < at + length; i++)
            encode_add_symbol(encoder, (uint32_t)i, 1, tokenizer->bytes[text[i]]);
        encode_merge(encoder);
    }
}

/* SentencePiece: the characters of the whole text, or their bytes, are merged by their pieces'
 * scores. */
#include "encode.h"

#include <string.h>

/* The bytes of one character: at most four, what follows the first one are continuations. */
static uint32_t
character_bytes(const uint8_t *text, uint32_t left)
{
    uint32_t length = 1;
    while (length < left && length < 4 && (text[length] & 0xc0) == 0x80)
        length++;
    return length;
}

static void
add_character(struct encoder *encoder, uint32_t at, uint32_t length)
{
    uint32_t token = vocabulary_find(encoder->tokenizer, encoder->text + at, length);
    if (token != VOCABULARY_NONE) {
        encode_add_symbol(encoder, at, length, token);
        return;
    }
    for (uint32_t i = 0; i < length; i++)
        encode_add_symbol(encoder, at + i, 0, encoder->tokenizer->bytes[encoder->text[at + i]]);
}

void
encode_sentence(struct encoder *encoder, const uint8_t *text, size_t text_bytes)
{
    uint32_t space = encoder->tokenizer->space_in_front, count = (uint32_t)text_bytes + space;
    encoder->copy[0] = ' ';
    memcpy(encoder->copy + space, text, text_bytes);
    encoder->text = encoder->copy;
    for (uint32_t at = 0, length; at < count; at += length) {
        length = character_bytes(encoder->text + at, count - at);
        add_character(encoder, at, length);
    }
    encode_merge(encoder);
}

/* How texts of pieces are written in GGUF files. */
#include "gguf_vocabulary.h"

#include <string.h>

#include "engine/unicode.h"

static const uint8_t space[] = {0xe2, 0x96, 0x81}; /* U+2581 stands for a space */

int32_t
gguf_spell_sentence(uint8_t *to, struct gguf_text text)
{
    int32_t length = 0;
    for (uint64_t i = 0; i < text.length_bytes; i++)
        if (text.length_bytes - i >= sizeof space &&
            memcmp(text.text + i, space, sizeof space) == 0) {
            to[length++] = ' ';
            i += sizeof space - 1;
        } else {
            to[length++] = text.text[i];
        }
    return length;
}

/*
 * Byte-level vocabularies are written in characters that one can see: a byte that is one in Latin-1
 * stands for itself, the 68 others are U+0100 and those behind it, in order. -1: none of these.
 */
static int
byte_of(uint32_t code)
{
    if ((code >= 33 && code <= 126) || (code >= 161 && code <= 255 && code != 173))
        return (int)code;
    if (code < 256 || code > 323)
        return -1;
    uint32_t number = code - 256;
    return (int)(number < 33 ? number : number < 67 ? number - 33 + 127 : 173);
}

int32_t
gguf_spell_bytes(uint8_t *to, struct gguf_text text)
{
    int32_t length = 0;
    for (uint64_t at = 0; at < text.length_bytes;) {
        struct unicode_character c = unicode_read(text.text + at, text.length_bytes - at);
        int byte = byte_of(c.code);
        if (byte < 0)
            return -1;
        to[length++] = (uint8_t)byte;
        at += c.length_bytes;
    }
    return length;
}

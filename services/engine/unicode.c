#include "engine/unicode.h"

#include <stdbool.h>

#define REPLACEMENT 0xfffd

/* Made by build/tools/mkunicode: 4 * code + class where the class changes, in order. */
extern const uint32_t unicode_classes[], unicode_class_count;

static uint8_t
class_of(uint32_t code)
{
    uint32_t low = 0, high = unicode_class_count; /* the first begins at 0 */
    while (high - low > 1) {
        uint32_t middle = (low + high) / 2;
        if (unicode_classes[middle] / 4 <= code)
            low = middle;
        else
            high = middle;
    }
    return unicode_classes[low] % 4;
}

/* A character of several bytes; false: it is none. */
static bool
read_long(const uint8_t *text, size_t left, struct unicode_character *character)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t length = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
    uint32_t code = text[0] & (0x7fu >> length);
    if (text[0] < 0xc2 || text[0] > 0xf4 || length > left)
        return false;
    for (uint8_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return false;
        code = code << 6 | (text[i] & 0x3fu);
    }
    if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
        return false;
    *character = (struct unicode_character){code, length, class_of(code)};
    return true;
}

struct unicode_character
unicode_read(const uint8_t *text, size_t left)
{
    struct unicode_character character = {REPLACEMENT, 1, UNICODE_OTHER};
    if (left == 0)
        return (struct unicode_character){0, 0, UNICODE_END};
    if (text[0] < 0x80)
        return (struct unicode_character){text[0], 1, class_of(text[0])};
    (void)read_long(text, left, &character);
    return character;
}

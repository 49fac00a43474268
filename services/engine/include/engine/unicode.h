/* Characters of a text in UTF-8, and what kind they are. */
#ifndef ENGINE_UNICODE_H
#define ENGINE_UNICODE_H

#include <stddef.h>
#include <stdint.h>

enum unicode_class {
    UNICODE_OTHER,
    UNICODE_LETTER, /* general categories L* */
    UNICODE_NUMBER, /* N* */
    UNICODE_SPACE,  /* the property White_Space */
    UNICODE_END,    /* of the text */
};

struct unicode_character {
    uint32_t code;
    uint8_t length_bytes; /* 1 to 4; 0 at the end */
    uint8_t class;        /* enum unicode_class */
};

/*
 * The first character of the `left` bytes at `text`. A byte that begins none (RFC 3629 §3: cut
 * short, longer than it need be, a surrogate, too large) is one of its own, U+FFFD.
 */
struct unicode_character unicode_read(const uint8_t *text, size_t left);

#endif

#include "split.h"

#include <string.h>

#include "engine/unicode.h"

static const struct engine_split splits[] = {
    {.names = {"gpt-2"}},
    {.names = {"qwen2"}, .later = true, .digits = 1},
    {.names = {"llama-bpe", "llama3", "llama-v3"},
     .later = true,
     .digits = 3,
     .whole_words = true,
     .begins = true},
};

const struct engine_split *
split_find(const uint8_t *name, size_t length_bytes)
{
    for (size_t i = 0; i < sizeof splits / sizeof *splits; i++)
        for (const char *const *known = splits[i].names; *known != NULL; known++)
            if (strlen(*known) == length_bytes && memcmp(*known, name, length_bytes) == 0)
                return &splits[i];
    return NULL;
}

/* A text and how far it was looked at. */
struct scan {
    const uint8_t *text;
    size_t left, at;
};

static struct unicode_character
look(const struct scan *scan)
{
    return unicode_read(scan->text + scan->at, scan->left - scan->at);
}

static bool
is_newline(struct unicode_character c)
{
    return c.class == UNICODE_SPACE && (c.code == '\r' || c.code == '\n');
}

/* Passes at most `most` characters of the class; how many there were. */
static size_t
pass(struct scan *scan, enum unicode_class class, size_t most)
{
    size_t count = 0;
    for (; count < most; count++) {
        struct unicode_character c = look(scan);
        if (c.class != class)
            break;
        scan->at += c.length_bytes;
    }
    return count;
}

static void
pass_newlines(struct scan *scan)
{
    while (is_newline(look(scan)))
        scan->at++;
}

/* Each of the following is one of the expression's alternatives: the length of what it matches at
 * the text's beginning, or 0. */
typedef size_t alternative(const struct engine_split *split, struct scan scan);

/* Whether `c` is this letter of the ending. Where case does not count, U+017F (the long s) is an s,
 * as in any expression that folds by Unicode (CaseFolding.txt, status C). */
static bool
is_ending(const struct engine_split *split, struct unicode_character c, char letter)
{
    bool folds = split->later && c.code < 0x80;
    return (c.code | (folds ? 0x20 : 0)) == (uint32_t)letter ||
           (split->later && c.code == 0x17f && letter == 's');
}

static size_t
contraction(const struct engine_split *split, struct scan scan)
{
    static const char *const endings[] = {"s", "t", "re", "ve", "m", "ll", "d"};
    if (scan.text[0] != '\'')
        return 0;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        const char *letter = endings[i];
        scan.at = 1;
        while (*letter != '\0' && is_ending(split, look(&scan), *letter)) {
            scan.at += look(&scan).length_bytes;
            letter++;
        }
        if (*letter == '\0')
            return scan.at;
    }
    return 0;
}

/* A space may stand in front; later any character that is no newline, letter or number. */
static size_t
letters(const struct engine_split *split, struct scan scan)
{
    struct unicode_character first = look(&scan);
    bool skips = split->later ? first.class == UNICODE_OTHER ||
                                    (first.class == UNICODE_SPACE && !is_newline(first))
                              : first.code == ' ';
    scan.at = skips ? first.length_bytes : 0;
    return pass(&scan, UNICODE_LETTER, SIZE_MAX) > 0 ? scan.at : 0;
}

static size_t
numbers(const struct engine_split *split, struct scan scan)
{
    scan.at = !split->later && scan.text[0] == ' ';
    return pass(&scan, UNICODE_NUMBER, split->later ? split->digits : SIZE_MAX) > 0 ? scan.at : 0;
}

static size_t
others(const struct engine_split *split, struct scan scan)
{
    scan.at = scan.text[0] == ' ';
    if (pass(&scan, UNICODE_OTHER, SIZE_MAX) == 0)
        return 0;
    if (split->later)
        pass_newlines(&scan);
    return scan.at;
}

/* White space to its last newline. */
static size_t
newlines(const struct engine_split *split, struct scan scan)
{
    size_t behind = 0;
    for (struct unicode_character c; (c = look(&scan)).class == UNICODE_SPACE;) {
        scan.at += c.length_bytes;
        if (is_newline(c))
            behind = scan.at;
    }
    return split->later ? behind : 0;
}

/* To the end of the text, or all but the last one, which is left to what follows. */
static size_t
spaces(const struct engine_split *split, struct scan scan)
{
    size_t last = 0;
    (void)split;
    for (struct unicode_character c; (c = look(&scan)).class == UNICODE_SPACE;) {
        last = scan.at;
        scan.at += c.length_bytes;
    }
    return scan.at < scan.left && last > 0 ? last : scan.at;
}

size_t
split_word(const struct engine_split *split, const uint8_t *text, size_t left)
{
    static alternative *const alternatives[] = {contraction, letters,  numbers,
                                                others,      newlines, spaces};
    size_t length = 0;
    for (size_t i = 0; length == 0; i++)
        length = alternatives[i](split, (struct scan){text, left, 0});
    return length;
}

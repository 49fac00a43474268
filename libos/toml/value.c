/* Values, and the fields that they go into. */
#include <string.h>

#include "private.h"

/* The escape whose backslash was skipped, or -1. */
static int
read_escape(struct toml_reader *reader)
{
    static const char escapes[] = "\"\"\\\\n\nt\t"; /* pairs: what stands there, what it means */
    for (const char *pair = escapes; *pair; pair += 2)
        if (toml_skip(reader, pair[0]))
            return (unsigned char)pair[1];
    return -1;
}

/* A string into `room` bytes at `to`. */
static bool
read_string(struct toml_reader *reader, char *to, size_t room)
{
    size_t length = 0;
    if (!toml_skip(reader, '"'))
        return toml_fail(reader, "must be a string, \"...\"");
    while (!toml_skip(reader, '"')) {
        int character = toml_peek(reader);
        if (character < 0 || character == '\n')
            return toml_fail(reader, "the string does not end on its line");
        reader->at++;
        if (character == '\\' && (character = read_escape(reader)) < 0)
            return toml_fail(reader, "an escape other than \\\" \\\\ \\n \\t");
        if (length + 1 >= room)
            return toml_fail(reader, "the string is longer than %zu bytes", room - 1);
        to[length++] = (char)character;
    }
    to[length] = 0;
    return true;
}

static bool
read_checked_string(struct toml_reader *reader, const struct toml_key *key, char *to)
{
    if (!read_string(reader, to, key->room))
        return false;
    const char *wrong = key->check ? key->check(to) : NULL;
    return !wrong || toml_fail(reader, "%s", wrong);
}

/* The digit's value, or -1. Capitals are refused, so that bytes have one spelling. */
static int
hex_digit(char digit)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = digit ? strchr(digits, digit) : NULL;
    return found ? (int)(found - digits) : -1;
}

static bool
read_hex(struct toml_reader *reader, uint8_t *to, size_t bytes)
{
    if (!toml_skip(reader, '"'))
        return toml_fail(reader, "must be a string, \"...\"");
    for (size_t i = 0; i < 2 * bytes; i++) {
        int digit = toml_peek(reader) < 0 ? -1 : hex_digit(*reader->at);
        if (digit < 0)
            return toml_fail(reader, "must be %zu digits of 0-9 a-f", 2 * bytes);
        to[i / 2] = (uint8_t)(i % 2 ? to[i / 2] | digit : digit << 4);
        reader->at++;
    }
    return toml_skip(reader, '"') || toml_fail(reader, "must be %zu digits of 0-9 a-f", 2 * bytes);
}

static bool
read_choice(struct toml_reader *reader, const char *const *choices, int *to)
{
    char value[TOML_NAME_BYTES];
    if (!read_string(reader, value, sizeof(value)))
        return false;
    for (int i = 0; choices[i]; i++) {
        if (strcmp(choices[i], value) == 0) {
            *to = i;
            return true;
        }
    }
    return toml_fail(reader, "\"%s\" is none of the values that it may have", value);
}

static bool
is_digit(int character)
{
    return character >= '0' && character <= '9';
}

/* Digits into a negative number, which has room for one more than a positive one. */
static bool
read_digits(struct toml_reader *reader, int64_t *negative)
{
    bool leading_zero = toml_peek(reader) == '0';
    int digits = 0;
    for (*negative = 0; is_digit(toml_peek(reader)); digits++) {
        int digit = *reader->at++ - '0';
        if (*negative < (INT64_MIN + digit) / 10)
            return toml_fail(reader, "the number does not fit into 64 bits");
        *negative = *negative * 10 - digit;
    }
    if (digits == 0)
        return toml_fail(reader, "must be an integer");
    return !(leading_zero && digits > 1) || toml_fail(reader, "a number begins with 0");
}

static bool
read_integer(struct toml_reader *reader, const struct toml_key *key, int64_t *to)
{
    bool minus = toml_skip(reader, '-');
    int64_t negative = 0;
    if (!read_digits(reader, &negative))
        return false;
    if (!minus && negative == INT64_MIN)
        return toml_fail(reader, "the number does not fit into 64 bits");
    *to = minus ? negative : -negative;
    if (*to < key->least || *to > key->most)
        return toml_fail(reader, "%lld is not from %lld to %lld", (long long)*to,
                         (long long)key->least, (long long)key->most);
    return true;
}

static bool
skip_word(struct toml_reader *reader, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(reader->end - reader->at) < length || memcmp(reader->at, word, length) != 0)
        return false;
    reader->at += length;
    return true;
}

static bool
read_boolean(struct toml_reader *reader, bool *to)
{
    *to = skip_word(reader, "true");
    return *to || skip_word(reader, "false") || toml_fail(reader, "must be true or false");
}

/* Blanks, line ends and comments, which may stand anywhere in an array. */
static void
skip_space(struct toml_reader *reader)
{
    do {
        toml_skip_blanks(reader);
        toml_skip_comment(reader);
    } while (toml_skip(reader, '\n'));
}

static bool
read_element(struct toml_reader *reader, const struct toml_key *key, size_t index)
{
    char *field = reader->base + key->offset;
    if (index == key->items)
        return toml_fail(reader, "more than %zu elements", key->items);
    if (key->type == TOML_STRINGS)
        return read_checked_string(reader, key, field + index * key->room);
    return read_integer(reader, key, (int64_t *)(void *)field + index);
}

static bool
read_array(struct toml_reader *reader, const struct toml_key *key)
{
    size_t count = 0;
    if (!toml_skip(reader, '['))
        return toml_fail(reader, "must be an array, [...]");
    for (skip_space(reader); !toml_skip(reader, ']'); skip_space(reader)) {
        if (!read_element(reader, key, count++))
            return false;
        skip_space(reader);
        if (!toml_skip(reader, ',') && toml_peek(reader) != ']')
            return toml_fail(reader, "a comma or ] must stand behind an element");
    }
    *(size_t *)(void *)(reader->base + key->count_offset) = count;
    return true;
}

bool
toml_read_value(struct toml_reader *reader, const struct toml_key *key)
{
    void *field = reader->base + key->offset;
    switch (key->type) {
    case TOML_STRING: return read_checked_string(reader, key, field);
    case TOML_HEX: return read_hex(reader, field, key->room);
    case TOML_CHOICE: return read_choice(reader, key->choices, field);
    case TOML_INTEGER: return read_integer(reader, key, field);
    case TOML_BOOLEAN: return read_boolean(reader, field);
    case TOML_STRINGS:
    case TOML_INTEGERS: return read_array(reader, key);
    }
    return toml_fail(reader, "its schema gives it no type");
}

/* Characters, names and errors. */
#include <stdio.h>
#include <string.h>

#include "private.h"

static void
describe_place(struct toml_reader *reader)
{
    const char *table = reader->table->name;
    snprintf(reader->error->key, sizeof(reader->error->key), "%s%s%s", table ? table : "",
             table && reader->name[0] ? "." : "", reader->name);
}

bool
toml_fail(struct toml_reader *reader, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(reader->error->text, sizeof(reader->error->text), format, list);
    va_end(list);
    reader->error->line = reader->line;
    describe_place(reader);
    return false;
}

bool
toml_fail_at(struct toml_reader *reader, unsigned line, const char *key, const char *text)
{
    reader->error->line = line;
    snprintf(reader->error->key, sizeof(reader->error->key), "%s", key);
    snprintf(reader->error->text, sizeof(reader->error->text), "%s", text);
    return false;
}

void
toml_error_text(const struct toml_error *error, const char *file, char *to, size_t size)
{
    snprintf(to, size, "%s:%u: %s%s%s", file, error->line, error->key, error->key[0] ? ": " : "",
             error->text);
}

/*
 * Bytes of the well-formed UTF-8 character at `at`, or 0 (Unicode 15.0 §3.9, table 3-7). The second
 * byte's range excludes overlong forms, surrogates and what is above U+10FFFF.
 */
static size_t
utf8_length(const unsigned char *at, size_t left)
{
    static const struct {
        unsigned char first, last, second_least, second_most, length;
    } forms[] = {
        {0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (at[0] < forms[i].first || at[0] > forms[i].last)
            continue;
        if (forms[i].length > left)
            return 0;
        if (forms[i].length > 1 && (at[1] < forms[i].second_least || at[1] > forms[i].second_most))
            return 0;
        for (size_t k = 2; k < forms[i].length; k++)
            if ((at[k] & 0xc0) != 0x80)
                return 0;
        return forms[i].length;
    }
    return 0;
}

bool
toml_check_text(struct toml_reader *reader)
{
    for (const char *at = reader->at; at < reader->end;) {
        const unsigned char *byte = (const unsigned char *)at;
        size_t length = utf8_length(byte, (size_t)(reader->end - at));
        if (length == 0)
            return toml_fail(reader, "byte 0x%02x is not part of UTF-8 text", *byte);
        if ((*byte < 0x20 && *byte != '\n' && *byte != '\t') || *byte == 0x7f)
            return toml_fail(reader, "control character 0x%02x", *byte);
        reader->line += *byte == '\n';
        at += length;
    }
    reader->line = 1;
    return true;
}

int
toml_peek(const struct toml_reader *reader)
{
    return reader->at < reader->end ? (unsigned char)*reader->at : -1;
}

bool
toml_skip(struct toml_reader *reader, char character)
{
    if (reader->at == reader->end || *reader->at != character)
        return false;
    reader->line += character == '\n';
    reader->at++;
    return true;
}

void
toml_skip_blanks(struct toml_reader *reader)
{
    while (toml_skip(reader, ' ') || toml_skip(reader, '\t'))
        ;
}

void
toml_skip_comment(struct toml_reader *reader)
{
    if (toml_peek(reader) == '#')
        while (reader->at < reader->end && *reader->at != '\n')
            reader->at++;
}

static bool
is_name_character(int character)
{
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           (character >= '0' && character <= '9') || character == '_' || character == '-';
}

bool
toml_read_name(struct toml_reader *reader)
{
    size_t length = 0;
    reader->name[0] = 0;
    for (; is_name_character(toml_peek(reader)); reader->at++) {
        if (length == TOML_NAME_BYTES - 1)
            return toml_fail(reader, "a name is longer than %d characters", TOML_NAME_BYTES - 1);
        reader->name[length++] = *reader->at;
        reader->name[length] = 0;
    }
    return length != 0 || toml_fail(reader, "a name of A-Z a-z 0-9 _ - must stand here");
}

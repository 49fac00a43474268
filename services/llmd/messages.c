/* A reader for that one form of JSON. */
#include "messages.h"

#include <engine/unicode.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct text {
    char *at;
    size_t length;
};

struct reader {
    char *at, *end;
    const char *problem; /* NULL: none so far */
};

static bool
fail(struct reader *reader, const char *problem)
{
    if (reader->problem == NULL)
        reader->problem = problem;
    return false;
}

static char
look(struct reader *reader)
{
    while (reader->at < reader->end && *reader->at != '\0' && strchr(" \t\r\n", *reader->at))
        reader->at++;
    return reader->at < reader->end ? *reader->at : '\0';
}

static bool
take(struct reader *reader, char c, const char *problem)
{
    if (look(reader) != c)
        return fail(reader, problem);
    reader->at++;
    return true;
}

/* --- Strings ------------------------------------------------------------------------------------
 */

static bool
read_hex(struct reader *reader, uint32_t *unit)
{
    *unit = 0;
    for (int i = 0; i < 4; i++) {
        char c = reader->at < reader->end ? *reader->at++ : '\0';
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a') + 10
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A') + 10
                                                : 16;
        if (digit == 16)
            return fail(reader, "\\u without four hexadecimal digits");
        *unit = *unit << 4 | digit;
    }
    return true;
}

/* A character of one \u or of two, which are a pair (RFC 8259 §7); at most 4 bytes of UTF-8, where
 * at least 6 were. */
static bool
read_unicode(struct reader *reader, char **to)
{
    uint32_t code, low;
    if (!read_hex(reader, &code))
        return false;
    if (code >= 0xd800 && code < 0xdc00) {
        if (reader->end - reader->at < 6 || memcmp(reader->at, "\\u", 2) != 0)
            return fail(reader, "half a pair of \\u");
        reader->at += 2;
        if (!read_hex(reader, &low))
            return false;
        if (low < 0xdc00 || low > 0xdfff)
            return fail(reader, "half a pair of \\u");
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    } else if (code >= 0xdc00 && code < 0xe000) {
        return fail(reader, "half a pair of \\u");
    }
    unsigned more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const uint8_t first[] = {0, 0xc0, 0xe0, 0xf0};
    *(*to)++ = (char)(first[more] | code >> (6 * more));
    while (more-- > 0)
        *(*to)++ = (char)(0x80 | (code >> (6 * more) & 0x3f));
    return true;
}

static bool
read_escape(struct reader *reader, char **to)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    char c = reader->at < reader->end ? *reader->at++ : '\0';
    const char *name = c != '\0' ? strchr(names, c) : NULL;
    if (c == 'u')
        return read_unicode(reader, to);
    if (name == NULL)
        return fail(reader, "an escape that JSON does not have");
    *(*to)++ = values[name - names];
    return true;
}

/* One that is written as itself (RFC 8259 §8.1: in UTF-8), whose first byte was read. */
static bool
read_character(struct reader *reader, char **to)
{
    char *from = reader->at - 1;
    size_t length = unicode_read((const uint8_t *)from, (size_t)(reader->end - from)).length_bytes;
    if ((unsigned char)*from < ' ')
        return fail(reader, "a control character in a string");
    if ((unsigned char)*from >= 0x80 && length == 1)
        return fail(reader, "a string that is not UTF-8");
    memmove(*to, from, length);
    *to += length;
    reader->at = from + length;
    return true;
}

/* In place: what is read is no longer than how it is written. */
static bool
read_string(struct reader *reader, struct text *text)
{
    if (!take(reader, '"', "a string is missing"))
        return false;
    char *to = text->at = reader->at;
    for (;;) {
        if (reader->at == reader->end)
            return fail(reader, "a string without an end");
        char c = *reader->at++;
        if (c == '"')
            break;
        if (c == '\\' ? !read_escape(reader, &to) : !read_character(reader, &to))
            return false;
    }
    text->length = (size_t)(to - text->at);
    return true;
}

static bool
is(struct text text, const char *expected)
{
    return text.length == strlen(expected) && memcmp(text.at, expected, text.length) == 0;
}

/* --- Messages -----------------------------------------------------------------------------------
 */

static bool
read_role(struct reader *reader, enum message_role *role)
{
    static const char *const names[ROLES] = {"system", "user", "assistant"};
    struct text text;
    if (!read_string(reader, &text))
        return false;
    for (*role = 0; *role < ROLES && !is(text, names[*role]);)
        (*role)++;
    return *role < ROLES || fail(reader, "role must be system, user or assistant");
}

/* One key of a message, and what it says; each once. */
static bool
read_pair(struct reader *reader, struct message *message, bool *has_role, bool *has_content)
{
    struct text key, content;
    if (!read_string(reader, &key) || !take(reader, ':', "a : is missing"))
        return false;
    if (is(key, "role") && !*has_role)
        return *has_role = read_role(reader, &message->role);
    if (!is(key, "content") || *has_content)
        return fail(reader, "a key other than one role and one content");
    *has_content = read_string(reader, &content);
    message->content = content.at;
    message->content_bytes = content.length;
    return *has_content;
}

static bool
read_message(struct reader *reader, struct message *message)
{
    bool has_role = false, has_content = false, more = true;
    if (!take(reader, '{', "a { is missing"))
        return false;
    while (more) {
        if (!read_pair(reader, message, &has_role, &has_content))
            return false;
        more = look(reader) == ',';
        reader->at += more;
    }
    if (!take(reader, '}', "a } is missing"))
        return false;
    return (has_role && has_content) || fail(reader, "role or content is missing");
}

/* Behind a user comes an assistant, and before one nobody, an assistant or the system. */
static bool
is_in_turn(const struct messages *messages)
{
    const struct message *last = &messages->list[messages->count - 1];
    bool first = messages->count == 1;
    if (last->role == ROLE_SYSTEM)
        return first;
    bool behind_user = !first && last[-1].role == ROLE_USER;
    return last->role == ROLE_ASSISTANT ? behind_user : !behind_user;
}

static bool
read_list(struct reader *reader, struct messages *messages)
{
    bool more = true;
    if (!take(reader, '[', "messages must be a list"))
        return false;
    while (more) {
        if (messages->count == MESSAGES_MAX)
            return fail(reader, "there are more than 256");
        if (!read_message(reader, &messages->list[messages->count++]))
            return false;
        if (!is_in_turn(messages))
            return fail(reader, "out of turn: system may be first, then come user and assistant");
        more = look(reader) == ',';
        reader->at += more;
    }
    if (!take(reader, ']', "a ] is missing"))
        return false;
    return messages->list[messages->count - 1].role == ROLE_USER ||
           fail(reader, "the last one must be a user's");
}

static bool
read_body(struct reader *reader, struct messages *messages)
{
    struct text key;
    if (!take(reader, '{', "the body must be {\"messages\": [..]}") || !read_string(reader, &key))
        return false;
    if (!is(key, "messages"))
        return fail(reader, "a key other than messages; parameters stand behind the ? of the path");
    return take(reader, ':', "a : is missing") && read_list(reader, messages) &&
           take(reader, '}', "a } is missing, or a key other than messages") &&
           (look(reader) == '\0' && reader->at == reader->end
                ? true
                : fail(reader, "something behind the body"));
}

bool
messages_read(struct messages *messages, char *body, size_t body_bytes, char *why, size_t why_bytes)
{
    struct reader reader = {body, body + body_bytes, NULL};
    messages->count = 0;
    if (read_body(&reader, messages))
        return true;
    (void)snprintf(why, why_bytes, "messages: %zu: %s", messages->count, reader.problem);
    return false;
}

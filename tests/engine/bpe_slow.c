/* A matcher that tries everything that an expression permits, in order, and merges by searching. */
#include "bpe.h"

#include <string.h>

/* A pattern or a part of it, and the text. */
struct matcher {
    const struct bpe_character *text;
    size_t count;
    bool any_case;
};

static bool
is_of_class(const char *name, size_t length, const struct bpe_character *c)
{
    if (length == 5 && memcmp(name, "\\p{", 3) == 0)
        return c->class == name[3];
    if (length == 2 && name[0] == '\\' && (name[1] == 's' || name[1] == 'S'))
        return (c->class == 'S') == (name[1] == 's');
    if (length == 2 && name[0] == '\\')
        return c->code == (name[1] == 'r' ? '\r' : '\n');
    return c->code == (uint32_t)name[0];
}

/* The end of a class or letter that begins at `at`. */
static const char *
behind_name(const char *at)
{
    return *at != '\\' ? at + 1 : at[1] == 'p' ? at + 5 : at + 2;
}

static const char *
behind_atom(const char *at)
{
    return *at == '[' ? strchr(at, ']') + 1 : *at == '(' ? strchr(at, ')') + 1 : behind_name(at);
}

static bool
is_matched(const struct matcher *m, const char *atom, size_t at)
{
    if (at == m->count)
        return false;
    struct bpe_character c = m->text[at];
    if (m->any_case && c.code >= 'A' && c.code <= 'Z')
        c.code += 32;
    if (m->any_case && c.code == 0x17f) /* folds to s */
        c.code = 's';
    if (*atom != '[')
        return is_of_class(atom, (size_t)(behind_name(atom) - atom), &c);
    bool without = atom[1] == '^', found = false;
    for (const char *name = atom + 1 + without; *name != ']'; name = behind_name(name))
        found |= is_of_class(name, (size_t)(behind_name(name) - name), &c);
    return found != without;
}

static const char *
read_quantifier(const char *at, size_t *least, size_t *most)
{
    *least = *at == '?' || *at == '*' ? 0 : 1;
    *most = *at == '*' || *at == '+' ? SIZE_MAX : 1;
    if (*at == '{') {
        *most = (size_t)(at[3] - '0');
        return at + 5;
    }
    return *at == '?' || *at == '*' || *at == '+' ? at + 1 : at;
}

/* Where one alternative, from `atom` to `end`, stops to match from `at` on; SIZE_MAX: it does not.
 */
static size_t match_one(const struct matcher *m, const char *atom, const char *end, size_t at);

/* The first alternative that matches. */
static size_t
match_any(const struct matcher *m, const char *from, const char *end, size_t at)
{
    while (from < end) {
        const char *bar = from;
        while (bar < end && *bar != '|')
            bar = *bar == '(' ? strchr(bar, ')') + 1 : bar + 1;
        size_t found = match_one(m, from, bar, at);
        if (found != SIZE_MAX)
            return found;
        from = bar + 1;
    }
    return SIZE_MAX;
}

static size_t
match_one(const struct matcher *m, const char *atom, const char *end, size_t at)
{
    if (atom == end)
        return at;
    const char *behind = behind_atom(atom);
    if (memcmp(atom, "(?!", 3) == 0)
        return is_matched(m, atom + 3, at) ? SIZE_MAX : match_one(m, behind, end, at);
    if (memcmp(atom, "(?i:", 4) == 0) {
        const struct matcher inner = {m->text, m->count, true};
        size_t found = match_any(&inner, atom + 4, behind - 1, at);
        return found == SIZE_MAX ? SIZE_MAX : match_one(m, behind, end, found);
    }
    size_t least, most, count = 0;
    const char *rest = read_quantifier(behind, &least, &most);
    while (count < most && is_matched(m, atom, at + count))
        count++;
    for (; count + 1 > least; count--) {
        size_t found = match_one(m, rest, end, at + count);
        if (found != SIZE_MAX || count == 0)
            return found;
    }
    return SIZE_MAX;
}

size_t
bpe_match(const char *expression, const struct bpe_character *text, size_t count)
{
    const struct matcher matcher = {text, count, false};
    return match_any(&matcher, expression, expression + strlen(expression), 0);
}

/* --- Merging ---------------------------------------------------------------------------------- */

/* A part of a word: bytes of the text. */
struct part {
    uint8_t bytes[BPE_BYTES_MAX];
    uint32_t length, token;
};

static bool
is_piece(const struct bpe *bpe, const struct part *part, uint32_t token)
{
    const struct bpe_piece *piece = &bpe->pieces[token];
    return piece->kind == 1 && piece->length == part->length &&
           memcmp(piece->bytes, part->bytes, part->length) == 0;
}

static bool
set_token(const struct bpe *bpe, struct part *part)
{
    for (part->token = 0; part->token < bpe->count; part->token++)
        if (is_piece(bpe, part, part->token))
            return true;
    return false;
}

/* Joins the first pair of those that the earliest merge is of. False: there is none. */
static bool
merge_one(const struct bpe *bpe, struct part *parts, size_t *count)
{
    for (uint32_t m = 0; m < bpe->merge_count; m++)
        for (size_t i = 0; i + 1 < *count; i++) {
            struct part *a = &parts[i], *b = &parts[i + 1];
            if (!is_piece(bpe, a, bpe->merges[m].left) || !is_piece(bpe, b, bpe->merges[m].right))
                continue;
            memcpy(a->bytes + a->length, b->bytes, b->length);
            a->length += b->length;
            (void)set_token(bpe, a);
            memmove(b, b + 1, (*count - i - 2) * sizeof *b);
            --*count;
            return true;
        }
    return false;
}

static size_t
encode_word(const struct bpe *bpe, bool whole, const struct bpe_character *word, size_t count,
            uint32_t *tokens)
{
    struct part parts[1024], all = {.length = 0};
    size_t parts_count = 0;
    bool fits = true;
    for (size_t i = 0; i < count; i++)
        for (uint32_t b = 0; b < word[i].length; b++) {
            const uint8_t byte = word[i].bytes[b];
            parts[parts_count++] = (struct part){{byte}, 1, byte};
            fits = fits && all.length < BPE_BYTES_MAX;
            if (fits)
                all.bytes[all.length++] = byte;
        }
    if (whole && fits && set_token(bpe, &all)) {
        tokens[0] = all.token;
        return 1;
    }
    while (merge_one(bpe, parts, &parts_count))
        continue;
    for (size_t i = 0; i < parts_count; i++)
        tokens[i] = parts[i].token;
    return parts_count;
}

size_t
bpe_encode(const struct bpe *bpe, const char *expression, bool whole,
           const struct bpe_character *text, size_t count, uint32_t *tokens)
{
    size_t made = 0;
    for (size_t at = 0, length; at < count; at += length) {
        length = bpe_match(expression, text + at, count - at);
        made += encode_word(bpe, whole, text + at, length, tokens + made);
    }
    return made;
}

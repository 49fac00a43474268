/* Parameters of a completion: one table, and numbers that are read strictly. */
#include "query.h"

#include <stdio.h>
#include <string.h>

#define DIGITS_MAX 18 /* of a number with a fraction: fewer than 64 bits */

enum kind { COUNT32, COUNT64, FLAG, REAL, KEY };

static const struct parameter {
    const char *name;
    enum kind kind;
    size_t offset;
    double min, max; /* not of COUNT64 and KEY, which have none */
    const char *wanted;
} parameters[] = {
    {"n", COUNT32, offsetof(struct query, tokens), 1, UINT32_MAX, "a number from 1 to 4294967295"},
    {"seed", COUNT64, offsetof(struct query, sampling.seed), 0, 0,
     "a number from 0 to 18446744073709551615"},
    {"temperature", REAL, offsetof(struct query, sampling.temperature), 0, 100,
     "a number from 0 to 100"},
    {"top_k", COUNT32, offsetof(struct query, sampling.top_k), 0, UINT32_MAX,
     "a number from 0 to 4294967295"},
    {"top_p", REAL, offsetof(struct query, sampling.top_p), 0, 1, "a number from 0 to 1"},
    {"min_p", REAL, offsetof(struct query, sampling.min_p), 0, 1, "a number from 0 to 1"},
    {"repetition_penalty", REAL, offsetof(struct query, sampling.repetition_penalty), 0.1, 10,
     "a number from 0.1 to 10"},
    {"cache_key", KEY, offsetof(struct query, cache_key), 0, 0,
     "1 to 32 letters, digits, or of - . _"},
    {"special", FLAG, offsetof(struct query, special), 0, 1, "0 or 1"},
    {"logprobs", FLAG, offsetof(struct query, log_probability), 0, 1, "0 or 1"},
};

#define PARAMETERS (sizeof(parameters) / sizeof(parameters[0]))

/* One name or value: not ended by 0. */
struct span {
    const char *at;
    size_t length;
};

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool
read_whole(struct span text, uint64_t *number)
{
    *number = 0;
    for (size_t i = 0; i < text.length; i++)
        if (!is_digit(text.at[i]) || __builtin_mul_overflow(*number, 10, number) ||
            __builtin_add_overflow(*number, (uint64_t)(text.at[i] - '0'), number))
            return false;
    return text.length > 0;
}

/* Digits, and perhaps a point and more digits: neither sign nor exponent. */
static bool
read_real(struct span text, double *number)
{
    const char *point = memchr(text.at, '.', text.length);
    size_t whole = point != NULL ? (size_t)(point - text.at) : text.length, digits = 0;
    uint64_t value = 0;
    double scale = 1;
    for (size_t i = 0; i < text.length; i++) {
        if (i == whole)
            continue;
        if (!is_digit(text.at[i]) || ++digits > DIGITS_MAX)
            return false;
        value = value * 10 + (uint64_t)(text.at[i] - '0');
        scale *= i > whole ? 10 : 1;
    }
    *number = (double)value / scale;
    return whole > 0 && digits > 0 && whole + 1 != text.length;
}

static bool
store_key(char *to, struct span text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._";
    if (text.length == 0 || text.length >= PROMPT_CACHE_KEY_BYTES)
        return false;
    memcpy(to, text.at, text.length);
    to[text.length] = '\0';
    return strspn(to, plain) == text.length;
}

static bool
store(struct query *query, const struct parameter *parameter, struct span text)
{
    char *to = (char *)query + parameter->offset;
    uint64_t whole = 0;
    double real = 0;
    if (parameter->kind == KEY)
        return store_key(to, text);
    if (parameter->kind == REAL ? !read_real(text, &real) : !read_whole(text, &whole))
        return false;
    double number = parameter->kind == REAL ? real : (double)whole;
    if (parameter->kind != COUNT64 && (number < parameter->min || number > parameter->max))
        return false;
    if (parameter->kind == COUNT32)
        *(uint32_t *)(void *)to = (uint32_t)whole;
    else if (parameter->kind == COUNT64)
        *(uint64_t *)(void *)to = whole;
    else if (parameter->kind == FLAG)
        *(bool *)(void *)to = whole != 0;
    else
        *(float *)(void *)to = (float)real;
    return true;
}

static size_t
find(struct span name)
{
    size_t i = 0;
    while (i < PARAMETERS && (strlen(parameters[i].name) != name.length ||
                              memcmp(parameters[i].name, name.at, name.length) != 0))
        i++;
    return i;
}

/* One pair; `seen` has a bit for each parameter that came. */
static bool
read_pair(struct query *query, struct span pair, unsigned *seen, char *why, size_t why_bytes)
{
    const char *equals = memchr(pair.at, '=', pair.length);
    struct span name = {pair.at, equals != NULL ? (size_t)(equals - pair.at) : pair.length};
    struct span value = {name.at + name.length + 1, pair.length - name.length - 1};
    if (equals == NULL)
        value = (struct span){"", 0};
    size_t i = find(name);
    int shown = (int)(name.length < 40 ? name.length : 40);
    if (name.length == 0)
        (void)snprintf(why, why_bytes, "a parameter has no name in front of its =");
    else if (i == PARAMETERS)
        (void)snprintf(why, why_bytes, "%.*s: no such parameter", shown, name.at);
    else if (*seen & 1u << i)
        (void)snprintf(why, why_bytes, "%s: given twice", parameters[i].name);
    else if (!store(query, &parameters[i], value))
        (void)snprintf(why, why_bytes, "%s: must be %s", parameters[i].name, parameters[i].wanted);
    else
        *seen |= 1u << i;
    return i < PARAMETERS && why[0] == '\0';
}

bool
query_read(struct query *query, const char *text, char *why, size_t why_bytes)
{
    unsigned seen = 0;
    *query = (struct query){.tokens = QUERY_TOKENS_DEFAULT};
    why[0] = '\0';
    while (*text != '\0') {
        struct span pair = {text, strcspn(text, "&")};
        if (pair.length > 0 && !read_pair(query, pair, &seen, why, why_bytes))
            return false;
        text += pair.length;
        text += *text == '&';
    }
    return true;
}

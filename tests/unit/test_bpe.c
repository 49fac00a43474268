/*
 * Byte-level BPE: encoding is what the regular expressions and the list of merges say, for any
 * vocabulary and text, and decoding gives any bytes back, in a time that does not grow as a square.
 */
#include "split.h"

#include <stdlib.h>
#include <string.h>

#include "bpe.h"
#include "bpe_use.h"
#include "tap.h"

#define TEXT_MAX  64 /* characters */
#define BYTES_MAX (4 * TEXT_MAX)

static const struct {
    const char *name, *expression;
    bool whole;
} ways[] = {
    {"gpt-2", "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
     false},
    {"llama-bpe",
     "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|"
     " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
     true},
    {"qwen2",
     "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}|"
     " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
     false},
};
#define WAYS (sizeof ways / sizeof *ways)

/* Characters and the classes that Unicode gives them. */
static const struct {
    const char *text;
    uint32_t code;
    char class;
} characters[] = {
    {"a", 'a', 'L'},
    {"s", 's', 'L'},
    {"\xc5\xbf", 0x17f, 'L'}, /* the long s */
    {"l", 'l', 'L'},
    {"T", 'T', 'L'},
    {"r", 'r', 'L'},
    {"e", 'e', 'L'},
    {"\xc3\xa9", 0xe9, 'L'},
    {"\xd0\xb6", 0x436, 'L'},
    {"\xe4\xb8\xad", 0x4e2d, 'L'},      /* U+4E2D */
    {"\xf0\x90\x8d\x88", 0x10348, 'L'}, /* a Gothic letter */
    {"\xcb\x90", 0x2d0, 'L'},           /* a modifier letter */
    {"1", '1', 'N'},
    {"7", '7', 'N'},
    {"\xd9\xa3", 0x663, 'N'},      /* an Arabic digit */
    {"\xe2\x85\xa7", 0x2167, 'N'}, /* a Roman numeral */
    {"\xc2\xbd", 0xbd, 'N'},       /* a fraction */
    {" ", ' ', 'S'},
    {" ", ' ', 'S'},
    {" ", ' ', 'S'},
    {"\n", '\n', 'S'},
    {"\r", '\r', 'S'},
    {"\t", '\t', 'S'},
    {"\xc2\xa0", 0xa0, 'S'},
    {"\xe2\x80\x83", 0x2003, 'S'},
    {"\xe3\x80\x80", 0x3000, 'S'},
    {"'", '\'', '.'},
    {"'", '\'', '.'},
    {".", '.', '.'},
    {"-", '-', '.'},
    {"\xcc\x81", 0x301, '.'},           /* a combining accent is a mark, no letter */
    {"\xf0\x9f\x99\x82", 0x1f642, '.'}, /* a face */
    {"\xef\xbf\xbd", 0xfffd, '.'},
    {"\x1f", 0x1f, '.'}, /* no white space */
    {"\0", 0, '.'},
};
#define CHARACTERS (sizeof characters / sizeof *characters)

/* A text of the characters above, and its bytes. */
static size_t
make_text(uint64_t *state, struct bpe_character *text, size_t count, uint8_t *bytes)
{
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        size_t c = tap_random(state, CHARACTERS);
        uint32_t length = characters[c].code == 0 ? 1 : (uint32_t)strlen(characters[c].text);
        memcpy(bytes + at, characters[c].text, length);
        text[i] =
            (struct bpe_character){characters[c].code, characters[c].class, bytes + at, length};
        at += length;
    }
    return at;
}

/* Merges of pieces that stand behind each other in texts, and of any others, in any order. */
static void
make_vocabulary(uint64_t *state, const char *way)
{
    bpe_begin(&bpe_used, way);
    uint32_t merges = (uint32_t)tap_random(state, BPE_MERGES_MAX);
    while (merges-- > 0) {
        struct bpe_character text[2];
        uint8_t bytes[8];
        size_t count = make_text(state, text, 2, bytes);
        uint32_t left = bytes[0], right = bytes[count - 1];
        if (tap_random(state, 2) == 0)
            left = (uint32_t)tap_random(state, bpe_used.count);
        if (tap_random(state, 2) == 0 || count == 1)
            right = (uint32_t)tap_random(state, bpe_used.count);
        (void)bpe_add_merge(&bpe_used, left, right);
    }
}

static void
check_text(size_t way, const struct bpe_character *text, size_t count, const uint8_t *bytes,
           size_t length)
{
    uint32_t expected[BYTES_MAX], tokens[BYTES_MAX + 2];
    size_t slow =
        bpe_encode(&bpe_used, ways[way].expression, ways[way].whole, text, count, expected);
    CHECK_EQ(bpe_tokens(bytes, length, false, tokens, BYTES_MAX + 2), slow);
    for (size_t i = 0; i < slow; i++)
        CHECK_EQ(tokens[i], expected[i]);
}

static void
tokens_are_those_of_the_expression_and_the_merges(void)
{
    uint64_t state = 4;
    for (int round = 0; round < 300; round++) {
        size_t way = (size_t)round % WAYS;
        make_vocabulary(&state, ways[way].name);
        bpe_use();
        for (int t = 0; t < 20; t++) {
            struct bpe_character text[TEXT_MAX];
            uint8_t bytes[BYTES_MAX];
            size_t count = 1 + tap_random(&state, t == 0 ? TEXT_MAX : 12);
            check_text(way, text, count, bytes, make_text(&state, text, count, bytes));
        }
    }
}

static void
words_of_known_texts(void)
{
    static const struct {
        size_t way;
        const char *text, *words; /* with | between them */
    } known[] = {
        {0, "Hello world, it's 2024!", "Hello| world|,| it|'s| 2024|!"},
        {1, "Hello world, IT'S 2024!", "Hello| world|,| IT|'S| |202|4|!"},
        {2, "Hello world, IT'S 2024!", "Hello| world|,| IT|'S| |2|0|2|4|!"},
        {0, "it'\xc5\xbfo", "it|'|\xc5\xbfo"},
        {1, "it'\xc5\xbfo", "it|'\xc5\xbf|o"},
        {2, "IT'\xc5\xbf IT'\xc5\xbe", "IT|'\xc5\xbf| IT|'\xc5\xbe"}, /* another letter */
        {0, "a   b\n\n c  ", "a|  | b|\n\n| c|  "},
        {1, "a   b\n\n c  \n  d", "a|  | b|\n\n| c|  \n| | d"},
        {1, "if(x):\n\treturn\n", "if|(x|):\n|\treturn|\n"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const char *way = ways[known[i].way].name, *text = known[i].text;
        const struct engine_split *split = split_find((const uint8_t *)way, strlen(way));
        size_t position = 0;
        for (const char *word = known[i].words; *word != '\0';) {
            size_t length = strcspn(word, "|");
            CHECK_EQ(split_word(split, (const uint8_t *)text + position, strlen(text + position)),
                     length);
            CHECK_EQ(memcmp(text + position, word, length), 0);
            position += length;
            word += length + (word[length] == '|');
        }
        CHECK_EQ(position, strlen(text));
    }
}

static void
any_bytes_come_back(void)
{
    uint64_t state = 8;
    for (int round = 0; round < 3000; round++) {
        uint8_t bytes[BYTES_MAX], back[BYTES_MAX];
        uint32_t tokens[BYTES_MAX + 2];
        if (round % 30 == 0) {
            make_vocabulary(&state, ways[(size_t)round / 30 % WAYS].name);
            bpe_use();
        }
        size_t length = tap_random(&state, BYTES_MAX);
        for (size_t i = 0; i < length; i++)
            bytes[i] = (uint8_t)tap_random(&state, 256);
        int64_t count = bpe_tokens(bytes, length, false, tokens, BYTES_MAX + 2);
        CHECK(count >= 0 && (size_t)count <= length);
        CHECK_EQ(bpe_text(tokens, count, back), length);
        CHECK_EQ(memcmp(bytes, back, length), 0);
    }
}

/* Texts of half a megabyte that all merge, that no merge fits, that are spaces, that look like
 * marks at each byte: the square of their length would take hours. */
static void
long_texts_take_no_square_of_their_length(void)
{
    static const char *const texts[] = {"a",  " ",      "\n", " \n",  "'",
                                        "ab", "<|end|", "1",  "\xff", "'l"};
    size_t length = 1 << 19;
    uint8_t *text = malloc(length), *back = malloc(length);
    uint32_t *tokens = malloc((2 * length + 2) * sizeof *tokens);
    for (size_t way = 0; way < WAYS; way++) {
        bpe_begin_with_marks(ways[way].name);
        uint32_t two = bpe_add_merge(&bpe_used, 'a', 'a'),
                 spaces = bpe_add_merge(&bpe_used, ' ', ' ');
        (void)bpe_add_merge(&bpe_used, two, two);
        (void)bpe_add_merge(&bpe_used, spaces, spaces);
        bpe_use();
        for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
            for (size_t i = 0; i < length; i++)
                text[i] = (uint8_t)texts[t][i % strlen(texts[t])];
            int64_t count = bpe_tokens(text, length, way == 0, tokens, 2 * length + 2);
            CHECK(count > 0);
            CHECK_EQ(bpe_text(tokens, count, back), length);
            CHECK_EQ(memcmp(text, back, length), 0);
        }
    }
    free(text);
    free(back);
    free(tokens);
}

static const struct tap_test tests[] = {
    TAP(tokens_are_those_of_the_expression_and_the_merges),
    TAP(words_of_known_texts),
    TAP(any_bytes_come_back),
    TAP(long_texts_take_no_square_of_their_length),
};
TAP_MAIN(tests)

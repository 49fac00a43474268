/*
 * Byte-level BPE: encoding is what the regular expressions and the list of merges say, for any
 * vocabulary and text; decoding gives any bytes back; names of control tokens are text unless they
 * are asked for; a file that is wrong is refused with a reason.
 */
#include "engine/gguf.h"
#include "split.h"

#include <stdlib.h>
#include <string.h>

#include "bpe.h"
#include "tap.h"

#define ARENA_BYTES ((size_t)1 << 20)
#define TEXT_MAX    64 /* characters */
#define BYTES_MAX   (4 * TEXT_MAX)

static struct engine_tokenizer tokenizer;
static struct engine_error error;
static struct bpe bpe;
static uint8_t arena_bytes[ARENA_BYTES] __attribute__((aligned(ENGINE_ARENA_ALIGN)));

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

static int
read_file(const uint8_t *file, size_t bytes, uint32_t count)
{
    static uint8_t *copy;
    struct engine_arena arena = {.base = arena_bytes, .size_bytes = sizeof arena_bytes};
    free(copy);
    copy = malloc(bytes ? bytes : 1); /* ends where the file does */
    memcpy(copy, file, bytes);
    memset(&error, 0, sizeof error);
    return engine_gguf_tokenizer_read(&tokenizer, copy, bytes, count, &arena, &error);
}

static void
use_vocabulary(void)
{
    size_t bytes;
    uint8_t *file = bpe_write(&bpe, &bytes);
    int status = read_file(file, bytes, bpe.count);
    if (status != ENGINE_OK)
        printf("# %s\n", error.text);
    CHECK_EQ(status, 0);
    free(file);
}

static int64_t
encode(const void *text, size_t length, bool marked, uint32_t *tokens, size_t tokens_max)
{
    size_t scratch_bytes = engine_encode_bytes(length);
    void *scratch = malloc(scratch_bytes);
    int64_t count = (marked ? engine_encode_marked : engine_encode)(
        &tokenizer, text, length, true, tokens, tokens_max, scratch, scratch_bytes);
    free(scratch);
    return count;
}

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
    bpe_begin(&bpe, way);
    uint32_t merges = (uint32_t)tap_random(state, BPE_MERGES_MAX);
    while (merges-- > 0) {
        struct bpe_character text[2];
        uint8_t bytes[8];
        size_t count = make_text(state, text, 2, bytes);
        uint32_t left = bytes[0], right = bytes[count - 1];
        if (tap_random(state, 2) == 0)
            left = (uint32_t)tap_random(state, bpe.count);
        if (tap_random(state, 2) == 0 || count == 1)
            right = (uint32_t)tap_random(state, bpe.count);
        (void)bpe_add_merge(&bpe, left, right);
    }
}

static void
check_text(size_t way, const struct bpe_character *text, size_t count, const uint8_t *bytes,
           size_t length)
{
    uint32_t expected[BYTES_MAX], tokens[BYTES_MAX + 2];
    size_t slow = bpe_encode(&bpe, ways[way].expression, ways[way].whole, text, count, expected);
    CHECK_EQ(encode(bytes, length, false, tokens, BYTES_MAX + 2), slow);
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
        use_vocabulary();
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

static size_t
decode(const uint32_t *tokens, int64_t count, uint8_t *to)
{
    uint32_t previous = tokenizer.begin;
    size_t at = 0, length;
    for (int64_t i = 0; i < count; i++) {
        const uint8_t *piece = engine_decode(&tokenizer, previous, tokens[i], &length);
        memcpy(to + at, piece, length);
        at += length;
        previous = tokens[i];
    }
    return at;
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
            use_vocabulary();
        }
        size_t length = tap_random(&state, BYTES_MAX);
        for (size_t i = 0; i < length; i++)
            bytes[i] = (uint8_t)tap_random(&state, 256);
        int64_t count = encode(bytes, length, false, tokens, BYTES_MAX + 2);
        CHECK(count >= 0 && (size_t)count <= length);
        CHECK_EQ(decode(tokens, count, back), length);
        CHECK_EQ(memcmp(bytes, back, length), 0);
    }
}

/* --- Control tokens --------------------------------------------------------------------------- */

static uint32_t begin_mark, end_mark, longer_mark, user_mark;

static void
make_marks(const char *way)
{
    bpe_begin(&bpe, way);
    begin_mark = bpe_add(&bpe, "<|begin|>", 3);
    end_mark = bpe_add(&bpe, "<|end|>", 3);
    longer_mark = bpe_add(&bpe, "<|end|>!", 3);
    user_mark = bpe_add(&bpe, "<tool> ", 4);
    (void)bpe_add(&bpe, "", 5); /* unused */
    bpe.begin = (int32_t)begin_mark;
    bpe.end = (int32_t)end_mark;
}

static void
names_of_control_tokens_are_text(void)
{
    static const char text[] = "a<|end|>!<tool> b<|begin|>";
    uint32_t tokens[64];
    uint8_t back[64];
    make_marks("gpt-2");
    use_vocabulary();
    int64_t count = encode(text, sizeof text - 1, false, tokens, 64);
    CHECK_EQ(count, sizeof text - 1);
    for (int64_t i = 0; i < count; i++)
        CHECK(tokens[i] < 256);
    CHECK_EQ(decode(tokens, count, back), sizeof text - 1);
    CHECK_EQ(memcmp(back, text, sizeof text - 1), 0);
}

static void
marked_texts_have_them_the_longest_first(void)
{
    static const char text[] = "a<|end|><|end|>!<tool> b<|end|";
    const uint32_t expected[] = {'a', end_mark, longer_mark, user_mark, 'b', '<',
                                 '|', 'e',      'n',         'd',       '|'};
    uint32_t tokens[64];
    uint8_t back[64];
    make_marks("qwen2");
    use_vocabulary();
    int64_t count = encode(text, sizeof text - 1, true, tokens, 64);
    CHECK_EQ(count, sizeof expected / sizeof *expected);
    for (int64_t i = 0; i < count; i++)
        CHECK_EQ(tokens[i], expected[i]);
    CHECK_EQ(decode(tokens, count, back), 15); /* control tokens make no text, others do */
    CHECK_EQ(memcmp(back, "a<tool> b<|end|", 15), 0);
}

static void
texts_begin_as_the_vocabulary_says(void)
{
    static const struct {
        const char *way;
        int says;
        bool begins;
    } cases[] = {{"gpt-2", -1, false},    {"gpt-2", 1, true},      {"qwen2", -1, false},
                 {"llama-bpe", -1, true}, {"llama-bpe", 0, false}, {"llama3", 1, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t tokens[4];
        make_marks(cases[i].way);
        bpe.begins = cases[i].says;
        use_vocabulary();
        CHECK_EQ(encode("x", 1, false, tokens, 4), cases[i].begins ? 2 : 1);
        CHECK_EQ(tokens[0], cases[i].begins ? begin_mark : 'x');
        CHECK_EQ(encode("", 0, false, tokens, 4), 1); /* a prompt must not be nothing */
        CHECK_EQ(tokens[0], begin_mark);
    }
    bpe.begin = -1;
    use_vocabulary();
    CHECK_EQ(tokenizer.begin, ENGINE_NO_TOKEN);
    CHECK_EQ(encode("", 0, false, (uint32_t[4]){0}, 4), 0);
}

static void
the_ends_of_turns_are_known(void)
{
    make_marks("llama-bpe");
    use_vocabulary();
    CHECK_EQ(tokenizer.end, end_mark);
    CHECK_EQ(tokenizer.other_end_count, 0);
    bpe.turn_end = (int32_t)longer_mark;
    use_vocabulary();
    CHECK_EQ(tokenizer.other_end_count, 1);
    CHECK_EQ(tokenizer.other_ends[0], longer_mark);
}

/* --- Bounds ----------------------------------------------------------------------------------- */

static void
room_that_is_too_small_is_said(void)
{
    uint32_t tokens[8];
    uint8_t scratch[16];
    make_marks("llama-bpe");
    use_vocabulary();
    CHECK_EQ(encode("xyz", 3, false, tokens, 3), ENGINE_E_SPACE);
    CHECK_EQ(encode("xyz", 3, false, tokens, 4), 4);
    CHECK_EQ(encode("<|end|>", 7, true, tokens, 1), ENGINE_E_SPACE);
    CHECK_EQ(engine_encode(&tokenizer, "xyz", 3, true, tokens, 8, scratch, sizeof scratch),
             ENGINE_E_SPACE);
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
        make_marks(ways[way].name);
        uint32_t two = bpe_add_merge(&bpe, 'a', 'a'), spaces = bpe_add_merge(&bpe, ' ', ' ');
        (void)bpe_add_merge(&bpe, two, two);
        (void)bpe_add_merge(&bpe, spaces, spaces);
        use_vocabulary();
        for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
            for (size_t i = 0; i < length; i++)
                text[i] = (uint8_t)texts[t][i % strlen(texts[t])];
            int64_t count = encode(text, length, way == 0, tokens, 2 * length + 2);
            CHECK(count > 0);
            CHECK_EQ(decode(tokens, count, back), length);
            CHECK_EQ(memcmp(text, back, length), 0);
        }
    }
    free(text);
    free(back);
    free(tokens);
}

/* --- Files ------------------------------------------------------------------------------------ */

static void
a_file_that_is_cut_short_is_refused(void)
{
    size_t bytes;
    make_marks("gpt-2");
    (void)bpe_add_merge(&bpe, 'a', 'b');
    uint8_t *file = bpe_write(&bpe, &bytes);
    for (size_t length = 0; length < bytes; length++) {
        CHECK_EQ(read_file(file, length, bpe.count), ENGINE_E_FILE);
        CHECK(strncmp(error.text, "gguf: ", 6) == 0);
    }
    CHECK_EQ(read_file(file, bytes, bpe.count), 0);
    CHECK_EQ(read_file(file, bytes, bpe.count + 1), ENGINE_E_MISMATCH);
    free(file);
}

/* What stands behind the first occurrence of `key` becomes `patch`. */
#define DAMAGE(key, skip, patch, status, text) {key, skip, patch, sizeof(patch) - 1, status, text}
static const struct {
    const char *key;
    size_t skip;
    const char *patch;
    size_t patch_bytes;
    int status;
    const char *text;
} damages[] = {
    DAMAGE("tokenizer.ggml.model", 12, "gptz", ENGINE_E_UNSUPPORTED,
           "gguf: tokenizer.ggml.model is gptz, not llama or gpt2"),
    DAMAGE("tokenizer.ggml.pre", 12, "gpt\n2", ENGINE_E_UNSUPPORTED,
           "gguf: tokenizer.ggml.pre is gpt?2, not gpt-2, llama-bpe or qwen2"),
    DAMAGE("tokenizer.ggml.pr", 0, "x", ENGINE_E_FILE, "gguf: tokenizer.ggml.pre is missing"),
    DAMAGE("tokenizer.ggml.merge", 0, "x", ENGINE_E_FILE, "gguf: tokenizer.ggml.merges is missing"),
    DAMAGE("tokenizer.ggml.token_typ", 0, "x", ENGINE_E_FILE,
           "gguf: tokenizer.ggml.token_type is missing"),
    DAMAGE("tokenizer.ggml.merges", 16 + 8 + 1, "x", ENGINE_E_FILE,
           "gguf: merge 0 is not of two pieces"),
    DAMAGE("tokenizer.ggml.merges", 16 + 8, " ", ENGINE_E_FILE,
           "gguf: merge 0 is not of two pieces"),
    DAMAGE("tokenizer.ggml.merges", 16 + 8, "\x01", ENGINE_E_FILE,
           "gguf: merge 0 is not of two pieces"),
    DAMAGE("tokenizer.ggml.merges", 16 + 8, "z", ENGINE_E_FILE,
           "gguf: merge 0 is of pieces, or makes one, that there are none of"),
    DAMAGE("tokenizer.ggml.tokens", 16 + 8, "\xc4\x81", ENGINE_E_MISMATCH,
           "gguf: no piece for byte 0"),
    DAMAGE("tokenizer.ggml.tokens", 16 + 8, "\xc7\x80", ENGINE_E_FILE,
           "gguf: piece 0 is not written in characters that stand for bytes"),
    DAMAGE("tokenizer.ggml.token_type", 16, "\6", ENGINE_E_FILE,
           "gguf: piece 0 is of kind 6, which it cannot be"),
    DAMAGE("tokenizer.ggml.token_type", 16 + 4, "\0", ENGINE_E_FILE,
           "gguf: piece 1 is of kind 0, which it cannot be"),
    DAMAGE("tokenizer.ggml.token_type", 16 + 4 * 65, "\3", ENGINE_E_MISMATCH,
           "gguf: no piece for byte 65"),
    DAMAGE("tokenizer.ggml.bos_token_id", 4, "\xff\xff\0\0", ENGINE_E_FILE,
           "gguf: tokenizer.ggml.bos_token_id is 65535, of 262 pieces"),
    DAMAGE("tokenizer.ggml.bos_token_id", 0, "\6", ENGINE_E_FILE,
           "gguf: tokenizer.ggml.bos_token_id is no 32-bit number"),
    DAMAGE("tokenizer.ggml.add_bos_token", 4, "\2", ENGINE_E_FILE,
           "gguf: tokenizer.ggml.add_bos_token is neither true nor false"),
};

static void
each_damage_is_refused_with_its_reason(void)
{
    size_t bytes;
    make_marks("gpt-2");
    bpe.begins = 1;
    (void)bpe_add_merge(&bpe, 'a', 'b');
    uint8_t *file = bpe_write(&bpe, &bytes), *copy = malloc(bytes);
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        memcpy(copy, file, bytes);
        uint8_t *at = memmem(copy, bytes, damages[i].key, strlen(damages[i].key));
        memcpy(at + strlen(damages[i].key) + damages[i].skip, damages[i].patch,
               damages[i].patch_bytes);
        int status = read_file(copy, bytes, bpe.count);
        if (status != damages[i].status || strcmp(error.text, damages[i].text) != 0)
            printf("# damage %zu: %d, %s\n", i, status, error.text);
        CHECK_EQ(status, damages[i].status);
        CHECK_EQ(strcmp(error.text, damages[i].text), 0);
    }
    free(copy);
    free(file);
}

static void
who_gives_no_memory_learns_how_much_it_is(void)
{
    size_t bytes;
    struct engine_arena counted = {.base = NULL};
    make_marks("gpt-2");
    (void)bpe_add_merge(&bpe, 'a', 'b');
    uint8_t *file = bpe_write(&bpe, &bytes);
    CHECK_EQ(engine_gguf_tokenizer_read(&tokenizer, file, bytes, bpe.count, &counted, &error),
             ENGINE_E_SPACE);
    struct engine_arena arena = {arena_bytes, counted.used_bytes, 0};
    CHECK_EQ(engine_gguf_tokenizer_read(&tokenizer, file, bytes, bpe.count, &arena, &error), 0);
    free(file);
}

static const struct tap_test tests[] = {
    TAP(tokens_are_those_of_the_expression_and_the_merges),
    TAP(words_of_known_texts),
    TAP(any_bytes_come_back),
    TAP(names_of_control_tokens_are_text),
    TAP(marked_texts_have_them_the_longest_first),
    TAP(texts_begin_as_the_vocabulary_says),
    TAP(the_ends_of_turns_are_known),
    TAP(room_that_is_too_small_is_said),
    TAP(long_texts_take_no_square_of_their_length),
    TAP(a_file_that_is_cut_short_is_refused),
    TAP(each_damage_is_refused_with_its_reason),
    TAP(who_gives_no_memory_learns_how_much_it_is),
};
TAP_MAIN(tests)

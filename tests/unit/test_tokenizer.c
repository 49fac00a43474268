/*
 * The tokenizer, on a small vocabulary that is made here: encoding is compared with a search
 * through all pairs, step by step, as the rule is written.
 */
#include "engine/tokenizer.h"

#include <stdlib.h>
#include <string.h>

#include "tap.h"

#define ARENA_BYTES 65536
#define FILE_MAX    16384
#define TEXT_MAX    200
#define FIRST_TEXT  259

/* Pieces of text behind the 259 that every tokenizer has, and their scores. */
static const struct {
    const char *text;
    float score;
} words[] = {{" ", -50},        {"a", -51},    {"b", -52},   {"c", -53},   {"\xc3\xa9", -54},
             {" a", -3},        {"ab", -1},    {"bc", -1},   {"abc", -2},  {" ab", -5},
             {"aa", -4},        {"aaaa", -4},  {"aaa", -4},  {"ca", -7.5}, {"\xc3\xa9\xc3\xa9", -6},
             {"a\xc3\xa9", -8}, {"bcabc", -9}, {" abc", -9}, {"ab", 0}};
#define WORDS      (sizeof words / sizeof *words)
#define VOCABULARY ((uint32_t)(FIRST_TEXT + WORDS))

static uint8_t arena_bytes[ARENA_BYTES] __attribute__((aligned(ENGINE_ARENA_ALIGN)));
static struct engine_tokenizer tokenizer;
static struct engine_error error;
static uint8_t file[FILE_MAX];
static size_t file_bytes;

static void
put_piece(const char *text, size_t length, float score)
{
    uint32_t length_word = (uint32_t)length;
    memcpy(file + file_bytes, &score, 4);
    memcpy(file + file_bytes + 4, &length_word, 4);
    memcpy(file + file_bytes + 8, text, length);
    file_bytes += 8 + length;
}

static void
make_file(void)
{
    const uint32_t longest = 6;
    memcpy(file, &longest, 4);
    file_bytes = 4;
    put_piece("<unk>", 5, 0);
    put_piece("\n<s>\n", 5, 0);
    put_piece("\n</s>\n", 6, 0);
    for (unsigned i = 0; i < 256; i++) {
        char text[8];
        snprintf(text, sizeof text, "<0x%02X>", i);
        put_piece(text, 6, 0);
    }
    for (size_t i = 0; i < WORDS; i++)
        put_piece(words[i].text, strlen(words[i].text), words[i].score);
}

/* Reads from a copy that ends where the file does. */
static int
read_bytes(const uint8_t *bytes, size_t count, uint32_t vocabulary)
{
    static uint8_t *copy;
    free(copy);
    copy = malloc(count ? count : 1);
    memcpy(copy, bytes, count);
    struct engine_arena arena = {.base = arena_bytes, .size_bytes = sizeof arena_bytes};
    memset(&error, 0, sizeof error);
    return engine_tokenizer_read(&tokenizer, copy, count, vocabulary, &arena, &error);
}

static void
read_good(void)
{
    make_file();
    CHECK_EQ(read_bytes(file, file_bytes, VOCABULARY), 0);
}

static int64_t
encode(const void *text, size_t length, bool with_begin, uint32_t *tokens, size_t tokens_max)
{
    size_t scratch_bytes = engine_encode_bytes(length);
    void *scratch = malloc(scratch_bytes);
    int64_t count = engine_encode(&tokenizer, text, length, with_begin, tokens, tokens_max, scratch,
                                  scratch_bytes);
    free(scratch);
    return count;
}

static void
check_tokens(const char *text, size_t count, const uint32_t *expected)
{
    uint32_t tokens[TEXT_MAX + 2];
    CHECK_EQ(encode(text, strlen(text), true, tokens, TEXT_MAX), count);
    for (size_t i = 0; i < count; i++)
        CHECK_EQ(tokens[i], expected[i]);
}
#define ENCODES(text, ...) \
    check_tokens(text, sizeof((uint32_t[]){__VA_ARGS__}) / 4, (uint32_t[]){__VA_ARGS__})

static void
text_becomes_tokens(void)
{
    read_good();
    ENCODES("", 1);
    ENCODES("a", 1, 264);   /* " a" */
    ENCODES("abc", 1, 276); /* " " "ab" "c", " " "abc", " abc" */
    ENCODES("\xc3\xa9", 1, 259, 263);
    ENCODES("z", 1, 259, 3 + 'z'); /* by its byte */
    ENCODES("\n", 1, 259, 3 + '\n');
    ENCODES("\xe2\x82\xac", 1, 259, 3 + 0xe2, 3 + 0x82, 3 + 0xac);
    ENCODES("\xc3", 1, 259, 3 + 0xc3);
    ENCODES("<s>", 1, 259, 3 + '<', 3 + 's', 3 + '>');
    ENCODES("<0x41>", 1, 259, 3 + '<', 3 + '0', 3 + 'x', 3 + '4', 3 + '1', 3 + '>');
}

/* Of equal pieces the first one is found. */
static void
a_piece_that_is_there_twice_is_the_first(void)
{
    uint32_t tokens[4];
    read_good();
    CHECK_EQ(encode("cab", 3, false, tokens, 4), 3);
    CHECK_EQ(tokens[2], FIRST_TEXT + 6);
}

/* A symbol of the slow encoder: a piece's text, or a byte that no piece has. */
struct slow_symbol {
    const char *text;
    size_t length;
    uint32_t token;
    bool byte;
};

static int64_t
find_word(const char *text, size_t length)
{
    for (size_t i = 0; i < WORDS; i++)
        if (strlen(words[i].text) == length && memcmp(words[i].text, text, length) == 0)
            return (int64_t)i;
    return -1;
}

static size_t
slow_split(const char *text, size_t length, struct slow_symbol *symbols)
{
    size_t count = 0;
    for (size_t at = 0, step; at < length; at += step) {
        step = 1;
        while (at + step < length && step < 4 && ((uint8_t)text[at + step] & 0xc0) == 0x80)
            step++;
        int64_t word = find_word(text + at, step);
        if (word >= 0)
            symbols[count++] =
                (struct slow_symbol){text + at, step, (uint32_t)(FIRST_TEXT + word), false};
        else
            for (size_t i = 0; i < step; i++)
                symbols[count++] =
                    (struct slow_symbol){text + at + i, 1, 3u + (uint8_t)text[at + i], true};
    }
    return count;
}

/* Merges the best pair of all, the first of equal ones. False: there is none. */
static bool
slow_merge(struct slow_symbol *symbols, size_t *count)
{
    int64_t best = -1, best_word = -1;
    for (size_t i = 0; i + 1 < *count; i++) {
        if (symbols[i].byte || symbols[i + 1].byte)
            continue;
        int64_t word = find_word(symbols[i].text, symbols[i].length + symbols[i + 1].length);
        if (word >= 0 && (best < 0 || words[word].score > words[best_word].score)) {
            best = (int64_t)i;
            best_word = word;
        }
    }
    if (best < 0)
        return false;
    symbols[best].length += symbols[best + 1].length;
    symbols[best].token = (uint32_t)(FIRST_TEXT + best_word);
    memmove(&symbols[best + 1], &symbols[best + 2], (*count - (size_t)best - 2) * sizeof *symbols);
    --*count;
    return true;
}

static void
random_texts_are_merged_as_the_rule_says(void)
{
    static const char letters[] = "aaaabbbccc \xc3\xa9\xc3\xa9z";
    uint64_t state = 99;
    read_good();
    for (int round = 0; round < 5000; round++) {
        char text[TEXT_MAX + 1] = " ";
        struct slow_symbol symbols[TEXT_MAX + 1];
        uint32_t tokens[TEXT_MAX + 1];
        size_t length = 1 + tap_random(&state, round % 10 == 0 ? TEXT_MAX : 20);
        for (size_t i = 1; i <= length; i++)
            text[i] = letters[tap_random(&state, sizeof letters - 1)];
        size_t count = slow_split(text, length + 1, symbols);
        while (slow_merge(symbols, &count))
            continue;
        CHECK_EQ(encode(text + 1, length, false, tokens, TEXT_MAX + 1), count);
        for (size_t i = 0; i < count; i++)
            CHECK_EQ(tokens[i], symbols[i].token);
    }
}

static void
decoding_gives_the_text_back(void)
{
    const char *text = "cab \xc3\xa9z\n\xff<s> abcabc";
    uint32_t tokens[64], previous = 1;
    char back[64];
    size_t at = 0;
    read_good();
    int64_t count = encode(text, strlen(text), true, tokens, 64);
    for (int64_t i = 1; i < count; i++) {
        size_t length;
        const uint8_t *piece = engine_decode(&tokenizer, previous, tokens[i], &length);
        memcpy(back + at, piece, length);
        at += length;
        previous = tokens[i];
    }
    CHECK_EQ(at, strlen(text));
    CHECK_EQ(memcmp(back, text, at), 0);
}

static void
control_pieces_make_no_text(void)
{
    read_good();
    for (uint32_t token = 0; token < 3; token++) {
        size_t length = 9;
        engine_decode(&tokenizer, 1, token, &length);
        CHECK_EQ(length, 0);
    }
}

static void
room_that_is_too_small_is_said(void)
{
    uint32_t tokens[8];
    uint8_t scratch[16];
    read_good();
    CHECK_EQ(encode("zzz", 3, true, tokens, 4), ENGINE_E_SPACE);
    CHECK_EQ(encode("zzz", 3, true, tokens, 5), 5);
    CHECK_EQ(encode("", 0, true, tokens, 0), ENGINE_E_SPACE);
    CHECK_EQ(engine_encode(&tokenizer, "zzz", 3, true, tokens, 8, scratch, sizeof scratch),
             ENGINE_E_SPACE);
}

/* n log n: two megabytes would take the square of it for days. */
static void
a_long_text_takes_no_square_of_its_length(void)
{
    size_t length = 2 << 20;
    char *text = malloc(length);
    uint32_t *tokens = malloc((length + 2) * sizeof *tokens);
    memset(text, 'a', length);
    read_good();
    CHECK_EQ(encode(text, length, false, tokens, length + 2), 1 + (length - 1 + 3) / 4);
    free(text);
    free(tokens);
}

static void
a_file_that_is_cut_short_is_refused(void)
{
    make_file();
    for (size_t length = 0; length < file_bytes; length++) {
        int status = read_bytes(file, length, VOCABULARY);
        CHECK(status == ENGINE_E_FILE || status == ENGINE_E_MISMATCH);
        CHECK(strncmp(error.text, "tokenizer: ", 11) == 0);
    }
}

static void
another_size_than_the_models_vocabulary_is_refused(void)
{
    make_file();
    CHECK_EQ(read_bytes(file, file_bytes, VOCABULARY + 1), ENGINE_E_MISMATCH);
    CHECK_EQ(strcmp(error.text, "tokenizer: 278 pieces, but the model has 279 words"), 0);
    CHECK_EQ(read_bytes(file, file_bytes, VOCABULARY - 1), ENGINE_E_MISMATCH);
    CHECK_EQ(strcmp(error.text, "tokenizer: 278 pieces, but the model has 277 words"), 0);
    CHECK_EQ(read_bytes(file, file_bytes, 258), ENGINE_E_MISMATCH);
    CHECK_EQ(strcmp(error.text, "tokenizer: a model with 258 words has no room for the bytes"), 0);
}

/* What the four bytes at `offset` become. */
static void
refuses(size_t offset, uint32_t word, int status, const char *text)
{
    make_file();
    memcpy(file + offset, &word, 4);
    CHECK_EQ(read_bytes(file, file_bytes, VOCABULARY), status);
    if (strcmp(error.text, text) != 0)
        printf("# %s\n", error.text);
    CHECK_EQ(strcmp(error.text, text), 0);
}

static void
lengths_scores_and_bytes_out_of_range_are_refused(void)
{
    refuses(0, 0, ENGINE_E_FILE, "tokenizer: the longest piece is 0 bytes, not 1 to 1024");
    refuses(0, UINT32_MAX, ENGINE_E_FILE,
            "tokenizer: the longest piece is 4294967295 bytes, not 1 to 1024");
    refuses(0, 5, ENGINE_E_FILE,
            "tokenizer: piece 2 is 6 bytes long, more than the longest (5) or than the file has "
            "left");
    refuses(8, UINT32_MAX, ENGINE_E_FILE,
            "tokenizer: piece 0 is 4294967295 bytes long, more than the longest (6) or than the "
            "file has left");
    refuses(4, 0x7fc00000, ENGINE_E_FILE, "tokenizer: piece 0 has no number as its score");
    refuses(4, 0x7f800000, ENGINE_E_FILE, "tokenizer: piece 0 has no number as its score");
    refuses(4 + 13 + 13 + 14 + 8, 0x31783030, ENGINE_E_MISMATCH,
            "tokenizer: piece 3 does not stand for byte 0");
}

static void
an_arena_that_is_too_small_is_said(void)
{
    make_file();
    struct engine_arena arena = {.base = arena_bytes, .size_bytes = 1024};
    CHECK_EQ(engine_tokenizer_read(&tokenizer, file, file_bytes, VOCABULARY, &arena, &error),
             ENGINE_E_SPACE);
}

static const struct tap_test tests[] = {
    TAP(text_becomes_tokens),
    TAP(a_piece_that_is_there_twice_is_the_first),
    TAP(random_texts_are_merged_as_the_rule_says),
    TAP(decoding_gives_the_text_back),
    TAP(control_pieces_make_no_text),
    TAP(room_that_is_too_small_is_said),
    TAP(a_long_text_takes_no_square_of_its_length),
    TAP(a_file_that_is_cut_short_is_refused),
    TAP(another_size_than_the_models_vocabulary_is_refused),
    TAP(lengths_scores_and_bytes_out_of_range_are_refused),
    TAP(an_arena_that_is_too_small_is_said),
};
TAP_MAIN(tests)

/*
 * Byte-level BPE: names of control tokens are text unless they are asked for; texts begin and end
 * as the file says; a file that is wrong is refused with a reason.
 */
#include "engine/gguf.h"

#include <stdlib.h>
#include <string.h>

#include "bpe.h"
#include "bpe_use.h"
#include "tap.h"

/* --- Control tokens --------------------------------------------------------------------------- */

static void
names_of_control_tokens_are_text(void)
{
    static const char text[] = "a<|end|>!<tool> b<|begin|>";
    uint32_t tokens[64];
    uint8_t back[64];
    bpe_begin_with_marks("gpt-2");
    bpe_use();
    int64_t count = bpe_tokens(text, sizeof text - 1, false, tokens, 64);
    CHECK_EQ(count, sizeof text - 1);
    for (int64_t i = 0; i < count; i++)
        CHECK(tokens[i] < 256);
    CHECK_EQ(bpe_text(tokens, count, back), sizeof text - 1);
    CHECK_EQ(memcmp(back, text, sizeof text - 1), 0);
}

static void
marked_texts_have_them_the_longest_first(void)
{
    static const char text[] = "a<|end|><|end|>!<tool> b<|end|";
    const uint32_t expected[] = {
        'a', bpe_marks.end, bpe_marks.longer, bpe_marks.user, 'b', '<', '|', 'e', 'n', 'd', '|'};
    uint32_t tokens[64];
    uint8_t back[64];
    bpe_begin_with_marks("qwen2");
    bpe_use();
    int64_t count = bpe_tokens(text, sizeof text - 1, true, tokens, 64);
    CHECK_EQ(count, sizeof expected / sizeof *expected);
    for (int64_t i = 0; i < count; i++)
        CHECK_EQ(tokens[i], expected[i]);
    CHECK_EQ(bpe_text(tokens, count, back), 15); /* control tokens make no text, others do */
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
        bpe_begin_with_marks(cases[i].way);
        bpe_used.begins = cases[i].says;
        bpe_use();
        CHECK_EQ(bpe_tokens("x", 1, false, tokens, 4), cases[i].begins ? 2 : 1);
        CHECK_EQ(tokens[0], cases[i].begins ? bpe_marks.begin : 'x');
        CHECK_EQ(bpe_tokens("", 0, false, tokens, 4), 1); /* a prompt must not be nothing */
        CHECK_EQ(tokens[0], bpe_marks.begin);
    }
    bpe_used.begin = -1;
    bpe_use();
    CHECK_EQ(bpe_tokenizer.begin, ENGINE_NO_TOKEN);
    CHECK_EQ(bpe_tokens("", 0, false, (uint32_t[4]){0}, 4), 0);
}

static void
the_ends_of_turns_are_known(void)
{
    bpe_begin_with_marks("llama-bpe");
    bpe_use();
    CHECK_EQ(bpe_tokenizer.end, bpe_marks.end);
    CHECK_EQ(bpe_tokenizer.other_end_count, 0);
    bpe_used.turn_end = (int32_t)bpe_marks.longer;
    bpe_use();
    CHECK_EQ(bpe_tokenizer.other_end_count, 1);
    CHECK_EQ(bpe_tokenizer.other_ends[0], bpe_marks.longer);
}

static void
room_that_is_too_small_is_said(void)
{
    uint32_t tokens[8];
    uint8_t scratch[16];
    bpe_begin_with_marks("llama-bpe");
    bpe_use();
    CHECK_EQ(bpe_tokens("xyz", 3, false, tokens, 3), ENGINE_E_SPACE);
    CHECK_EQ(bpe_tokens("xyz", 3, false, tokens, 4), 4);
    CHECK_EQ(bpe_tokens("<|end|>", 7, true, tokens, 1), ENGINE_E_SPACE);
    CHECK_EQ(engine_encode(&bpe_tokenizer, "xyz", 3, true, tokens, 8, scratch, sizeof scratch),
             ENGINE_E_SPACE);
}

/* --- Files ------------------------------------------------------------------------------------ */

static void
a_file_that_is_cut_short_is_refused(void)
{
    size_t bytes;
    bpe_begin_with_marks("gpt-2");
    (void)bpe_add_merge(&bpe_used, 'a', 'b');
    uint8_t *file = bpe_write(&bpe_used, &bytes);
    for (size_t length = 0; length < bytes; length++) {
        CHECK_EQ(bpe_read(file, length, bpe_used.count), ENGINE_E_FILE);
        CHECK(strncmp(bpe_error.text, "gguf: ", 6) == 0);
    }
    CHECK_EQ(bpe_read(file, bytes, bpe_used.count), 0);
    CHECK_EQ(bpe_read(file, bytes, bpe_used.count + 1), ENGINE_E_MISMATCH);
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
    bpe_begin_with_marks("gpt-2");
    bpe_used.begins = 1;
    (void)bpe_add_merge(&bpe_used, 'a', 'b');
    uint8_t *file = bpe_write(&bpe_used, &bytes), *copy = malloc(bytes);
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        memcpy(copy, file, bytes);
        uint8_t *at = memmem(copy, bytes, damages[i].key, strlen(damages[i].key));
        memcpy(at + strlen(damages[i].key) + damages[i].skip, damages[i].patch,
               damages[i].patch_bytes);
        int status = bpe_read(copy, bytes, bpe_used.count);
        if (status != damages[i].status || strcmp(bpe_error.text, damages[i].text) != 0)
            printf("# damage %zu: %d, %s\n", i, status, bpe_error.text);
        CHECK_EQ(status, damages[i].status);
        CHECK_EQ(strcmp(bpe_error.text, damages[i].text), 0);
    }
    free(copy);
    free(file);
}

static void
who_gives_no_memory_learns_how_much_it_is(void)
{
    size_t bytes;
    struct engine_arena counted = {.base = NULL};
    bpe_begin_with_marks("gpt-2");
    (void)bpe_add_merge(&bpe_used, 'a', 'b');
    uint8_t *file = bpe_write(&bpe_used, &bytes);
    CHECK_EQ(engine_gguf_tokenizer_read(&bpe_tokenizer, file, bytes, bpe_used.count, &counted,
                                        &bpe_error),
             ENGINE_E_SPACE);
    static uint8_t memory[1 << 16] __attribute__((aligned(ENGINE_ARENA_ALIGN)));
    CHECK(counted.used_bytes <= sizeof memory);
    struct engine_arena arena = {.base = memory, .size_bytes = counted.used_bytes};
    CHECK_EQ(
        engine_gguf_tokenizer_read(&bpe_tokenizer, file, bytes, bpe_used.count, &arena, &bpe_error),
        0);
    free(file);
}

static const struct tap_test tests[] = {
    TAP(names_of_control_tokens_are_text),       TAP(marked_texts_have_them_the_longest_first),
    TAP(texts_begin_as_the_vocabulary_says),     TAP(the_ends_of_turns_are_known),
    TAP(room_that_is_too_small_is_said),         TAP(a_file_that_is_cut_short_is_refused),
    TAP(each_damage_is_refused_with_its_reason), TAP(who_gives_no_memory_learns_how_much_it_is),
};
TAP_MAIN(tests)

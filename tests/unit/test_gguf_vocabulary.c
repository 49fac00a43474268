/*
 * SentencePiece vocabularies in GGUF files: they encode and decode as their metadata say.
 */
#include "engine/gguf.h"

#include <stdlib.h>
#include <string.h>

#include "random_model.h"
#include "tap.h"
#include "write_gguf.h"

#define VOCABULARY  300
#define ARENA_BYTES ((size_t)1 << 20)
#define WORD        259 /* the first word of the vocabulary that is written */

static struct engine_error error;
static struct engine_tokenizer tokenizer;

static struct engine_arena
new_arena(void)
{
    static uint8_t memory[ARENA_BYTES] __attribute__((aligned(ENGINE_ARENA_ALIGN)));
    return (struct engine_arena){.base = memory, .size_bytes = sizeof memory};
}

/* A model with a vocabulary; from malloc. */
static uint8_t *
make(size_t *bytes)
{
    static const struct random_shape shape = {64, 96, 2, 4, 2, VOCABULARY, 16, true};
    struct engine_arena arena = new_arena();
    struct engine_model model;
    size_t checkpoint_bytes;
    uint8_t *checkpoint = random_model(&shape, 9, &checkpoint_bytes);
    CHECK_EQ(engine_checkpoint_read(&model, checkpoint, checkpoint_bytes, checkpoint_bytes, &arena,
                                    &error),
             0);
    uint8_t *file = write_gguf(&model, checkpoint, GGUF_F32, bytes);
    free(checkpoint);
    return file;
}

static void
the_vocabulary_encodes_and_decodes(void)
{
    size_t bytes, length;
    uint8_t *file = make(&bytes);
    struct engine_arena arena = new_arena();
    uint32_t tokens[16];
    uint8_t scratch[4096] __attribute__((aligned(16)));
    CHECK_EQ(engine_gguf_tokenizer_read(&tokenizer, file, bytes, VOCABULARY, &arena, &error), 0);
    CHECK_EQ(tokenizer.begin, 1);
    int64_t count = engine_encode(&tokenizer, "z\n", 2, true, tokens, 16, scratch, sizeof scratch);
    CHECK_EQ(count, 4);
    CHECK(tokens[1] == 3 + ' ' && tokens[2] == 3 + 'z' && tokens[3] == 3 + '\n');
    const uint8_t *text = engine_decode(&tokenizer, 1, WORD, &length);
    CHECK(length == 2 && memcmp(text, "zj", 2) == 0); /* its space is the one in front of a text */
    text = engine_decode(&tokenizer, 5, WORD, &length);
    CHECK(length == 3 && memcmp(text, " zj", 3) == 0);
    engine_decode(&tokenizer, 1, 2, &length);
    CHECK_EQ(length, 0);
    CHECK_EQ(engine_gguf_tokenizer_read(&tokenizer, file, bytes, VOCABULARY + 1, &arena, &error),
             ENGINE_E_MISMATCH);
    free(file);
}

/* The metadata with one more pair, for the reader of vocabularies; from malloc. */
static uint8_t *
with_pair(const uint8_t *file, size_t *bytes, const char *key, uint32_t type, uint32_t value)
{
    uint64_t length = strlen(key), pairs;
    size_t value_bytes = type == 7 ? 1 : 4, added = 8 + length + 4 + value_bytes;
    uint8_t *more = malloc(*bytes + added), *at = more + 24;
    memcpy(more, file, 24);
    memcpy(&pairs, more + 16, 8);
    pairs++;
    memcpy(more + 16, &pairs, 8);
    memcpy(at, &length, 8);
    memcpy(at + 8, key, length);
    memcpy(at + 8 + length, &type, 4);
    memcpy(at + 12 + length, &value, value_bytes);
    memcpy(at + added, file + 24, *bytes - 24);
    *bytes += added;
    return more;
}

/* What the vocabulary with one more pair makes of a text. */
static int64_t
encode_with(const char *key, uint32_t type, uint32_t value, const char *text, bool marked,
            uint32_t tokens[16])
{
    size_t bytes;
    uint8_t *file = make(&bytes);
    uint8_t *more = with_pair(file, &bytes, key, type, value);
    uint8_t scratch[4096] __attribute__((aligned(16)));
    struct engine_arena arena = new_arena();
    CHECK_EQ(engine_gguf_tokenizer_read(&tokenizer, more, bytes, VOCABULARY, &arena, &error), 0);
    int64_t count = (marked ? engine_encode_marked : engine_encode)(
        &tokenizer, text, strlen(text), true, tokens, 16, scratch, sizeof scratch);
    free(file);
    free(more);
    return count;
}

static void
the_vocabulary_says_how_texts_begin_and_end(void)
{
    uint32_t tokens[16];
    CHECK_EQ(encode_with("tokenizer.ggml.add_bos_token", 7, 0, "z", false, tokens), 2);
    CHECK(tokens[0] == 3 + ' ' && tokens[1] == 3 + 'z');
    CHECK_EQ(encode_with("tokenizer.ggml.add_space_prefix", 7, 0, "z", false, tokens), 2);
    CHECK(tokens[0] == 1 && tokens[1] == 3 + 'z');
    size_t length;
    const uint8_t *text = engine_decode(&tokenizer, 1, WORD, &length);
    CHECK(length == 3 && memcmp(text, " zj", 3) == 0); /* that space is the text's own */
    CHECK_EQ(encode_with("tokenizer.ggml.add_eos_token", 7, 1, "z", false, tokens), 3);
    CHECK_EQ(encode_with("tokenizer.ggml.eot_token_id", 4, 270, "z", false, tokens), 3);
    CHECK(tokenizer.end == 2 && tokenizer.other_end_count == 1 && tokenizer.other_ends[0] == 270);
}

/* "<2>" is the name of piece 2, which is a control piece. */
static void
names_of_control_pieces_are_text_unless_marks_are_read(void)
{
    uint32_t tokens[16];
    CHECK_EQ(encode_with("none", 4, 0, "z<2>z", false, tokens), 7);
    for (int i = 1; i < 7; i++)
        CHECK(tokens[i] > 2);
    CHECK_EQ(encode_with("none", 4, 0, "z<2>z", true, tokens), 6);
    CHECK(tokens[0] == 1 && tokens[1] == 3 + ' ' && tokens[2] == 3 + 'z' && tokens[3] == 2);
    CHECK(tokens[4] == 3 + ' ' && tokens[5] == 3 + 'z');
}

static const struct tap_test tests[] = {
    TAP(the_vocabulary_encodes_and_decodes),
    TAP(the_vocabulary_says_how_texts_begin_and_end),
    TAP(names_of_control_pieces_are_text_unless_marks_are_read),
};
TAP_MAIN(tests)

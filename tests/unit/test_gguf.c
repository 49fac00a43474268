/*
 * GGUF files: each type gives bit for bit the logits of the checkpoint that it was written from,
 * and each damaged file is refused with a reason.
 */
#include "engine/choice.h"
#include "engine/engine.h"
#include "engine/gguf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "random_model.h"
#include "tap.h"
#include "write_gguf.h"

#define VOCABULARY  300
#define CONTEXT     16
#define ARENA_BYTES ((size_t)8 << 20)

static const struct random_shape shape = {64, 96, 2, 4, 2, VOCABULARY, CONTEXT, true};

static struct engine_error error;
static struct engine_model model;
static struct engine_tokenizer tokenizer;

static struct engine_arena
new_arena(void)
{
    static uint8_t *memory;
    free(memory);
    memory = aligned_alloc(ENGINE_ARENA_ALIGN, ARENA_BYTES);
    return (struct engine_arena){.base = memory, .size_bytes = ARENA_BYTES};
}

/* Logits behind a few tokens; with `machine`, kernels are chosen for it. */
static void
run(const uint8_t *file, size_t bytes, bool gguf, const struct engine_machine *machine,
    float logits[VOCABULARY])
{
    struct engine_arena arena = new_arena();
    const struct engine_kernel *kernels[32];
    struct engine_trial trials[4];
    struct engine_packed packed;
    struct engine_sequence sequence;
    struct engine *engine;
    const uint32_t tokens[] = {1, 299, 17, 40};
    CHECK_EQ(gguf ? engine_gguf_read(&model, file, bytes, &arena, &error)
                  : engine_checkpoint_read(&model, file, bytes, bytes, &arena, &error),
             0);
    struct engine_mapping mapping = {file, bytes};
    struct engine_source mapped = engine_mapping_source(&mapping), source = mapped;
    struct engine_options options = {.batch = 4};
    if (machine != NULL) {
        CHECK(engine_choose(&model, machine, NULL, kernels, trials, 4, &arena) > 0);
        CHECK_EQ(engine_pack(&packed, &model, &mapped, kernels, &arena, &error), 0);
        source = engine_packed_source(&packed);
        options.kernels = kernels;
    }
    CHECK_EQ(engine_open(&engine, &model, &source, &options, &arena, &error), 0);
    void *memory = engine_arena_take(&arena, 1, engine_sequence_bytes(engine, CONTEXT));
    engine_sequence_begin(&sequence, CONTEXT, memory);
    struct engine_item item = {&sequence, tokens, 4, logits};
    CHECK_EQ(engine_step(engine, &item, 1, &error), 0);
}

/* A file of the type, and the checkpoint that has the same numbers. */
static uint8_t *
make(uint32_t type, uint8_t **checkpoint, size_t *checkpoint_bytes, size_t *bytes)
{
    struct engine_arena arena = new_arena();
    *checkpoint = random_model(&shape, 9, checkpoint_bytes);
    if (type == GGUF_Q8_0 || type == GGUF_Q4_0) {
        uint8_t *quantised = random_model_quantised(*checkpoint, 32, checkpoint_bytes);
        free(*checkpoint);
        *checkpoint = quantised;
    }
    CHECK_EQ(engine_checkpoint_read(&model, *checkpoint, *checkpoint_bytes, *checkpoint_bytes,
                                    &arena, &error),
             0);
    return write_gguf(&model, *checkpoint, type, bytes);
}

static void
each_type_gives_the_logits_of_its_checkpoint(void)
{
    static const uint32_t types[] = {GGUF_F32, GGUF_F16, GGUF_BF16, GGUF_Q8_0, GGUF_Q4_0};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        size_t checkpoint_bytes, bytes;
        float expected[VOCABULARY], logits[VOCABULARY];
        uint8_t *checkpoint, *file = make(types[i], &checkpoint, &checkpoint_bytes, &bytes);
        run(checkpoint, checkpoint_bytes, false, NULL, expected);
        run(file, bytes, true, NULL, logits);
        CHECK_EQ(memcmp(expected, logits, sizeof logits), 0);
        free(checkpoint);
        free(file);
    }
}

static void
packed_q8_0_gives_the_logits_of_the_packed_checkpoint(void)
{
    const struct engine_machine machine = {.features = 0};
    size_t checkpoint_bytes, bytes;
    float expected[VOCABULARY], logits[VOCABULARY];
    uint8_t *checkpoint, *file = make(GGUF_Q8_0, &checkpoint, &checkpoint_bytes, &bytes);
    run(checkpoint, checkpoint_bytes, false, &machine, expected);
    run(file, bytes, true, &machine, logits);
    CHECK_EQ(memcmp(expected, logits, sizeof logits), 0);
    free(checkpoint);
    free(file);
}

/* What packing rounds away of 4 bits is what vectors have lost before; floats keep 15 of both. */
static void
packed_types_give_logits_near_those_of_the_reference(void)
{
    static const struct {
        uint32_t type;
        double most;
    } types[] = {{GGUF_Q4_0, 0.015}, {GGUF_F32, 0.001}, {GGUF_F16, 0.001}, {GGUF_BF16, 0.001}};
    const struct engine_machine machine = {.features = 0};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        size_t checkpoint_bytes, bytes;
        float expected[VOCABULARY], logits[VOCABULARY];
        double difference = 0, size = 0;
        uint8_t *checkpoint, *file = make(types[i].type, &checkpoint, &checkpoint_bytes, &bytes);
        run(file, bytes, true, NULL, expected);
        run(file, bytes, true, &machine, logits);
        for (int w = 0; w < VOCABULARY; w++) {
            difference += pow(logits[w] - expected[w], 2);
            size += pow(expected[w], 2);
        }
        printf("# type %u: relative difference %g\n", types[i].type, sqrt(difference / size));
        CHECK(difference > 0 && sqrt(difference / size) < types[i].most);
        free(checkpoint);
        free(file);
    }
}

/* Both readers, on a copy that ends where the file does. */
static int
read_copy(const uint8_t *file, size_t bytes)
{
    static uint8_t memory[1 << 18] __attribute__((aligned(ENGINE_ARENA_ALIGN)));
    struct engine_arena arena = {.base = memory, .size_bytes = sizeof memory};
    uint8_t *copy = malloc(bytes ? bytes : 1);
    memcpy(copy, file, bytes);
    memset(&error, 0, sizeof error);
    int status = engine_gguf_read(&model, copy, bytes, &arena, &error);
    if (status == ENGINE_OK)
        status = engine_gguf_tokenizer_read(&tokenizer, copy, bytes, VOCABULARY, &arena, &error);
    free(copy);
    return status;
}

static void
a_file_that_is_cut_short_is_refused(void)
{
    size_t checkpoint_bytes, bytes;
    uint8_t *checkpoint, *file = make(GGUF_Q4_0, &checkpoint, &checkpoint_bytes, &bytes);
    CHECK_EQ(read_copy(file, bytes), 0);
    for (size_t length = 0; length < bytes; length += length < 12000 ? 7 : 1001) {
        CHECK_EQ(read_copy(file, length), ENGINE_E_FILE);
        CHECK(strncmp(error.text, "gguf: ", 6) == 0);
    }
    free(checkpoint);
    free(file);
}

/* All in front of the first tensor's data is needed, and no more. */
static void
a_head_is_enough_where_it_ends_with_the_descriptions(void)
{
    size_t checkpoint_bytes, bytes, length = 0;
    uint8_t *checkpoint, *file = make(GGUF_Q8_0, &checkpoint, &checkpoint_bytes, &bytes);
    int status = ENGINE_E_HEAD;
    uint64_t data = bytes;
    for (; status == ENGINE_E_HEAD && length < bytes; length++) {
        uint8_t *copy = malloc(length ? length : 1);
        struct engine_arena arena = new_arena();
        memcpy(copy, file, length);
        status = length < 4 ? ENGINE_E_HEAD
                            : engine_gguf_read_head(&model, copy, length, bytes, &arena, &error);
        free(copy);
    }
    CHECK_EQ(status, 0);
    for (uint32_t i = 0; i < model.tensor_count; i++)
        data = model.tensors[i].offset < data ? model.tensors[i].offset : data;
    CHECK(length - 1 <= data && length - 1 + 32 > data);
    free(checkpoint);
    free(file);
}

/* What stands behind the first occurrence of `key` becomes `patch`. */
struct damage {
    const char *key;
    size_t skip; /* bytes behind the key */
    const char *patch;
    size_t patch_bytes;
    int status;
    const char *text;
};
#define DAMAGE(key, skip, patch, status, text) {key, skip, patch, sizeof(patch) - 1, status, text}

static const struct damage damages[] = {
    DAMAGE("GGUF", 0, "\2\0\0\0", ENGINE_E_UNSUPPORTED, "gguf: version 2; 3 is supported"),
    DAMAGE("GGUF", 4, "\0\0\1\1", ENGINE_E_FILE,
           "gguf: 16842752 tensors and 12 keys, more than 65536"),
    DAMAGE("GGUF", 12, "\xff\xff\xff\xff\xff\xff\xff\xff", ENGINE_E_FILE,
           "gguf: 21 tensors and 18446744073709551615 keys, more than 65536"),
    DAMAGE("general.architecture", 12, "lxama", ENGINE_E_UNSUPPORTED,
           "gguf: the architecture is lxama, not llama, mistral, qwen2 or phi3"),
    DAMAGE("general.architecture", 0, "\3", ENGINE_E_FILE, "gguf: cut short in its keys"),
    DAMAGE("general.architecture", 4, "\xff\xff\xff\xff\xff\xff\xff\xff", ENGINE_E_FILE,
           "gguf: cut short in its keys"),
    DAMAGE("general.architectur", 0, "x", ENGINE_E_FILE, "gguf: general.architecture is missing"),
    DAMAGE("llama.embedding_length", 4, "\0", ENGINE_E_FILE,
           "gguf: llama.embedding_length is 0, not 1 to 65536"),
    DAMAGE("llama.embedding_length", 4, "\x60", ENGINE_E_FILE,
           "gguf: token_embd.weight is 300 by 64, not 300 by 96"),
    DAMAGE("llama.embedding_length", 0, "\6", ENGINE_E_FILE,
           "gguf: llama.embedding_length is no 32-bit number"),
    DAMAGE("llama.attention.head_count_kv", 4, "\3", ENGINE_E_FILE,
           "gguf: dim 64, 4 heads and 3 kv heads of 16 do not go together"),
    DAMAGE("llama.block_count", 4, "\3", ENGINE_E_FILE, "gguf: blk.2.attn_norm.weight is missing"),
    DAMAGE("llama.block_count", 4, "\1", ENGINE_E_UNSUPPORTED,
           "gguf: 21 tensors, more than the architecture llama has in 1 layers"),
    DAMAGE("rms_epsilon", 4, "\0\0\xc0\x7f", ENGINE_E_FILE,
           "gguf: llama.attention.layer_norm_rms_epsilon is no positive float"),
    DAMAGE("llama.context_length", 4, "\0\0\0\xff", ENGINE_E_FILE,
           "gguf: llama.context_length is 4278190080, not 1 to 1048576"),
    DAMAGE("token_embd.weight", 20, "\x0c", ENGINE_E_FILE,
           "gguf: token_embd.weight has 64 columns, no multiple of 256"),
    DAMAGE("token_embd.weight", 20, "\7", ENGINE_E_UNSUPPORTED,
           "gguf: token_embd.weight is of type 7"),
    DAMAGE("token_embd.weight", 24, "\0\0\0\0\0\0\0\x80", ENGINE_E_FILE,
           "gguf: token_embd.weight, 10800 bytes at 9223372036854775808, is outside of the file's "
           "57456"),
    DAMAGE("token_embd.weight", 24, "\2", ENGINE_E_FILE,
           "gguf: token_embd.weight, 10800 bytes at 1282, is outside of the file's 57456"),
    DAMAGE("token_embd.weight", 12, "\0\0\0\0\0\0\0\1", ENGINE_E_FILE,
           "gguf: a vocabulary of 72057594037927936 words"),
    DAMAGE("token_embd.weight", 0, "\5", ENGINE_E_FILE,
           "gguf: cut short in its descriptions of tensors"),
    DAMAGE("tokenizer.ggml.model", 12, "gpt2!", ENGINE_E_UNSUPPORTED,
           "gguf: tokenizer.ggml.model is gpt2!, not llama or gpt2"),
    DAMAGE("tokenizer.ggml.token_type", 16, "\7", ENGINE_E_FILE,
           "gguf: piece 0 is of kind 7, which it cannot be"),
    DAMAGE("tokenizer.ggml.token_type", 16 + 4 * 70, "\1", ENGINE_E_MISMATCH,
           "gguf: no piece for byte 67"),
    DAMAGE("tokenizer.ggml.scores", 16, "\0\0\x80\x7f", ENGINE_E_FILE,
           "gguf: piece 0 has no number as its score"),
    DAMAGE("tokenizer.ggml.score", 0, "x", ENGINE_E_FILE, "gguf: tokenizer.ggml.scores is missing"),
    DAMAGE("tokenizer.ggml.scores", 4, "\4", ENGINE_E_FILE,
           "gguf: tokenizer.ggml.scores is no array of type 6"),
};

static void
each_damage_is_refused_with_its_reason(void)
{
    size_t checkpoint_bytes, bytes;
    uint8_t *checkpoint, *file = make(GGUF_Q4_0, &checkpoint, &checkpoint_bytes, &bytes);
    uint8_t *copy = malloc(bytes);
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        const struct damage *damage = &damages[i];
        memcpy(copy, file, bytes);
        uint8_t *at = memmem(copy, bytes, damage->key, strlen(damage->key));
        memcpy(at + strlen(damage->key) + damage->skip, damage->patch, damage->patch_bytes);
        int status = read_copy(copy, bytes);
        if (status != damage->status || strcmp(error.text, damage->text) != 0)
            printf("# damage %zu: %d, %s\n", i, status, error.text);
        CHECK_EQ(status, damage->status);
        CHECK_EQ(strcmp(error.text, damage->text), 0);
    }
    free(copy);
    free(checkpoint);
    free(file);
}

/* The last name in the file: without it the embedding is the classifier, and one is left over. */
static void
a_tensor_that_nobody_knows_is_refused(void)
{
    static const char name[] = "output.weight";
    size_t checkpoint_bytes, bytes;
    uint8_t *checkpoint, *file = make(GGUF_Q4_0, &checkpoint, &checkpoint_bytes, &bytes);
    uint8_t *at = file, *last = file;
    while ((at = memmem(at + 1, bytes - (size_t)(at + 1 - file), name, sizeof name - 1)) != NULL)
        last = at;
    last[0] = 'x';
    CHECK_EQ(read_copy(file, bytes), ENGINE_E_UNSUPPORTED);
    CHECK_EQ(strcmp(error.text, "gguf: 21 tensors, of which the architecture llama knows 20"), 0);
    free(checkpoint);
    free(file);
}

static void
an_arena_that_is_too_small_is_said(void)
{
    size_t checkpoint_bytes, bytes;
    uint8_t *checkpoint, *file = make(GGUF_F32, &checkpoint, &checkpoint_bytes, &bytes);
    struct engine_arena arena = {.base = NULL};
    CHECK_EQ(engine_gguf_read(&model, file, bytes, &arena, &error), ENGINE_E_SPACE);
    CHECK_EQ(engine_gguf_tokenizer_read(&tokenizer, file, bytes, VOCABULARY, &arena, &error),
             ENGINE_E_SPACE);
    free(checkpoint);
    free(file);
}

static const struct tap_test tests[] = {
    TAP(each_type_gives_the_logits_of_its_checkpoint),
    TAP(packed_q8_0_gives_the_logits_of_the_packed_checkpoint),
    TAP(packed_types_give_logits_near_those_of_the_reference),
    TAP(a_file_that_is_cut_short_is_refused),
    TAP(a_head_is_enough_where_it_ends_with_the_descriptions),
    TAP(each_damage_is_refused_with_its_reason),
    TAP(a_tensor_that_nobody_knows_is_refused),
    TAP(an_arena_that_is_too_small_is_said),
};
TAP_MAIN(tests)

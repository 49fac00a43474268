/* Checkpoints: what their tensors are, and that each damaged one is refused with a reason. */
#include "engine/model.h"

#include <stdlib.h>
#include <string.h>

#include "random_model.h"
#include "tap.h"

#define ARENA_BYTES 65536

static const struct random_shape shape = {48, 96, 2, 6, 2, 300, 32, true};

static uint8_t arena_bytes[ARENA_BYTES] __attribute__((aligned(ENGINE_ARENA_ALIGN)));
static struct engine_model model;
static struct engine_error error;

static int
read_with(const uint8_t *file, uint64_t header_bytes, uint64_t bytes)
{
    struct engine_arena arena = {.base = arena_bytes, .size_bytes = sizeof arena_bytes};
    memset(&error, 0, sizeof error);
    return engine_checkpoint_read(&model, file, header_bytes, bytes, &arena, &error);
}

static uint8_t *
make(uint32_t group, size_t *bytes)
{
    uint8_t *file = random_model(&shape, 1, bytes);
    if (group == 0)
        return file;
    uint8_t *quantised = random_model_quantised(file, group, bytes);
    free(file);
    return quantised;
}

/* The tensors follow each other without a gap but for `skipped` bytes somewhere, to the end of the
 * file. */
static void
check_tensors(uint64_t start, uint64_t skipped, uint64_t file_bytes)
{
    uint64_t at = start;
    for (uint32_t i = 0; i < model.tensor_count; i++) {
        const struct engine_tensor *tensor = &model.tensors[i];
        struct engine_range ranges[2];
        CHECK_EQ(tensor->index, i);
        for (unsigned r = 0; r < (tensor->format == ENGINE_Q8_SPLIT ? 2 : 1); r++)
            for (uint32_t block = 0; block < engine_tensor_blocks(tensor); block++) {
                CHECK_EQ(engine_block_ranges(tensor, block, ranges),
                         tensor->format == ENGINE_Q8_SPLIT ? 2 : 1);
                if (at != ranges[r].offset) {
                    at += skipped;
                    skipped = 0;
                }
                CHECK_EQ(ranges[r].offset, at);
                at += ranges[r].length_bytes;
            }
    }
    CHECK_EQ(at + skipped, file_bytes);
}

static void
a_version_0_file_is_read(void)
{
    size_t bytes;
    uint8_t *file = make(0, &bytes);
    CHECK_EQ(read_with(file, 28, bytes), 0);
    CHECK_EQ(model.shape.dim, 48);
    CHECK_EQ(model.shape.head_dim, 8);
    CHECK_EQ(model.shape.vocabulary, 300);
    CHECK_EQ(model.tensor_count, 2 + 9 * 2 + 1);
    CHECK(model.classifier != model.embedding);
    CHECK_EQ(model.layers[1].key->rows, 16);
    check_tensors(28, 32 * 8 * 4, bytes);
    free(file);
}

static void
a_version_2_file_is_read(void)
{
    size_t bytes;
    uint8_t *file = make(16, &bytes);
    CHECK_EQ(read_with(file, 256, bytes), 0);
    CHECK_EQ(model.layers[0].down->group, 16);
    CHECK_EQ(model.layers[0].down->format, ENGINE_Q8_SPLIT);
    CHECK_EQ(model.final_norm->format, ENGINE_F32);
    check_tensors(256, 0, bytes);
    free(file);
}

static void
a_shared_classifier_is_the_embedding(void)
{
    struct random_shape tied = shape;
    size_t bytes;
    tied.untied = false;
    uint8_t *file = random_model(&tied, 1, &bytes);
    CHECK_EQ(read_with(file, 28, bytes), 0);
    CHECK(model.classifier == model.embedding);
    check_tensors(28, 32 * 8 * 4, bytes);
    free(file);
}

/* Damage: a word of the header becomes another one. */
struct damage {
    uint32_t group; /* 0: of a version 0 file */
    uint32_t offset;
    int32_t word;
    int status;
    const char *text;
};

static const struct damage damages[] = {
    {0, 0, 0, ENGINE_E_FILE, "checkpoint: dim is 0, not 1 to 65536"},
    {0, 0, -48, ENGINE_E_FILE, "checkpoint: dim is -48, not 1 to 65536"},
    {0, 0, 65537, ENGINE_E_FILE, "checkpoint: dim is 65537, not 1 to 65536"},
    {0, 0, 50, ENGINE_E_FILE, "checkpoint: dim 50 cannot be cut into 6 heads of an even size"},
    {0, 0, 18, ENGINE_E_FILE, "checkpoint: dim 18 cannot be cut into 6 heads of an even size"},
    {0, 4, 0, ENGINE_E_FILE, "checkpoint: hidden dim is 0, not 1 to 65536"},
    {0, 8, 1025, ENGINE_E_FILE, "checkpoint: number of layers is 1025, not 1 to 1024"},
    {0, 8, 0, ENGINE_E_FILE, "checkpoint: number of layers is 0, not 1 to 1024"},
    {0, 12, 0, ENGINE_E_FILE, "checkpoint: number of heads is 0, not 1 to 65536"},
    {0, 16, 0, ENGINE_E_FILE, "checkpoint: number of kv heads is 0, not 1 to 65536"},
    {0, 16, 4, ENGINE_E_FILE, "checkpoint: 6 heads cannot share 4 kv heads evenly"},
    {0, 16, 12, ENGINE_E_FILE, "checkpoint: 6 heads cannot share 12 kv heads evenly"},
    {0, 20, 0, ENGINE_E_FILE, "checkpoint: size of the vocabulary is 0, not 1 to 1048576"},
    {0, 20, INT32_MIN, ENGINE_E_FILE,
     "checkpoint: size of the vocabulary is -2147483648, not 1 to 1048576"},
    {0, 20, 300, ENGINE_E_FILE,
     "checkpoint: 276956 bytes, but its shape asks for 219356 (version 0)"},
    {0, 24, INT32_MAX, ENGINE_E_FILE, "checkpoint: context is 2147483647, not 1 to 1048576"},
    {16, 4, 1, ENGINE_E_UNSUPPORTED, "checkpoint: version 1; 0 and 2 are supported"},
    {16, 4, 3, ENGINE_E_UNSUPPORTED, "checkpoint: version 3; 0 and 2 are supported"},
    {16, 8, 0, ENGINE_E_FILE, "checkpoint: dim is 0, not 1 to 65536"},
    {16, 28, -300, ENGINE_E_FILE, "checkpoint: size of the vocabulary is -300, not 1 to 1048576"},
    {16, 33, 0x02000000, ENGINE_E_FILE, "checkpoint: the flag for a shared classifier is 2"},
    {16, 37, 0, ENGINE_E_FILE,
     "checkpoint: groups of 0 do not divide dim 48 and hidden dim 96 in multiples of four"},
    {16, 37, 2, ENGINE_E_FILE,
     "checkpoint: groups of 2 do not divide dim 48 and hidden dim 96 in multiples of four"},
    {16, 37, 32, ENGINE_E_FILE,
     "checkpoint: groups of 32 do not divide dim 48 and hidden dim 96 in multiples of four"},
    {16, 37, -16, ENGINE_E_FILE,
     "checkpoint: groups of -16 do not divide dim 48 and hidden dim 96 in multiples of four"},
};

static void
each_damage_is_refused_with_its_reason(void)
{
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        const struct damage *damage = &damages[i];
        size_t bytes;
        uint8_t *file = make(damage->group, &bytes);
        memcpy(file + damage->offset, &damage->word, 4);
        int status = read_with(file, bytes, bytes);
        free(file);
        if (status != damage->status || strcmp(error.text, damage->text) != 0)
            printf("# damage %zu: %d, %s\n", i, status, error.text);
        CHECK_EQ(status, damage->status);
        CHECK_EQ(strcmp(error.text, damage->text), 0);
    }
}

static void
another_length_is_refused(void)
{
    for (uint32_t group = 0; group <= 16; group += 16) {
        size_t bytes;
        uint8_t *file = make(group, &bytes);
        CHECK_EQ(read_with(file, 256, bytes - 1), ENGINE_E_FILE);
        CHECK_EQ(read_with(file, 256, bytes + 1), ENGINE_E_FILE);
        CHECK_EQ(read_with(file, 256, UINT64_MAX), ENGINE_E_FILE);
        for (uint64_t length = 0; length < (group ? 256 : 28); length++) {
            uint8_t *cut = malloc(length + 1); /* so that the sanitizer sees a step too far */
            memcpy(cut + 1, file, length);
            CHECK_EQ(read_with(cut + 1, length, length), ENGINE_E_FILE);
            CHECK(strstr(error.text, "shorter than its header") != NULL);
            free(cut);
        }
        free(file);
    }
}

static void
an_arena_that_is_too_small_is_said(void)
{
    size_t bytes;
    uint8_t *file = make(0, &bytes);
    struct engine_arena arena = {.base = arena_bytes, .size_bytes = 64};
    CHECK_EQ(engine_checkpoint_read(&model, file, bytes, bytes, &arena, &error), ENGINE_E_SPACE);
    CHECK_EQ(engine_checkpoint_read(&model, file, bytes, bytes, &arena, NULL), ENGINE_E_SPACE);
    free(file);
}

static void
an_arena_refuses_what_does_not_fit_in_its_arithmetic(void)
{
    struct engine_arena arena = {.base = arena_bytes, .size_bytes = sizeof arena_bytes};
    CHECK(engine_arena_take(&arena, 1, 1) != NULL);
    CHECK(engine_arena_take(&arena, SIZE_MAX / 2, 3) == NULL);
    CHECK(engine_arena_take(&arena, 1, 1) == NULL);
    arena.used_bytes = 1;
    CHECK(engine_arena_take(&arena, 1, SIZE_MAX - 60) == NULL);
    CHECK(arena.used_bytes == SIZE_MAX);
}

static void
texts_of_errors_end_where_their_room_does(void)
{
    struct engine_error small_error;
    char text[400];
    memset(text, 'a', sizeof text - 1);
    text[399] = '\0';
    CHECK_EQ(engine_fail(&small_error, -3, "%s", text), -3);
    CHECK_EQ(strlen(small_error.text), sizeof small_error.text - 1);
    engine_fail(&small_error, -1, "%d %u %lu %x %% %s", -5, 7u, UINT64_MAX, 0xbeefu, "end");
    CHECK_EQ(strcmp(small_error.text, "-5 7 18446744073709551615 beef % end"), 0);
}

static const struct tap_test tests[] = {
    TAP(a_version_0_file_is_read),
    TAP(a_version_2_file_is_read),
    TAP(a_shared_classifier_is_the_embedding),
    TAP(each_damage_is_refused_with_its_reason),
    TAP(another_length_is_refused),
    TAP(an_arena_that_is_too_small_is_said),
    TAP(an_arena_refuses_what_does_not_fit_in_its_arithmetic),
    TAP(texts_of_errors_end_where_their_room_does),
};
TAP_MAIN(tests)

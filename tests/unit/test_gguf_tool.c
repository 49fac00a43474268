/*
 * out/host/gguf: what it writes, the engine reads with the same numbers, or with numbers that are
 * as near as the type permits. The model is the default one.
 */
#include "tool.h"

#include "engine/file.h"
#include "engine/kernel.h"
#include "engine/sampling.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "perplexity.h"
#include "random_model.h"
#include "tap.h"

#define MODEL       "bundles/default/model.bin"
#define TOKENIZER   "bundles/default/tokenizer.bin"
#define ARENA_BYTES ((size_t)32 << 20)
#define COLUMNS     64
#define TOKENS_MAX  512

static const char text[] =
    "Once upon a time, there lived a brave girl called Nelly. She liked to play chess with Sue. "
    "One "
    "day, Nelly found a bird that had fallen out of its nest. It could not fly yet. Nelly carried "
    "it home in her hands. They made a bed for it in a pretty box.";

/* --- Rows ------------------------------------------------------------------------------------- */

/* A row as the target, and back as the scalar kernel reads it; returns its bytes. */
static size_t
write_and_read(const char *name, const float *row, float *back, uint8_t *bytes)
{
    const struct target *target = find_target(name);
    struct output output = {.file = tmpfile()};
    put_row(&output, target, row, COLUMNS, name);
    rewind(output.file);
    size_t count = fread(bytes, 1, 4 * COLUMNS, output.file);
    fclose(output.file);
    CHECK_EQ(count, engine_row_bytes(target->format, COLUMNS));
    const struct engine_rows rows = {.values = bytes, .group = target->group};
    engine_kernel_reference(target->format)->expand(&rows, 0, COLUMNS, target->group, back);
    return count;
}

static void
every_half_stays_as_it_is(void)
{
    float row[COLUMNS], back[COLUMNS];
    uint8_t bytes[4 * COLUMNS];
    for (uint32_t half = 0; half < 65536; half += COLUMNS) {
        uint16_t halves[COLUMNS];
        const struct engine_rows rows = {.values = halves};
        if ((half >> 10 & 31) == 31)
            continue; /* no numbers */
        for (uint32_t i = 0; i < COLUMNS; i++)
            halves[i] = (uint16_t)(half + i);
        engine_kernel_reference(ENGINE_F16)->expand(&rows, 0, COLUMNS, 1, row);
        (void)write_and_read("f16", row, back, bytes);
        CHECK_EQ(memcmp(bytes, halves, sizeof halves), 0);
    }
}

/* The distance to the halves on both sides decides; of equal ones the even one is taken. */
static void
numbers_become_the_nearest_half(void)
{
    float row[COLUMNS], back[COLUMNS], low[COLUMNS], high[COLUMNS];
    uint8_t bytes[4 * COLUMNS];
    uint64_t state = 5;
    for (int round = 0; round < 400; round++) {
        uint16_t below[COLUMNS], above[COLUMNS];
        for (uint32_t i = 0; i < COLUMNS; i++) {
            below[i] = (uint16_t)tap_random(&state, 0x7bff);
            above[i] = (uint16_t)(below[i] + 1);
        }
        const struct engine_rows rows[2] = {{.values = below}, {.values = above}};
        engine_kernel_reference(ENGINE_F16)->expand(&rows[0], 0, COLUMNS, 1, low);
        engine_kernel_reference(ENGINE_F16)->expand(&rows[1], 0, COLUMNS, 1, high);
        for (uint32_t i = 0; i < COLUMNS; i++)
            row[i] = low[i] + (high[i] - low[i]) * (float)(round % 9) / 8;
        (void)write_and_read("f16", row, back, bytes);
        for (uint32_t i = 0; i < COLUMNS; i++) {
            bool even = (below[i] & 1) == 0;
            bool is_low = round % 9 < 4 || (round % 9 == 4 && even);
            CHECK(back[i] == (is_low ? low[i] : high[i]));
        }
    }
}

static void
quants_are_as_near_as_their_scale_permits(void)
{
    static const struct {
        const char *name;
        float parts; /* half of the greatest number is so many quants */
    } types[] = {{"q8_0", 127}, {"q4_0", 8}};
    float row[COLUMNS], back[COLUMNS];
    uint8_t bytes[4 * COLUMNS];
    uint64_t state = 7;
    for (int round = 0; round < 2000; round++)
        for (size_t t = 0; t < 2; t++) {
            float greatest[2] = {0, 0};
            for (uint32_t i = 0; i < COLUMNS; i++) {
                row[i] =
                    ((float)tap_random(&state, 20001) - 10000) / 10000 * (round % 7 == 0 ? 0 : 3);
                greatest[i / 32] = fmaxf(greatest[i / 32], fabsf(row[i]));
            }
            (void)write_and_read(types[t].name, row, back, bytes);
            for (uint32_t i = 0; i < COLUMNS; i++) {
                float scale = greatest[i / 32] / types[t].parts;
                /* Q4_0 has 7 as its greatest at the other end; a scale is off by a part in 2048. */
                float most = t == 1 ? scale * 1.01f : scale * 0.51f + greatest[i / 32] / 2000;
                CHECK(fabsf(back[i] - row[i]) <= most);
            }
        }
}

/* --- Files ------------------------------------------------------------------------------------ */

static char folder[] = "/tmp/gguf-tool-XXXXXX";
static char paths[8][64];

static char *
path_of(int number)
{
    static bool made; /* not to be seen in the name, which may have an X of its own */
    if (!made)
        CHECK(mkdtemp(folder) != NULL);
    made = true;
    snprintf(paths[number], sizeof paths[number], "%s/%d.gguf", folder, number);
    return paths[number];
}

static char *
write_file(int number, const void *bytes, size_t count)
{
    FILE *file = fopen(path_of(number), "wb");
    CHECK(file != NULL && fwrite(bytes, 1, count, file) == count && fclose(file) == 0);
    return paths[number];
}

/* Pieces of control, bytes, and words. */
static char *
write_vocabulary(uint32_t count)
{
    static uint8_t bytes[1 << 16];
    const uint32_t longest = 8;
    size_t at = 4;
    memcpy(bytes, &longest, 4);
    for (uint32_t i = 0; i < count; i++) {
        char piece[8];
        float score = -(float)i;
        int length = i < 3     ? snprintf(piece, sizeof piece, "<%u>", i)
                     : i < 259 ? snprintf(piece, sizeof piece, "<0x%02X>", i - 3)
                               : snprintf(piece, sizeof piece, " %u", i);
        memcpy(bytes + at, &score, 4);
        memcpy(bytes + at + 4, &length, 4);
        memcpy(bytes + at + 8, piece, (size_t)length);
        at += 8 + (size_t)length;
    }
    return write_file(7, bytes, at);
}

static double
log_probability_of(const char *model_path, const char *tokenizer_path)
{
    struct input file = map_input(model_path), words = map_input(tokenizer_path);
    struct engine_arena arena = {.base = aligned_alloc(ENGINE_ARENA_ALIGN, ARENA_BYTES),
                                 .size_bytes = ARENA_BYTES};
    struct engine_mapping mapping = {file.bytes, file.count};
    struct engine_source source = engine_mapping_source(&mapping);
    struct engine_tokenizer tokenizer;
    struct engine_model model;
    struct engine_error error = {""};
    uint32_t tokens[TOKENS_MAX];
    CHECK_EQ(engine_file_read_model(&model, file.bytes, file.count, file.count, &arena, &error), 0);
    CHECK_EQ(engine_file_read_tokenizer(&tokenizer, words.bytes, words.count,
                                        model.shape.vocabulary, &arena, &error),
             0);
    size_t scratch_bytes = engine_encode_bytes(sizeof text);
    void *scratch = malloc(scratch_bytes);
    int64_t count = engine_encode(&tokenizer, text, sizeof text - 1, true, tokens, TOKENS_MAX,
                                  scratch, scratch_bytes);
    double mean = mean_log_probability(&model, &source, NULL, NULL, tokens, (uint32_t)count, arena);
    free(scratch);
    free(arena.base);
    return mean;
}

static char *
convert(int number, const char *target)
{
    char *arguments[] = {MODEL, TOKENIZER, path_of(number)};
    command_convert(arguments, find_target(target));
    return arguments[2];
}

static char *
quantise(char *from, int number, const char *target)
{
    char *arguments[] = {from, path_of(number)};
    command_quantise(arguments, find_target(target));
    return arguments[1];
}

static bool
same_tensor(const struct engine_tensor *a, const struct input *a_file,
            const struct engine_tensor *b, const struct input *b_file)
{
    uint64_t bytes = a->rows * engine_row_bytes(a->format, a->columns);
    return a->format == ENGINE_F32 && b->format == ENGINE_F32 && a->rows == b->rows &&
           a->columns == b->columns &&
           memcmp(a_file->bytes + a->offset, b_file->bytes + b->offset, bytes) == 0;
}

/* Floats, each in its place: the order of the file is that of its tensors' names. */
static void
floats_are_those_of_the_checkpoint(void)
{
    static const struct random_shape shape = {64, 96, 2, 4, 2, 300, 16, false};
    struct engine_arena arena = {.base = aligned_alloc(ENGINE_ARENA_ALIGN, ARENA_BYTES),
                                 .size_bytes = ARENA_BYTES};
    struct engine_model model, converted;
    struct engine_error error = {""};
    struct input from = {.path = "random"};
    uint8_t *checkpoint = random_model(&shape, 9, &from.count);
    from.bytes = checkpoint;
    CHECK_EQ(engine_checkpoint_read(&model, from.bytes, from.count, from.count, &arena, &error), 0);
    char *arguments[] = {write_file(2, from.bytes, from.count), write_vocabulary(shape.vocabulary),
                         path_of(0)};
    command_convert(arguments, find_target("f32"));
    struct input to = map_input(arguments[2]);
    CHECK_EQ(engine_gguf_read(&converted, to.bytes, to.count, &arena, &error), 0);
    CHECK_EQ(converted.tensor_count, model.tensor_count);
    CHECK(same_tensor(model.embedding, &from, converted.embedding, &to));
    CHECK(same_tensor(model.classifier, &from, converted.classifier, &to));
    CHECK(same_tensor(model.final_norm, &from, converted.final_norm, &to));
    for (uint32_t i = 0; i < shape.layers; i++) {
        struct engine_tensor *const *a = (struct engine_tensor *const *)&model.layers[i];
        struct engine_tensor *const *b = (struct engine_tensor *const *)&converted.layers[i];
        for (size_t t = 0; t < sizeof model.layers[i] / sizeof *a; t++)
            CHECK((a[t] == NULL && b[t] == NULL) || same_tensor(a[t], &from, b[t], &to));
    }
    unlink(arguments[0]);
    unlink(arguments[1]);
    unlink(arguments[2]);
    free(checkpoint);
    free(arena.base);
}

/* The default model's checkpoint has 8 bits: floats and halves of it are more than it needs. */
static void
all_types_keep_the_perplexity(void)
{
    static const struct {
        const char *name;
        double most; /* by how much it may differ */
    } types[] = {{"f32", 0.005}, {"f16", 0.005}, {"q8_0", 0.005}, {"q4_0", 0.05}};
    double exact = log_probability_of(MODEL, TOKENIZER);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        char *gguf = convert(1, types[i].name);
        double change = exp(exact - log_probability_of(gguf, gguf)) - 1;
        printf("# %s: perplexity %.4f times that of the checkpoint\n", types[i].name, change + 1);
        CHECK(fabs(change) < types[i].most);
        unlink(gguf);
    }
}

static bool
same_files(const char *one, const char *other)
{
    struct input a = map_input(one), b = map_input(other);
    return a.count == b.count && memcmp(a.bytes, b.bytes, a.count) == 0;
}

static void
quantising_gives_what_converting_gives(void)
{
    static const char *const types[] = {"f16", "q8_0", "q4_0"};
    char *floats = convert(2, "f32");
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        char *quantised = quantise(floats, 3, types[i]), *converted = convert(4, types[i]);
        CHECK(same_files(quantised, converted));
        unlink(quantised);
        unlink(converted);
    }
    unlink(floats);
}

/* What is quantised already is not made worse. */
static void
quantised_tensors_stay_as_they_are(void)
{
    char *first = convert(5, "q4_0"), *second = quantise(first, 6, "q4_0");
    CHECK(same_files(first, second));
    unlink(first);
    unlink(second);
    rmdir(folder);
}

static const struct tap_test tests[] = {
    TAP(every_half_stays_as_it_is),
    TAP(numbers_become_the_nearest_half),
    TAP(quants_are_as_near_as_their_scale_permits),
    TAP(floats_are_those_of_the_checkpoint),
    TAP(all_types_keep_the_perplexity),
    TAP(quantising_gives_what_converting_gives),
    TAP(quantised_tensors_stay_as_they_are),
};
TAP_MAIN(tests)

/*
 * A model whose weights were packed ahead of time, as llmd opens it: what is not what the manifest
 * says, by its layout's name or by its length, is refused, and nothing is left behind.
 */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/file.h"
#include "random_model.h"
#include "tap.h"

#define WORDS       300
#define BYTE_PIECES 259
#define LAYOUT      "rows16-q8"
#define ARENA_BYTES ((size_t)16 << 20)

static const struct random_shape shape = {64, 128, 2, 4, 2, WORDS, 32, true};

static struct engine_error error;
static struct engine_arena arena;
static struct engine_model unpacked;
static struct model model;
static struct model_file words;
static struct {
    uint8_t *bytes;
    size_t count, unpacked;
} file;

/* Three words, bytes, and words again. */
static void
make_words(void)
{
    uint8_t *to = engine_arena_take(&arena, WORDS, 16), *at = to;
    const uint32_t longest = 6;
    memcpy(at, &longest, 4);
    at += 4;
    for (uint32_t i = 0; i < WORDS; i++) {
        const float score = 0;
        char text[16];
        (void)snprintf(text, sizeof text, i < 3 || i >= BYTE_PIECES ? "W%u" : "<0x%02X>",
                       i < 3 || i >= BYTE_PIECES ? i : i - 3);
        uint32_t length = (uint32_t)strlen(text);
        memcpy(at, &score, 4);
        memcpy(at + 4, &length, 4);
        memcpy(at + 8, text, length);
        at += 8 + length;
    }
    words = (struct model_file){to, (uint64_t)(at - to)};
}

/* The file that the host tool writes, from one that is quantised. */
static void
begin(void)
{
    struct engine_placement placement;
    size_t bytes;
    uint8_t *floats = random_model(&shape, 42, &bytes);
    uint8_t *plain = random_model_quantised(floats, 32, &file.unpacked);
    free(floats);
    arena = (struct engine_arena){aligned_alloc(ENGINE_ARENA_ALIGN, ARENA_BYTES), ARENA_BYTES, 0};
    make_words();
    CHECK_EQ(engine_file_read_model(&unpacked, plain, file.unpacked, file.unpacked, &arena, &error),
             ENGINE_OK);
    CHECK_EQ(engine_place(&placement, &unpacked, LAYOUT, &arena, &error), ENGINE_OK);
    file.count = placement.bytes;
    file.bytes = aligned_alloc(ENGINE_PLACE_ALIGN,
                               (file.count / ENGINE_PLACE_ALIGN + 2) * ENGINE_PLACE_ALIGN);
    memset(file.bytes, 0, file.count + ENGINE_PLACE_ALIGN);
    memcpy(file.bytes, plain, placement.head_bytes);
    free(plain);
}

static void
end(void)
{
    free(file.bytes);
    free(arena.base);
}

static uint64_t
count_ns(void *unused)
{
    static uint64_t now_ns;
    (void)unused;
    return now_ns += 1000000;
}

static bool
open_model(size_t count, const char *layout, size_t unpacked_bytes)
{
    static const struct engine_machine machine = {.now_ns = count_ns};
    const struct model_file checkpoint = {file.bytes, count};
    const struct model_options options = {
        .batch = 4, .machine = &machine, .layout = layout, .unpacked_bytes = unpacked_bytes};
    memset(&error, 0, sizeof error);
    return model_open(&model, &checkpoint, &words, &options, &error);
}

static void
what_its_layout_says_is_used_as_it_is(void)
{
    begin();
    CHECK(open_model(file.count, LAYOUT, file.unpacked));
    CHECK(model.is_placed && !model.is_packed && !model.packs);
    model_close(&model);
    end();
}

static void
refused(size_t count, const char *layout, size_t unpacked_bytes, const char *why)
{
    CHECK(!open_model(count, layout, unpacked_bytes));
    if (strstr(error.text, why) == NULL)
        printf("# %s\n", error.text);
    CHECK(strstr(error.text, why) != NULL);
    CHECK(!model.is_short && model.parts == 0 && model.kernels.of_tensor == NULL);
}

static void
another_length_than_that_of_its_layout_is_refused_with_both(void)
{
    char why[128];
    begin();
    size_t lengths[] = {file.count - 1, file.count + 1, file.count - ENGINE_PLACE_ALIGN,
                        file.count + ENGINE_PLACE_ALIGN};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        (void)snprintf(why, sizeof why, "layout " LAYOUT ": %zu bytes, but the model has %zu in it",
                       lengths[i], file.count);
        refused(lengths[i], LAYOUT, file.unpacked, why);
    }
    end();
}

static void
a_layout_that_the_model_cannot_have_is_refused_by_name(void)
{
    begin();
    refused(file.count, "rows-8", file.unpacked, "layout rows-8: none that this model can have");
    refused(file.count, "rows32-q4", file.unpacked,
            "layout rows32-q4: none that this model can have");
    refused(file.count, "", file.unpacked, "layout : none that this model can have");
    end();
}

/* It is of the file that was packed that the header has to speak. */
static void
another_length_of_the_file_that_was_packed_is_refused(void)
{
    begin();
    CHECK(!open_model(file.count, LAYOUT, file.unpacked - 1));
    CHECK(error.text[0] != '\0');
    CHECK(!open_model(file.count, LAYOUT, 0));
    CHECK(error.text[0] != '\0');
    end();
}

static const struct tap_test tests[] = {
    TAP(what_its_layout_says_is_used_as_it_is),
    TAP(another_length_than_that_of_its_layout_is_refused_with_both),
    TAP(a_layout_that_the_model_cannot_have_is_refused_by_name),
    TAP(another_length_of_the_file_that_was_packed_is_refused),
};
TAP_MAIN(tests)

/*
 * Weights that were packed into a file ahead of time: the same logits as those of weights that were
 * packed in memory, for each format that has layouts; what cannot be packed, or is not what was
 * chosen, is refused by name.
 */
#include "engine/placement.h"

#include <stdlib.h>
#include <string.h>

#include "engine/choice.h"
#include "engine/engine.h"
#include "engine/file.h"
#include "random_model.h"
#include "tap.h"
#include "write_gguf.h"

#define ARENA_BYTES ((size_t)64 << 20)
#define TOKENS      5
#define WORDS       300

static const struct random_shape shape = {64, 128, 2, 4, 2, WORDS, 32, true};

static struct engine_arena arena;
static struct engine_error error;
static uint8_t *file;
static size_t file_bytes;
static struct engine_model model;
static const struct engine_kernel **kernels;
static struct engine_mapping mapping;
static struct engine_source mapped;

static void
read_file(uint32_t group)
{
    uint8_t *floats = random_model(&shape, 42, &file_bytes);
    file = floats;
    if (group != 0) {
        file = random_model_quantised(floats, group, &file_bytes);
        free(floats);
    }
    arena = (struct engine_arena){aligned_alloc(ENGINE_ARENA_ALIGN, ARENA_BYTES), ARENA_BYTES, 0};
    CHECK_EQ(engine_file_read_model(&model, file, file_bytes, file_bytes, &arena, &error), 0);
}

/* The same numbers as GGUF of that type. */
static void
turn_into_gguf(uint32_t type)
{
    uint8_t *gguf = write_gguf(&model, file, type, &file_bytes);
    free(file);
    file = gguf;
    arena.used_bytes = 0;
    CHECK_EQ(engine_file_read_model(&model, file, file_bytes, file_bytes, &arena, &error), 0);
}

static void
choose(const char *layout, const char *forced)
{
    const struct engine_machine machine = {.layout = layout};
    mapping = (struct engine_mapping){file, file_bytes};
    mapped = engine_mapping_source(&mapping);
    kernels = engine_arena_take(&arena, model.tensor_count, sizeof *kernels);
    CHECK(engine_choose(&model, &machine, forced, kernels, NULL, 0, &arena) >= 0);
}

static void
end(void)
{
    free(arena.base);
    free(file);
}

static void
step(const struct engine_source *from, float *logits)
{
    static const uint32_t tokens[TOKENS] = {1, 7, 299, 0, 12};
    const struct engine_options options = {.batch = TOKENS, .kernels = kernels};
    struct engine *engine;
    struct engine_sequence sequence;
    struct engine_arena scratch = {aligned_alloc(ENGINE_ARENA_ALIGN, ARENA_BYTES), ARENA_BYTES, 0};
    CHECK_EQ(engine_open(&engine, &model, from, &options, &scratch, &error), 0);
    engine_sequence_begin(&sequence, 32,
                          engine_arena_take(&scratch, 1, engine_sequence_bytes(engine, 32)));
    const struct engine_item item = {&sequence, tokens, TOKENS, logits};
    CHECK_EQ(engine_step(engine, &item, 1, &error), 0);
    free(scratch.base);
}

/* The file that the host tool writes. */
static uint8_t *
write_placed(const struct engine_placement *placement)
{
    uint8_t *placed = aligned_alloc(
        ENGINE_PLACE_ALIGN, (placement->bytes / ENGINE_PLACE_ALIGN + 1) * ENGINE_PLACE_ALIGN);
    memset(placed, 0x77, placement->bytes);
    memcpy(placed, file, placement->head_bytes);
    for (uint32_t i = 0; i < model.tensor_count; i++) {
        const struct engine_tensor *tensor = &model.tensors[i];
        size_t bytes = engine_placed_bytes(placement, tensor);
        CHECK_EQ(placement->offsets[i] % ENGINE_PLACE_ALIGN, 0);
        CHECK_EQ(bytes % ENGINE_ARENA_ALIGN, 0);
        for (uint32_t block = 0; block < engine_tensor_blocks(tensor); block++) {
            struct engine_rows rows;
            CHECK(mapped.rows(mapped.context, 0, tensor, block, &rows));
            engine_place_rows(placement, tensor, block, &rows,
                              placed + placement->offsets[i] + block * bytes);
        }
    }
    return placed;
}

static void
check_logits(const char *layout)
{
    static float expected[WORDS], logits[WORDS];
    struct engine_placement placement;
    struct engine_packed packed;
    struct engine_model again;
    choose(layout, NULL);
    CHECK_EQ(engine_pack(&packed, &model, &mapped, kernels, &arena, &error), 0);
    struct engine_source whole = engine_packed_source(&packed);
    step(&whole, expected);
    CHECK_EQ(engine_place(&placement, &model, layout, &arena, &error), 0);
    CHECK_EQ(engine_placed_suits(&placement, kernels, &error), 0);
    uint8_t *bytes = write_placed(&placement);
    CHECK_EQ(engine_file_read_model(&again, bytes, placement.bytes, file_bytes, &arena, &error), 0);
    CHECK_EQ(again.tensor_count, model.tensor_count);
    struct engine_placed placed = {&placement, bytes};
    struct engine_source source = engine_placed_source(&placed);
    step(&source, logits);
    CHECK_EQ(memcmp(expected, logits, sizeof logits), 0);
    free(bytes);
    end();
}

static void
packed_ahead_of_time_logits_are_those_of_what_is_packed_in_memory(void)
{
    read_file(32);
    check_logits("rows16-q8");
    read_file(32);
    turn_into_gguf(GGUF_Q8_0);
    check_logits("rows16-q8");
    read_file(32);
    turn_into_gguf(GGUF_Q4_0);
    check_logits("rows32-q4");
}

static void
a_layout_that_there_is_not_or_that_suits_nothing_is_refused(void)
{
    struct engine_placement placement;
    read_file(32);
    CHECK_EQ(engine_place(&placement, &model, "rows-8", &arena, &error), ENGINE_E_UNSUPPORTED);
    CHECK(strcmp(error.text, "layout rows-8: none that this model can have") == 0);
    CHECK_EQ(engine_place(&placement, &model, "rows32-q4", &arena, &error), ENGINE_E_UNSUPPORTED);
    end();
    read_file(0);
    CHECK_EQ(engine_place(&placement, &model, "rows16-q8", &arena, &error), ENGINE_E_UNSUPPORTED);
    struct engine_arena none = {.base = NULL};
    CHECK_EQ(engine_place(&placement, &model, "rows16-q8", &none, &error), ENGINE_E_SPACE);
    end();
}

static void
other_kernels_than_those_of_the_layout_are_refused(void)
{
    struct engine_placement placement;
    read_file(32);
    choose("rows16-q8", "reference");
    CHECK_EQ(engine_place(&placement, &model, "rows16-q8", &arena, &error), 0);
    CHECK_EQ(engine_placed_suits(&placement, kernels, &error), ENGINE_E_UNSUPPORTED);
    CHECK(strstr(error.text, "layout rows16-q8: kernel ") == error.text);
    end();
}

/* Only kernels that read it are tried. */
static void
a_layout_restricts_what_is_chosen(void)
{
    struct engine_trial trials[16];
    struct engine_machine machine = {.layout = "rows16-q8"};
    read_file(32);
    choose(NULL, NULL);
    int64_t count = engine_choose(&model, &machine, NULL, kernels, trials, 16, &arena);
    CHECK(count > 0);
    for (int64_t i = 0; i < count; i++)
        CHECK(strcmp(trials[i].kernel->layout->name, "rows16-q8") == 0);
    machine.layout = "rows-8";
    CHECK_EQ(engine_choose(&model, &machine, NULL, kernels, trials, 16, &arena), 0);
    end();
}

static const struct tap_test tests[] = {
    TAP(packed_ahead_of_time_logits_are_those_of_what_is_packed_in_memory),
    TAP(a_layout_that_there_is_not_or_that_suits_nothing_is_refused),
    TAP(other_kernels_than_those_of_the_layout_are_refused),
    TAP(a_layout_restricts_what_is_chosen),
};
TAP_MAIN(tests)

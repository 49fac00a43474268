/*
 * Any header as a checkpoint. The file is said to be as long as the input, and as long as its shape
 * asks for. What is accepted has every block of every tensor inside, without overlap; a small model
 * is then run on whatever bytes there are.
 *
 * config: runs=40000 max_len=512
 */
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"

#define ARENA_BYTES ((size_t)48 << 10)
#define BATCH       3

static uint8_t arena_bytes[ARENA_BYTES] __attribute__((aligned(ENGINE_ARENA_ALIGN)));

/* The end of the greatest range; stops at one that begins before the last one ended. */
static uint64_t
walk_ranges(const struct engine_model *model)
{
    unsigned __int128 end = 0;
    for (uint32_t i = 0; i < model->tensor_count; i++)
        for (unsigned r = 0; r < 2; r++)
            for (uint32_t block = 0; block < engine_tensor_blocks(&model->tensors[i]); block++) {
                struct engine_range ranges[2];
                if (r >= engine_block_ranges(&model->tensors[i], block, ranges))
                    continue;
                if (ranges[r].offset < end || ranges[r].length_bytes == 0)
                    abort();
                end = (unsigned __int128)ranges[r].offset + ranges[r].length_bytes;
            }
    if (end > model->file_bytes)
        abort();
    return (uint64_t)end;
}

static void
run_model(const struct engine_model *model, const uint8_t *file, uint64_t bytes,
          struct engine_arena *arena)
{
    struct engine_mapping mapping = {file, bytes};
    struct engine_source source = engine_mapping_source(&mapping);
    struct engine_options options = {.batch = BATCH};
    struct engine *engine;
    struct engine_sequence sequence;
    const uint32_t tokens[BATCH] = {0, model->shape.vocabulary - 1, 0};
    if (engine_open(&engine, model, &source, &options, arena, NULL) != ENGINE_OK)
        return;
    void *memory = engine_arena_take(arena, 1, engine_sequence_bytes(engine, model->shape.context));
    float *logits = engine_arena_take(arena, model->shape.vocabulary, sizeof *logits);
    if (memory == NULL || logits == NULL)
        return;
    engine_sequence_begin(&sequence, model->shape.context, memory);
    struct engine_item item = {&sequence, tokens, BATCH, logits};
    if (engine_step(engine, &item, 1, NULL) == ENGINE_OK &&
        engine_greedy(logits, model->shape.vocabulary) >= model->shape.vocabulary)
        abort();
}

/* How long the file should be: what the refusal of an absurd length says. */
static uint64_t
length_asked_for(const uint8_t *data, size_t size)
{
    struct engine_arena arena = {.base = arena_bytes, .size_bytes = ARENA_BYTES};
    struct engine_model model;
    struct engine_error error = {""};
    engine_checkpoint_read(&model, data, size, UINT64_MAX, &arena, &error);
    const char *at = strstr(error.text, "asks for ");
    return at == NULL ? 0 : strtoull(at + 9, NULL, 10);
}

static void
read_as(const uint8_t *data, size_t size, uint64_t bytes)
{
    struct engine_arena arena = {.base = arena_bytes, .size_bytes = ARENA_BYTES};
    struct engine_model model;
    struct engine_error error = {""};
    int status = engine_checkpoint_read(&model, data, size, bytes, &arena, &error);
    if ((status == ENGINE_OK) != (error.text[0] == '\0'))
        abort();
    if (status != ENGINE_OK || bytes > ARENA_BYTES)
        return;
    walk_ranges(&model);
    uint8_t *file = malloc(bytes);
    for (uint64_t i = 0; i < bytes; i++)
        file[i] = data[i % size];
    run_model(&model, file, bytes, &arena);
    free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_as(data, size, size);
    uint64_t bytes = length_asked_for(data, size);
    if (bytes != 0)
        read_as(data, size, bytes);
    return 0;
}

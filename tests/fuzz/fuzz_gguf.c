/*
 * Any bytes as a GGUF file: as a model, whose tensors are then all inside, and as a vocabulary,
 * which encodes and decodes any text.
 *
 * config: runs=200000 max_len=8192
 */
#include <stdlib.h>
#include <string.h>

#include "engine/gguf.h"

#define ARENA_BYTES ((size_t)256 << 10)

static uint8_t arena_bytes[ARENA_BYTES] __attribute__((aligned(ENGINE_ARENA_ALIGN)));

static void
read_model(const uint8_t *file, size_t size)
{
    struct engine_arena arena = {.base = arena_bytes, .size_bytes = ARENA_BYTES};
    struct engine_model model;
    struct engine_error error = {""};
    int status = engine_gguf_read(&model, file, size, &arena, &error);
    if ((status == ENGINE_OK) != (error.text[0] == '\0'))
        abort();
    for (uint32_t i = 0; status == ENGINE_OK && i < model.tensor_count; i++)
        for (uint32_t block = 0; block < engine_tensor_blocks(&model.tensors[i]); block++) {
            struct engine_range ranges[2];
            if (engine_block_ranges(&model.tensors[i], block, ranges) != 1 ||
                ranges[0].offset > size || ranges[0].length_bytes > size - ranges[0].offset)
                abort();
        }
}

static void
read_vocabulary(const uint8_t *file, size_t size, uint32_t vocabulary)
{
    struct engine_arena arena = {.base = arena_bytes, .size_bytes = ARENA_BYTES};
    struct engine_tokenizer tokenizer;
    struct engine_error error = {""};
    uint32_t tokens[66];
    uint8_t scratch[8192] __attribute__((aligned(16)));
    size_t text_bytes = size < 64 ? size : 64, length;
    int status = engine_gguf_tokenizer_read(&tokenizer, file, size, vocabulary, &arena, &error);
    if ((status == ENGINE_OK) != (error.text[0] == '\0'))
        abort();
    if (status != ENGINE_OK)
        return;
    int64_t count = engine_encode(&tokenizer, file + size - text_bytes, text_bytes, true, tokens,
                                  66, scratch, sizeof scratch);
    for (int64_t i = 1; i < count; i++)
        if (tokens[i] >= vocabulary ||
            engine_decode(&tokenizer, tokens[i - 1], tokens[i], &length) == NULL)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_model(data, size);
    read_vocabulary(data, size, 260);
    return 0;
}

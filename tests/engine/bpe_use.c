#include "bpe_use.h"

#include <stdlib.h>
#include <string.h>

#include "engine/gguf.h"
#include "tap.h"

#define ARENA_BYTES ((size_t)1 << 20)

struct bpe bpe_used;
struct engine_tokenizer bpe_tokenizer;
struct engine_error bpe_error;
struct bpe_marks bpe_marks;
static uint8_t arena_bytes[ARENA_BYTES] __attribute__((aligned(ENGINE_ARENA_ALIGN)));

int
bpe_read(const uint8_t *file, size_t bytes, uint32_t count)
{
    static uint8_t *copy;
    struct engine_arena arena = {.base = arena_bytes, .size_bytes = sizeof arena_bytes};
    free(copy);
    copy = malloc(bytes ? bytes : 1); /* ends where the file does */
    memcpy(copy, file, bytes);
    memset(&bpe_error, 0, sizeof bpe_error);
    return engine_gguf_tokenizer_read(&bpe_tokenizer, copy, bytes, count, &arena, &bpe_error);
}

void
bpe_use(void)
{
    size_t bytes;
    uint8_t *file = bpe_write(&bpe_used, &bytes);
    int status = bpe_read(file, bytes, bpe_used.count);
    if (status != ENGINE_OK)
        printf("# %s\n", bpe_error.text);
    CHECK_EQ(status, 0);
    free(file);
}

void
bpe_begin_with_marks(const char *way)
{
    bpe_begin(&bpe_used, way);
    bpe_marks.begin = bpe_add(&bpe_used, "<|begin|>", 3);
    bpe_marks.end = bpe_add(&bpe_used, "<|end|>", 3);
    bpe_marks.longer = bpe_add(&bpe_used, "<|end|>!", 3);
    bpe_marks.user = bpe_add(&bpe_used, "<tool> ", 4);
    (void)bpe_add(&bpe_used, "", 5); /* unused */
    bpe_used.begin = (int32_t)bpe_marks.begin;
    bpe_used.end = (int32_t)bpe_marks.end;
}

int64_t
bpe_tokens(const void *text, size_t length, bool marked, uint32_t *tokens, size_t tokens_max)
{
    size_t scratch_bytes = engine_encode_bytes(length);
    void *scratch = malloc(scratch_bytes);
    int64_t count = (marked ? engine_encode_marked : engine_encode)(
        &bpe_tokenizer, text, length, true, tokens, tokens_max, scratch, scratch_bytes);
    free(scratch);
    return count;
}

size_t
bpe_text(const uint32_t *tokens, int64_t count, uint8_t *to)
{
    uint32_t previous = bpe_tokenizer.begin;
    size_t at = 0, length;
    for (int64_t i = 0; i < count; i++) {
        const uint8_t *piece = engine_decode(&bpe_tokenizer, previous, tokens[i], &length);
        memcpy(to + at, piece, length);
        at += length;
        previous = tokens[i];
    }
    return at;
}

/*
 * Byte-level BPE: the front of the input chooses a way to cut words, merges and marks, the rest is
 * a text for that vocabulary. Its tokens are the vocabulary's, give the text back, and are no marks
 * unless those were asked for. Files that are damaged are those of fuzz_gguf, whose seeds have one.
 *
 * config: runs=15000 max_len=512
 */
#include <stdlib.h>
#include <string.h>

#include "engine/gguf.h"

#include "bpe.h"

#define ARENA_BYTES ((size_t)1 << 18)
#define FIRST_MARK  256u

static uint8_t arena_bytes[ARENA_BYTES] __attribute__((aligned(ENGINE_ARENA_ALIGN)));

/* The bytes, two marks, and merges of any pieces that there are by then. */
static size_t
choose_vocabulary(struct bpe *bpe, const uint8_t *data, size_t size)
{
    static const char *const ways[] = {"gpt-2", "llama-bpe", "qwen2"};
    size_t merges = size > 0 ? data[0] / 4 : 0, at = 1;
    bpe_begin(bpe, ways[size > 0 ? data[0] % 3 : 0]);
    (void)bpe_add(bpe, "<|a|>", 3);
    (void)bpe_add(bpe, "aa", 4);
    for (; merges > 0 && at + 4 <= size; merges--, at += 4)
        (void)bpe_add_merge(bpe, (data[at] * 256u + data[at + 1]) % bpe->count,
                            (data[at + 2] * 256u + data[at + 3]) % bpe->count);
    return at < size ? at : size;
}

static void
use(const struct engine_tokenizer *tokenizer, const uint8_t *text, size_t size, bool marked)
{
    size_t scratch_bytes = engine_encode_bytes(size), room = 2 * size + 2, at = 0, length;
    uint32_t *tokens = malloc(room * sizeof *tokens);
    void *scratch = malloc(scratch_bytes);
    int64_t count = (marked ? engine_encode_marked : engine_encode)(
        tokenizer, text, size, true, tokens, room, scratch, scratch_bytes);
    if (count < 0 || (!marked && (size_t)count > size))
        abort();
    for (int64_t i = 0; i < count; i++) {
        if (tokens[i] >= tokenizer->count ||
            (!marked && tokens[i] >= FIRST_MARK && tokens[i] < FIRST_MARK + 2))
            abort();
        const uint8_t *piece = engine_decode(tokenizer, ENGINE_NO_TOKEN, tokens[i], &length);
        if (tokens[i] == FIRST_MARK)
            piece = (const uint8_t *)"<|a|>", length = 5;
        if (length > size - at || memcmp(piece, text + at, length) != 0)
            abort();
        at += length;
    }
    if (at != size)
        abort();
    free(tokens);
    free(scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct bpe bpe;
    struct engine_arena arena = {.base = arena_bytes, .size_bytes = ARENA_BYTES};
    struct engine_tokenizer tokenizer;
    size_t at = choose_vocabulary(&bpe, data, size), bytes;
    uint8_t *file = bpe_write(&bpe, &bytes);
    if (engine_gguf_tokenizer_read(&tokenizer, file, bytes, bpe.count, &arena, NULL) != ENGINE_OK)
        abort();
    use(&tokenizer, data + at, size - at, false);
    use(&tokenizer, data + at, size - at, true);
    free(file);
    return 0;
}

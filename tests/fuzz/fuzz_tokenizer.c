/*
 * Any bytes as a tokenizer, and as a text for one. A file that is accepted encodes any text into
 * words of its own, and decodes each of them within the file. Most inputs are the text of a good
 * vocabulary, whose pieces they choose as well: few bytes of chance make 259 pieces.
 *
 * config: runs=50000 max_len=4096
 */
#include <stdlib.h>
#include <string.h>

#include "engine/tokenizer.h"

#define ARENA_BYTES ((size_t)1 << 20)
#define FIXED       259
#define CHOSEN_MAX  64

static uint8_t arena_bytes[ARENA_BYTES] __attribute__((aligned(ENGINE_ARENA_ALIGN)));

static void
use(const struct engine_tokenizer *tokenizer, const uint8_t *text, size_t size)
{
    size_t scratch_bytes = engine_encode_bytes(size), length;
    uint32_t *tokens = malloc((size + 2) * sizeof *tokens), previous = tokenizer->begin;
    void *scratch = malloc(scratch_bytes);
    int64_t count =
        engine_encode(tokenizer, text, size, true, tokens, size + 2, scratch, scratch_bytes);
    if (count < 1)
        abort();
    uint8_t sum = 0;
    for (int64_t i = 0; i < count; i++) {
        if (tokens[i] >= tokenizer->count)
            abort();
        const uint8_t *piece = engine_decode(tokenizer, previous, tokens[i], &length);
        for (size_t at = 0; at < length; at++)
            sum ^= piece[at]; /* each byte is there to be read */
        previous = tokens[i];
    }
    volatile uint8_t read = sum;
    (void)read;
    free(tokens);
    free(scratch);
}

static void
read_and_use(const uint8_t *file, size_t file_bytes, uint32_t vocabulary, const uint8_t *text,
             size_t size)
{
    struct engine_arena arena = {.base = arena_bytes, .size_bytes = ARENA_BYTES};
    struct engine_tokenizer tokenizer;
    struct engine_error error = {""};
    uint8_t *copy = malloc(file_bytes ? file_bytes : 1);
    memcpy(copy, file, file_bytes);
    int status = engine_tokenizer_read(&tokenizer, copy, file_bytes, vocabulary, &arena, &error);
    if ((status == ENGINE_OK) != (error.text[0] == '\0'))
        abort();
    if (status == ENGINE_OK)
        use(&tokenizer, text, size);
    free(copy);
}

static size_t
put_piece(uint8_t *file, size_t at, const uint8_t *text, uint32_t length, float score)
{
    memcpy(file + at, &score, 4);
    memcpy(file + at + 4, &length, 4);
    memcpy(file + at + 8, text, length);
    return at + 8 + length;
}

static const uint8_t fixed_piece[] = "<0x00>";

/* The pieces that every tokenizer has. */
static size_t
put_fixed(uint8_t *file)
{
    uint8_t piece[sizeof fixed_piece];
    const uint32_t longest = 8;
    memcpy(file, &longest, 4);
    size_t at = 4;
    memcpy(piece, fixed_piece, sizeof piece);
    for (int i = -3; i < 256; i++) {
        piece[3] = (uint8_t)"0123456789ABCDEF"[(i & 255) >> 4];
        piece[4] = (uint8_t)"0123456789ABCDEF"[i & 15];
        at = put_piece(file, at, piece, 6, 0);
    }
    return at;
}

/* Pieces of up to 8 bytes from the front of the input; the rest of it is the text. */
static void
use_chosen(const uint8_t *data, size_t size)
{
    static uint8_t file[4 + (FIXED + CHOSEN_MAX) * 16];
    size_t file_bytes = put_fixed(file), at = 1;
    uint32_t chosen = size > 0 ? data[0] % CHOSEN_MAX : 0;
    for (uint32_t i = 0; i < chosen; i++) {
        uint32_t length = at < size ? data[at] % 9 : 0;
        if (at + 1 + length > size)
            length = 0;
        file_bytes = put_piece(file, file_bytes, length ? data + at + 1 : data, length,
                               at < size ? (float)(data[at] / 9) : 0);
        at += 1 + length;
    }
    at = at < size ? at : size;
    read_and_use(file, file_bytes, FIXED + chosen, data + at, size - at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_and_use(data, size, size > 4 ? 259u + data[4] % 4 : 259, data, size);
    use_chosen(data, size);
    return 0;
}

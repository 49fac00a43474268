/*
 * Finding things by their bytes takes n log n comparisons for all and log n for each, however the
 * names in a file were chosen: counted, of whole files.
 */
#include "index.h"

#include <stdlib.h>

#include "engine/gguf.h"
#include "engine/tokenizer.h"
#include "gguf_writer.h"
#include "sort.h"
#include "tap.h"
#include "vocabulary.h"

#define WORDS  4096u
#define LAYERS 1024u
#define FIRST  259u /* of the words that are no bytes */

uint64_t comparisons;

static struct engine_error error;

static uint64_t
n_log_n(uint64_t n)
{
    uint64_t log = 1;
    while (n >> log > 0)
        log++;
    return n * log;
}

/* What both readers take memory by: first it is counted. */
static void *
new_memory(struct engine_arena *arena)
{
    size_t bytes = engine_arena_round(arena->used_bytes);
    *arena = (struct engine_arena){aligned_alloc(ENGINE_ARENA_ALIGN, bytes), bytes, 0};
    return arena->base;
}

/* --- Words ------------------------------------------------------------------------------------ */

static uint32_t
hash(const char *text)
{
    uint32_t hash = 2166136261u;
    for (; *text != '\0'; text++)
        hash = (hash ^ (uint8_t)*text) * 16777619u;
    return hash ^ hash >> 15;
}

typedef void make_word(char word[16], uint32_t number);

/* All of them end up in the first slots of any table of so many words. */
static void
make_colliding(char word[16], uint32_t number)
{
    static uint32_t tried;
    if (number == FIRST)
        tried = 0;
    do
        snprintf(word, 16, "%08u", tried++);
    while ((hash(word) & (2 * WORDS - 1)) >= 16);
}

static void
make_rising(char word[16], uint32_t number)
{
    snprintf(word, 16, "%08u", number);
}

static void
make_falling(char word[16], uint32_t number)
{
    snprintf(word, 16, "%08u", 99999999 - number);
}

static void
make_alike(char word[16], uint32_t number)
{
    snprintf(word, 16, "%08u", number / WORDS);
}

static void
put_piece(struct writer *w, const char *text)
{
    put_u32(w, 0);
    put_u32(w, (uint32_t)strlen(text));
    put(w, text, strlen(text));
}

/* A tokenizer.bin of bytes and such words. */
static struct writer
write_words(make_word *make)
{
    struct writer w = {NULL, 0, 0};
    char text[16];
    put_u32(&w, 8);
    for (uint32_t i = 0; i < WORDS; i++) {
        if (i < 3)
            snprintf(text, sizeof text, "<%u>", i);
        else if (i < FIRST)
            snprintf(text, sizeof text, "<0x%02X>", i - 3);
        else
            make(text, i);
        put_piece(&w, text);
    }
    return w;
}

static void
check_words(make_word *make)
{
    struct writer w = write_words(make);
    struct engine_tokenizer tokenizer;
    struct engine_arena arena = {.base = NULL};
    CHECK_EQ(engine_tokenizer_read(&tokenizer, w.file, w.at, WORDS, &arena, &error),
             ENGINE_E_SPACE);
    void *memory = new_memory(&arena);
    comparisons = 0;
    CHECK_EQ(engine_tokenizer_read(&tokenizer, w.file, w.at, WORDS, &arena, &error), 0);
    printf("# %lu comparisons to index %u words\n", comparisons, WORDS);
    CHECK(comparisons <= 3 * n_log_n(WORDS));
    comparisons = 0;
    for (uint32_t i = FIRST; i < WORDS; i++) {
        const struct engine_piece *piece = &tokenizer.pieces[i];
        uint32_t found = vocabulary_find(&tokenizer, piece->text, piece->length_bytes);
        CHECK_EQ(found, make == make_alike ? FIRST : i);
    }
    CHECK(comparisons <= n_log_n(WORDS) + 2 * WORDS);
    CHECK_EQ(vocabulary_find(&tokenizer, (const uint8_t *)"nothing", 7), VOCABULARY_NONE);
    free(memory);
    free(w.file);
}

static void
words_are_indexed_in_n_log_n_however_they_were_chosen(void)
{
    check_words(make_colliding);
    check_words(make_rising);
    check_words(make_falling);
    check_words(make_alike);
}

/* --- Tensors ---------------------------------------------------------------------------------- */

static const char *const parts[] = {"attn_norm.weight", "attn_q.weight",      "attn_k.weight",
                                    "attn_v.weight",    "attn_q.bias",        "attn_k.bias",
                                    "attn_v.bias",      "attn_output.weight", "ffn_norm.weight",
                                    "ffn_up.weight",    "ffn_gate.weight",    "ffn_down.weight"};
#define PARTS   (sizeof parts / sizeof *parts)
#define TENSORS (LAYERS * PARTS + 2)

/* All tensors are the same 16 bytes. */
static void
put_tensor(struct writer *w, const char *name)
{
    uint64_t rows = strstr(name, "norm") || strstr(name, "bias") ? 1 : 2;
    put_text(w, name);
    put_u32(w, 2);
    put_u64(w, 2);
    put_u64(w, rows);
    put_u32(w, 0);
    put_u64(w, 0);
}

/* A qwen2 of 1,024 layers and two dimensions, its tensors from the last to the first. */
static struct writer
write_tensors(void)
{
    struct writer w = {NULL, 0, 0};
    put(&w, "GGUF", 4);
    put_u32(&w, 3);
    put_u64(&w, TENSORS);
    put_u64(&w, 7);
    put_string(&w, "general.architecture", "qwen2");
    put_number(&w, "qwen2.embedding_length", 2);
    put_number(&w, "qwen2.feed_forward_length", 2);
    put_number(&w, "qwen2.block_count", LAYERS);
    put_number(&w, "qwen2.attention.head_count", 1);
    put_number(&w, "qwen2.context_length", 8);
    put_real(&w, "qwen2.attention.layer_norm_rms_epsilon", 1e-6f);
    for (uint32_t i = LAYERS; i-- > 0;)
        for (size_t p = PARTS; p-- > 0;) {
            char name[64];
            snprintf(name, sizeof name, "blk.%u.%s", i, parts[p]);
            put_tensor(&w, name);
        }
    put_tensor(&w, "output_norm.weight");
    put_tensor(&w, "token_embd.weight");
    while (w.at % 32 != 16)
        put(&w, "", 1);
    put(&w, "0123456789abcdef0123456789abcdef", 32);
    return w;
}

static void
tensors_are_found_in_n_log_n(void)
{
    struct writer w = write_tensors();
    struct engine_model model;
    struct engine_arena arena = {.base = NULL};
    CHECK_EQ(engine_gguf_read(&model, w.file, w.at, &arena, &error), ENGINE_E_SPACE);
    void *memory = new_memory(&arena);
    comparisons = 0;
    int status = engine_gguf_read(&model, w.file, w.at, &arena, &error);
    printf("# %lu comparisons for %zu tensors\n", comparisons, TENSORS);
    CHECK_EQ(status, 0);
    CHECK_EQ(model.tensor_count, TENSORS);
    CHECK(comparisons <= 3 * n_log_n(TENSORS));
    free(memory);
    free(w.file);
}

/* --- The index and the sort themselves ---------------------------------------------------------
 */

static uint32_t numbers[1000];

static struct index_key
number_of(const void *context, uint32_t item)
{
    (void)context;
    return (struct index_key){&numbers[item], numbers[item] == 0 ? 0 : sizeof numbers[item]};
}

static void
the_first_of_equal_keys_is_found_and_no_other_key(void)
{
    uint64_t state = 3;
    for (uint32_t round = 0; round < 300; round++) {
        uint32_t count = (uint32_t)tap_random(&state, 1000);
        uint32_t different = 1 + (uint32_t)tap_random(&state, 1000);
        struct engine_arena arena = {.base = NULL};
        struct engine_index index;
        CHECK(!index_take(&index, count, &arena));
        void *memory = new_memory(&arena);
        CHECK(index_take(&index, count, &arena));
        for (uint32_t i = 0; i < count; i++)
            numbers[i] = (uint32_t)tap_random(&state, different);
        index_fill(&index, count, number_of, NULL);
        for (uint32_t number = 1; number <= different; number++) {
            uint32_t first = 0;
            while (first < count && numbers[first] != number)
                first++;
            CHECK_EQ(
                index_find(&index, (struct index_key){&number, sizeof number}, number_of, NULL),
                first < count ? first : INDEX_NONE);
        }
        free(memory);
    }
}

static bool
is_smaller(const void *context, uint32_t a, uint32_t b)
{
    (void)context;
    comparisons++;
    return a < b;
}

static void
any_order_is_sorted_in_n_log_n(void)
{
    uint64_t state = 5;
    for (uint32_t count = 0; count < 1000; count += 1 + count / 10) {
        for (uint32_t i = 0; i < count; i++)
            numbers[i] = (uint32_t)tap_random(&state, count % 2 == 0 ? 10 : 1000);
        comparisons = 0;
        sort_items(numbers, count, is_smaller, NULL);
        CHECK(comparisons <= 2 * n_log_n(count));
        for (uint32_t i = 1; i < count; i++)
            CHECK(numbers[i - 1] <= numbers[i]);
    }
}

static const struct tap_test tests[] = {
    TAP(words_are_indexed_in_n_log_n_however_they_were_chosen),
    TAP(tensors_are_found_in_n_log_n),
    TAP(the_first_of_equal_keys_is_found_and_no_other_key),
    TAP(any_order_is_sorted_in_n_log_n),
};
TAP_MAIN(tests)

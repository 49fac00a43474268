/*
 * Greedy text against that of llama2.c's reference programs, in ../shared/models: stories260K in
 * fp32 and Q8_0, and the random stand-in for the 15M-parameter model. And what computing in
 * integers does to the perplexity of stories260K and of the default model.
 */
#include "complete.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bpe.h"
#include "evaluate.h"
#include "perplexity.h"
#include "random_model.h"
#include "tap.h"

#define MODELS      "../shared/models/"
#define DEFAULT     "bundles/default/"
#define PROMPT      "Once upon a time"
#define TEXT_MAX    4096
#define ARENA_BYTES ((size_t)64 << 20)

static char text[TEXT_MAX];
static size_t text_bytes;

static void
put(const uint8_t *piece, size_t length_bytes)
{
    if (length_bytes > TEXT_MAX - text_bytes)
        length_bytes = TEXT_MAX - text_bytes;
    memcpy(text + text_bytes, piece, length_bytes);
    text_bytes += length_bytes;
}

static uint8_t *
read_path(const char *path, size_t *bytes)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return NULL;
    fseek(file, 0, SEEK_END);
    *bytes = (size_t)ftell(file);
    rewind(file);
    uint8_t *content = malloc(*bytes);
    CHECK_EQ(fread(content, 1, *bytes, file), *bytes);
    fclose(file);
    return content;
}

static uint8_t *
read_file(const char *name, size_t *bytes)
{
    char path[256];
    snprintf(path, sizeof path, MODELS "%s", name);
    uint8_t *content = read_path(path, bytes);
    if (content == NULL)
        SKIP("the files of " MODELS " are not here");
    return content;
}

/*
 * The reference counts positions, which begin with the prompt; the answer has that many tokens less
 * those of the prompt behind the first one.
 */
static void
check_text(const uint8_t *model, size_t model_bytes, const char *tokenizer, uint32_t positions,
           const char *reference)
{
    const struct loading loading = {.file = model, .bytes = model_bytes, .kernel = "reference"};
    struct loaded loaded;
    struct completion completion = {.prompt = PROMPT, .put = put};
    struct engine_error error = {""};
    size_t tokenizer_bytes, expected_bytes;
    uint8_t *pieces = read_file(tokenizer, &tokenizer_bytes);
    uint8_t *expected = read_file(reference, &expected_bytes);
    struct engine_arena arena = {.base = aligned_alloc(ENGINE_ARENA_ALIGN, ARENA_BYTES),
                                 .size_bytes = ARENA_BYTES};
    CHECK_EQ(load(&loaded, &loading, &arena, &error), 0);
    CHECK_EQ(open_answerer(&completion.by, &loaded, pieces, tokenizer_bytes, &arena, &error), 0);
    completion.tokens_max = positions - 4;
    text_bytes = 0;
    CHECK_EQ(complete(&completion, &arena, &error), 0);
    put((const uint8_t *)"\n", 1); /* as the reference ends */
    while (expected_bytes > 0 && expected[expected_bytes - 1] == '\n')
        expected_bytes--;
    while (text_bytes > 0 && text[text_bytes - 1] == '\n')
        text_bytes--;
    if (text_bytes != expected_bytes || memcmp(text, expected, text_bytes) != 0)
        printf("# %.*s\n", (int)text_bytes, text);
    CHECK_EQ(completion.prompt_count, 5);
    CHECK_EQ(text_bytes, expected_bytes);
    CHECK_EQ(memcmp(text, expected, text_bytes), 0);
    free(arena.base);
    free(expected);
    free(pieces);
}

/* A story that no model has seen. */
static const char held_out[] =
    "One day, a little boy named Tom went to the park with his dog. The dog saw a big cat in a "
    "tree and wanted to play. Tom said, \"Do not run, the cat is sad.\" The dog sat down and the "
    "cat came down from the tree. They were all happy and played with a ball. Then the sun went "
    "away and it was cold. Tom's mom gave them a warm blanket and some milk. Tom was very tired, "
    "so he went to bed and the dog slept next to him. The next day they went back to the park.";

/* Of the story and a model that was trained, its floats or what kernels in integers make of them.
 */
static double
perplexity_of_stories(const uint8_t *model, size_t bytes, const char *kernel,
                      const struct engine_kernel *attention)
{
    size_t pieces_bytes;
    uint32_t tokens[512];
    static uint8_t scratch[65536] __attribute__((aligned(16)));
    struct loaded loaded;
    struct engine_tokenizer tokenizer;
    struct engine_error error = {""};
    uint8_t *pieces = read_file("tok512.bin", &pieces_bytes);
    const struct loading loading = {
        .file = model, .bytes = bytes, .kernel = kernel, .machine.features = ENGINE_NEON};
    struct engine_arena arena = {.base = aligned_alloc(ENGINE_ARENA_ALIGN, ARENA_BYTES),
                                 .size_bytes = ARENA_BYTES};
    CHECK_EQ(load(&loaded, &loading, &arena, &error), 0);
    CHECK_EQ(engine_tokenizer_read(&tokenizer, pieces, pieces_bytes, 512, &arena, &error), 0);
    int64_t count = engine_encode(&tokenizer, held_out, sizeof held_out - 1, true, tokens, 512,
                                  scratch, sizeof scratch);
    double mean = mean_log_probability(&loaded.model, &loaded.source, loaded.kernels,
                                       kernel == NULL ? loaded.attention : attention, tokens,
                                       (uint32_t)count, arena);
    free(arena.base);
    free(pieces);
    return exp(-mean);
}

/* Keys and values in 8 bits, and the fast softmax; or weights and vectors in 15 bits. */
static void
integers_keep_the_perplexity_of_stories(void)
{
    size_t bytes;
    uint32_t count;
    uint8_t *model = read_file("stories260K.bin", &bytes);
    double floats = perplexity_of_stories(model, bytes, "reference", NULL);
    double attention = perplexity_of_stories(model, bytes, "reference", engine_kernels(&count)[0]);
    double weights = perplexity_of_stories(model, bytes, NULL, NULL);
    printf("# perplexity in floats %.4f, with integer attention %.4f, weights in 15 bits %.4f\n",
           floats, attention, weights);
    CHECK(fabs(attention / floats - 1) < 0.005);
    CHECK(weights != floats && fabs(weights / floats - 1) < 0.0005);
    free(model);
}

/* Of the default model: texts of its generator with pairs of a name and a thing that no training
 * text has (bundles/default/training/corpus/heldout.py). */
static const char *const of_generator[] = {
    "Tim was a curious wizard. He lived there with his aunt. On a cloudy day, Tim found an old map "
    "in a dusty carpet. \"This is a treasure map!\" he cried. \"We must go to the pond,\" said "
    "Kate, who could read maps. It was getting late, but they did not stop. Behind a waterfall "
    "they "
    "began to dig. After an hour they found a rusty box. When they opened it, there was only some "
    "popcorn. \"The best part was the way,\" said Tim. From that day on, Tim and Kate were good "
    "friends.",
    "This is the story of Gus, a patient boy who lived on the playground. He liked some raisins "
    "more than anything else. One evening, Gus found an old map in a tiny bell. At once he showed "
    "it to Bert. \"We must go to the swamp,\" said Bert, who could read maps. The way was long, "
    "but "
    "they did not stop. Behind a waterfall they began to dig. At last they found a wooden box. In "
    "the box was a tiny sword and a letter. \"The best part was the way,\" said Gus. Gus never "
    "forgot that day.",
};
#define TEXTS (sizeof of_generator / sizeof *of_generator)

/* In double precision, with weights as they are in the file. */
static double
exact_log_probability(const uint8_t *model, uint32_t vocabulary, const uint32_t *tokens,
                      uint32_t count)
{
    struct evaluation *evaluation = evaluate_begin(model, false);
    double sum = 0;
    for (uint32_t i = 0; i + 1 < count; i++) {
        const double *logits = evaluate_token(evaluation, tokens[i]);
        double all = 0;
        for (uint32_t w = 0; w < vocabulary; w++)
            all += exp(logits[w] - logits[tokens[i + 1]]);
        sum -= log(all);
    }
    evaluate_end(evaluation);
    return sum / (count - 1);
}

/* Everything in integers: products, keys and values, softmax, activation. */
static void
integers_keep_the_perplexity_of_the_default_model(void)
{
    size_t bytes, pieces_bytes;
    uint8_t *model = read_path(DEFAULT "model.bin", &bytes);
    uint8_t *pieces = read_path(DEFAULT "tokenizer.bin", &pieces_bytes);
    CHECK(model != NULL && pieces != NULL);
    const struct loading loading = {.file = model, .bytes = bytes, .machine.features = ENGINE_NEON};
    struct engine_arena arena = {.base = aligned_alloc(ENGINE_ARENA_ALIGN, ARENA_BYTES),
                                 .size_bytes = ARENA_BYTES};
    struct engine_tokenizer tokenizer;
    struct loaded loaded;
    struct engine_error error = {""};
    static uint8_t scratch[65536] __attribute__((aligned(16)));
    uint32_t tokens[256];
    double exact = 0, integers = 0;
    CHECK_EQ(load(&loaded, &loading, &arena, &error), 0);
    CHECK(loaded.attention != NULL);
    uint32_t words = loaded.model.shape.vocabulary;
    CHECK_EQ(engine_tokenizer_read(&tokenizer, pieces, pieces_bytes, words, &arena, &error), 0);
    for (size_t i = 0; i < TEXTS; i++) {
        int64_t count = engine_encode(&tokenizer, of_generator[i], strlen(of_generator[i]), true,
                                      tokens, 256, scratch, sizeof scratch);
        CHECK(count > 64);
        exact += exact_log_probability(model, words, tokens, (uint32_t)count) / TEXTS;
        integers += mean_log_probability(&loaded.model, &loaded.source, loaded.kernels,
                                         loaded.attention, tokens, (uint32_t)count, arena) /
                    TEXTS;
    }
    printf("# perplexity of the default model %.4f, in integers %.4f\n", exp(-exact),
           exp(-integers));
    CHECK(integers != exact && fabs(exp(exact - integers) - 1) < 0.005);
    free(arena.base);
    free(pieces);
    free(model);
}

static void
stories_in_fp32_are_those_of_the_reference(void)
{
    size_t bytes;
    uint8_t *model = read_file("stories260K.bin", &bytes);
    check_text(model, bytes, "tok512.bin", 64, "ref/stories260K.once-upon-a-time.t0.n64.txt");
    check_text(model, bytes, "tok512.bin", 256, "ref/stories260K.once-upon-a-time.t0.n256.txt");
    free(model);
}

static void
stories_in_q8_are_those_of_the_reference(void)
{
    size_t bytes;
    uint8_t *model = read_file("stories260K.bin", &bytes);
    uint8_t *quantised = random_model_quantised(model, 4, &bytes);
    check_text(quantised, bytes, "tok512.bin", 64, "ref/stories260K.once-upon-a-time.t0.n64.txt");
    free(model);
    free(quantised);
}

static void
the_15m_stand_in_speaks_as_in_the_reference(void)
{
    size_t bytes;
    free(read_file("tokenizer.bin", &bytes)); /* it ends here without the files */
    uint8_t *model = random_model(&RANDOM_15M, 42, &bytes);
    check_text(model, bytes, "tokenizer.bin", 64, "ref/synth15M.once-upon-a-time.t0.n64.txt");
    free(model);
}

static void
stories_in_a_gguf_file_are_those_of_the_reference(void)
{
    size_t bytes;
    uint8_t *model = read_file("stories260K.gguf", &bytes);
    check_text(model, bytes, "stories260K.gguf", 64, "ref/stories260K.once-upon-a-time.t0.n64.txt");
    free(model);
}

static void
a_tokenizer_of_another_model_is_refused(void)
{
    struct loading loading = {.kernel = "reference"};
    struct loaded loaded;
    struct answerer answerer;
    struct engine_error error = {""};
    size_t pieces_bytes;
    uint8_t *model = read_file("stories260K.bin", &loading.bytes);
    uint8_t *pieces = read_file("tokenizer.bin", &pieces_bytes);
    struct engine_arena arena = {.base = aligned_alloc(ENGINE_ARENA_ALIGN, ARENA_BYTES),
                                 .size_bytes = ARENA_BYTES};
    loading.file = model;
    CHECK_EQ(load(&loaded, &loading, &arena, &error), 0);
    CHECK_EQ(open_answerer(&answerer, &loaded, pieces, pieces_bytes, &arena, &error),
             ENGINE_E_MISMATCH);
    CHECK_EQ(strcmp(error.text, "tokenizer: 32000 pieces, but the model has 512 words"), 0);
    free(arena.base);
    free(pieces);
    free(model);
}

/* A vocabulary of bytes, whose texts have no token for the begin: the first word is a part of the
 * prompt. */
static void
prompts_of_bytes_are_printed_whole(void)
{
    static const struct random_shape shape = {64, 96, 2, 4, 2, 262, 64, true};
    static struct bpe bpe;
    struct loading loading = {.kernel = "reference"};
    struct completion completion = {.prompt = " It's \xc3\xa9 100%", .tokens_max = 4, .put = put};
    struct loaded loaded;
    struct engine_error error = {""};
    size_t pieces_bytes;
    bpe_begin(&bpe, "gpt-2");
    for (uint32_t i = 256; i < shape.vocabulary; i++)
        (void)bpe_add_merge(&bpe, i == 256 ? 'I' : i - 1, 't');
    uint8_t *model = random_model(&shape, 3, &loading.bytes);
    uint8_t *pieces = bpe_write(&bpe, &pieces_bytes);
    struct engine_arena arena = {.base = aligned_alloc(ENGINE_ARENA_ALIGN, ARENA_BYTES),
                                 .size_bytes = ARENA_BYTES};
    loading.file = model;
    text_bytes = 0;
    CHECK_EQ(load(&loaded, &loading, &arena, &error), 0);
    CHECK_EQ(open_answerer(&completion.by, &loaded, pieces, pieces_bytes, &arena, &error), 0);
    CHECK_EQ(complete(&completion, &arena, &error), 0);
    CHECK_EQ(completion.generated, 4);
    CHECK_EQ(completion.prompt_count, 12); /* " ", "It", "'", "s" and so on */
    CHECK(text_bytes > strlen(completion.prompt));
    CHECK_EQ(memcmp(text, completion.prompt, strlen(completion.prompt)), 0);
    free(arena.base);
    free(pieces);
    free(model);
}

static const struct tap_test tests[] = {
    TAP(prompts_of_bytes_are_printed_whole),
    TAP(stories_in_fp32_are_those_of_the_reference),
    TAP(stories_in_q8_are_those_of_the_reference),
    TAP(integers_keep_the_perplexity_of_stories),
    TAP(integers_keep_the_perplexity_of_the_default_model),
    TAP(the_15m_stand_in_speaks_as_in_the_reference),
    TAP(stories_in_a_gguf_file_are_those_of_the_reference),
    TAP(a_tokenizer_of_another_model_is_refused),
};
TAP_MAIN(tests)

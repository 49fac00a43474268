/* llm in the machine: one prompt of the command line, answered on the console. */
#include "bench.h"
#include "complete.h"
#include "compute.h"

#include <rt/console.h>
#include <rt/service.h>
#include <rt/start.h>
#include <rt/time.h>
#include <stdlib.h>

#define TOKENS_DEFAULT 64u
#define PROMPT_BYTES   EXO_BOOT_CMDLINE_BYTES

static uint64_t stepped_ns;

static _Noreturn void
die(const char *what, const char *why)
{
    rt_printf("llm: %s: %s\n", what, why);
    rt_exit(1);
}

static void
log_line(const char *line)
{
    rt_printf("%s\n", line);
}

static uint64_t
now_ns(void)
{
    return rt_ticks_to_ns(rt_ticks());
}

/* --- What is asked ------------------------------------------------------------------------------
 */

/* The value of a hexadecimal digit; 16: it is none. */
static unsigned
digit(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    c = (char)(c | ' ');
    return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

/* A word has no spaces: what is no letter or digit stands as %XX in it. */
static void
decode(char *text)
{
    char *to = text;
    for (const char *from = text; *from != '\0'; from++) {
        if (*from != '%') {
            *to++ = *from;
            continue;
        }
        unsigned high = digit(from[1]), low = high < 16 ? digit(from[2]) : 16;
        if (low == 16 || high * 16 + low == 0)
            die("llm.prompt", "% must be followed by two hexadecimal digits, and not by 00");
        *to++ = (char)(high * 16 + low);
        from += 2;
    }
    *to = '\0';
}

static uint32_t
read_count(void)
{
    char word[16];
    if (!rt_option("llm.n", word, sizeof(word)))
        return TOKENS_DEFAULT;
    char *end;
    unsigned long count = strtoul(word, &end, 10);
    if (*word < '0' || *word > '9' || *end != '\0' || count == 0 || count > ENGINE_CONTEXT_MAX)
        die("llm.n", "not a number of tokens");
    return (uint32_t)count;
}

/* --- The answer ---------------------------------------------------------------------------------
 */

static void
put(const uint8_t *text, size_t length_bytes)
{
    rt_write((const char *)text, length_bytes);
}

/* Zeros may have been computed with instead of what could not be read. */
static const char *
stepped(uint32_t tokens)
{
    uint64_t now = now_ns();
    compute_stepped(tokens, (now - stepped_ns) / 1000);
    stepped_ns = now;
    return rt_stop_requested() ? "stopped" : weights_lost();
}

static void
report(const struct completion *completion, uint64_t ns)
{
    uint64_t hundredths = ns / (RT_S_NS / 100);
    rt_printf("\nllm: %u tokens in %u.%02u s, %u tok/s%s\n", completion->generated,
              (unsigned)(hundredths / 100), (unsigned)(hundredths % 100),
              (unsigned)(completion->generated * RT_S_NS / (ns + 1)),
              completion->finish == ENGINE_FINISH_CONTEXT ? ", the context is full" : "");
}

/* The first time with an arena that only counts. */
static void
answer(struct completion *completion)
{
    struct engine_error error = {""};
    struct engine_arena arena = {.base = NULL};
    (void)complete(completion, &arena, &error);
    size_t bytes = (arena.used_bytes + ENGINE_ARENA_ALIGN - 1) & ~(size_t)(ENGINE_ARENA_ALIGN - 1);
    arena = (struct engine_arena){aligned_alloc(ENGINE_ARENA_ALIGN, bytes), bytes, 0};
    if (arena.base == NULL)
        die("memory", "too little for this model and prompt");
    uint64_t start_ns = stepped_ns = now_ns();
    if (complete(completion, &arena, &error) != ENGINE_OK)
        die("answer", error.text);
    report(completion, now_ns() - start_ns);
}

static void *
take(size_t bytes)
{
    return aligned_alloc(ENGINE_ARENA_ALIGN, bytes);
}

static void
run_bench(const struct model *model)
{
    struct engine_error error = {""};
    const struct bench_subject subject = {.model = &model->shape,
                                          .source = &model->source,
                                          .kernels = model->kernels.of_tensor,
                                          .attention = model->kernels.attention,
                                          .team = compute_team(),
                                          .trials = model->kernels.trials,
                                          .trial_count = model->kernels.trial_count,
                                          .machine = compute_machine(),
                                          .put = log_line,
                                          .take = take};
    if (bench(&subject, &error) != ENGINE_OK)
        die("bench", error.text);
    if (weights_lost() != NULL)
        die("bench", weights_lost());
}

int
main(void)
{
    static char prompt[PROMPT_BYTES];
    const struct compute_options computing = {
        .name = "llm", .batch = COMPLETE_BATCH, .log = log_line};
    struct engine_error error = {""};
    struct files files;
    if (!compute_begin(&computing, &error))
        die("command line", error.text);
    bool measures = rt_option_number("llm.bench", 0) != 0;
    if (!measures && !rt_option("llm.prompt", prompt, sizeof(prompt)))
        die("llm.prompt", "what to complete? PROMPT='Once upon a time' make run APP=llm");
    decode(prompt);
    struct completion completion = {
        .prompt = prompt, .tokens_max = read_count(), .put = put, .stepped = stepped};
    struct model *model = compute_open(&files);
    if (model == NULL)
        die(weights_name(),
            "no generation of this bundle can be used: docs/guides/bundles.md says what to do");
    if (measures) {
        run_bench(model);
        return 0;
    }
    completion.by = (struct answerer){model->engine, &model->shape.shape, &model->tokenizer};
    answer(&completion);
    return 0;
}

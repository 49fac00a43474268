/* llm on the machine that builds: files are mapped, the answer goes to standard output. */
#include "bench.h"
#include "complete.h"
#include "cpu.h"
#include "cpu_time.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TOKENS_DEFAULT 64
#define ARENA_BYTES    ((size_t)64 << 30) /* of addresses: pages are taken when they are touched */

static _Noreturn void
fail(const char *what, const char *why)
{
    fprintf(stderr, "llm: %s: %s\n", what, why);
    exit(1);
}

static const uint8_t *
map_file(const char *path, uint64_t *bytes)
{
    struct stat stat;
    int file = open(path, O_RDONLY);
    if (file < 0 || fstat(file, &stat) < 0)
        fail(path, strerror(errno));
    void *at = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (at == MAP_FAILED)
        fail(path, strerror(errno));
    close(file);
    *bytes = (uint64_t)stat.st_size;
    return at;
}

static uint32_t
read_count(const char *text)
{
    char *end;
    errno = 0;
    unsigned long count = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || count == 0 ||
        count > ENGINE_CONTEXT_MAX)
        fail(text, "not a number of tokens");
    return (uint32_t)count;
}

static void
put(const uint8_t *text, size_t length_bytes)
{
    fwrite(text, 1, length_bytes, stdout);
    fflush(stdout);
}

static uint64_t
now_ns(void *context)
{
    struct timespec time;
    (void)context;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void
report(const struct completion *completion, double seconds)
{
    uint32_t tokens = completion->prompt_count + completion->generated;
    fprintf(stderr, "llm: %u tokens read, %u generated%s; %.3f s, %.1f tok/s\n",
            completion->prompt_count, completion->generated,
            completion->finish == ENGINE_FINISH_CONTEXT ? ", the context is full" : "", seconds,
            tokens / seconds);
}

static struct engine_arena
new_arena(void)
{
    struct engine_arena arena = {.size_bytes = ARENA_BYTES};
    arena.base = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (arena.base == MAP_FAILED)
        fail("memory", strerror(errno));
    return arena;
}

static void
load_model(struct loaded *loaded, const char *path, struct loading *loading,
           struct engine_arena *arena)
{
    struct engine_error error = {""};
    const char *length = getenv("VECTOR_BYTES");
    cpu_describe(&loading->machine, length != NULL ? read_count(length) : 16);
    loading->file = map_file(path, &loading->bytes);
    if (getenv("ENGINE_KERNEL") != NULL)
        loading->kernel = getenv("ENGINE_KERNEL");
    if (load(loaded, loading, arena, &error) != ENGINE_OK)
        fail(path, error.text);
}

static struct engine_arena bench_arena;

static void *
take(size_t bytes)
{
    return engine_arena_take(&bench_arena, 1, bytes);
}

static void
put_line(const char *line)
{
    puts(line);
}

static int
run_bench(const char *path)
{
    struct loading loading = {.machine = {.now_ns = cpu_ns}};
    struct engine_error error = {""};
    struct loaded loaded;
    bench_arena = new_arena();
    load_model(&loaded, path, &loading, &bench_arena);
    const struct bench_subject subject = {.model = &loaded.model,
                                          .source = &loaded.source,
                                          .kernels = loaded.kernels,
                                          .attention = loaded.attention,
                                          .trials = loaded.trials,
                                          .trial_count = loaded.trial_count,
                                          .machine = &loading.machine,
                                          .put = put_line,
                                          .take = take};
    if (bench(&subject, &error) != ENGINE_OK)
        fail(path, error.text);
    return 0;
}

static int
run_completion(char **arguments, uint32_t tokens_max)
{
    struct loading loading = {.machine = {.now_ns = cpu_ns}, .kernel = "reference"};
    struct engine_arena arena = new_arena();
    struct engine_error error = {""};
    struct loaded loaded;
    load_model(&loaded, arguments[0], &loading, &arena);
    struct completion completion = {.prompt = arguments[2], .put = put, .tokens_max = tokens_max};
    uint64_t tokenizer_bytes;
    const uint8_t *tokenizer = map_file(arguments[1], &tokenizer_bytes);
    uint64_t start_ns = now_ns(NULL);
    if (open_answerer(&completion.by, &loaded, tokenizer, tokenizer_bytes, &arena, &error) !=
            ENGINE_OK ||
        complete(&completion, &arena, &error) != ENGINE_OK)
        fail(arguments[1], error.text);
    put((const uint8_t *)"\n", 1);
    report(&completion, (double)(now_ns(NULL) - start_ns) * 1e-9);
    return 0;
}

int
main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--bench") == 0)
        return run_bench(argv[2]);
    if (argc < 4 || argc > 5) {
        fprintf(stderr, "usage: llm MODEL TOKENIZER PROMPT [TOKENS]\n"
                        "       llm --bench MODEL\n");
        return 2;
    }
    return run_completion(argv + 1, argc > 4 ? read_count(argv[4]) : TOKENS_DEFAULT);
}

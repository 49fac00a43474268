/* llm on the machine that builds: files are mapped, the answer goes to standard output. */
#include "complete.h"

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

static double
now_s(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
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

int
main(int argc, char **argv)
{
    if (argc < 4 || argc > 5) {
        fprintf(stderr, "usage: llm MODEL TOKENIZER PROMPT [TOKENS]\n");
        return 2;
    }
    struct completion completion = {.prompt = argv[3], .put = put};
    struct engine_error error = {""};
    completion.tokens_max = argc > 4 ? read_count(argv[4]) : TOKENS_DEFAULT;
    completion.model = map_file(argv[1], &completion.model_bytes);
    completion.tokenizer = map_file(argv[2], &completion.tokenizer_bytes);
    struct engine_arena arena = {.size_bytes = ARENA_BYTES};
    arena.base = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (arena.base == MAP_FAILED)
        fail("memory", strerror(errno));
    double start_s = now_s();
    if (complete(&completion, &arena, &error) != ENGINE_OK)
        fail(argv[1], error.text);
    put((const uint8_t *)"\n", 1);
    report(&completion, now_s() - start_s);
    return 0;
}

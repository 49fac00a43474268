#include "serving.h"

#include "crew_linux.h"
#include "workers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define QUEUED      64u
#define STEP_TOKENS 64u
#define CACHE_BYTES ((size_t)64 << 20)

static struct model model;
static struct crew crew;
static struct workers workers;

uint64_t
serving_now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

static uint64_t
now_ns(void *unused)
{
    struct timespec now;
    (void)unused;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static const struct engine_machine machine = {.now_ns = now_ns};

static void
log_line(const char *line)
{
    (void)fprintf(stderr, "%s\n", line);
}

_Noreturn void
serving_die(const char *what, const char *why)
{
    (void)fprintf(stderr, "llmd: %s: %s\n", what, why);
    exit(1);
}

static struct model_file
map_file(const char *path)
{
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &status) != 0)
        serving_die(path, strerror(errno));
    void *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (bytes == MAP_FAILED)
        serving_die(path, strerror(errno));
    (void)close(file);
    return (struct model_file){bytes, (uint64_t)status.st_size};
}

/* What a compiler makes of the reference is fastest here. */
static const char *
wanted_kernel(void)
{
    const char *kernel = getenv("ENGINE_KERNEL");
    char names[KERNELS_NAMES_BYTES];
    struct engine_error error;
    if (kernel == NULL)
        return KERNELS_REFERENCE;
    if (strcmp(kernel, "list") != 0 && !kernels_known(kernel, &error))
        serving_die("ENGINE_KERNEL", error.text);
    if (strcmp(kernel, "list") != 0)
        return kernel;
    kernels_names(names, sizeof(names));
    (void)printf("llmd: kernels:%s\n", names);
    exit(0);
}

static void
stepped(uint32_t tokens, uint64_t us)
{
    workers_stepped(&workers, tokens, us * 1000);
}

/* Workers: as many as ENGINE_WORKERS says, at most; else as there are CPUs. */
static void
open_model(const char *path, const char *tokenizer_path, uint32_t step_tokens)
{
    struct engine_error error = {""};
    struct model_file checkpoint = map_file(path), tokenizer = map_file(tokenizer_path);
    const struct model_options options = {.batch = step_tokens,
                                          .team = &crew.team,
                                          .machine = &machine,
                                          .kernel = wanted_kernel(),
                                          .pack = true};
    const char *wanted = getenv("ENGINE_WORKERS");
    long cpus = wanted != NULL ? strtol(wanted, NULL, 10) : sysconf(_SC_NPROCESSORS_ONLN);
    crew_open(&crew, cpus > 1 ? (uint32_t)cpus : 1, &crew_linux);
    if (!model_open(&model, &checkpoint, &tokenizer, &options, &error))
        serving_die(path, error.text);
    workers_open(&workers, model.engine, crew.team.count, &machine, true);
    kernels_report(&model.kernels, "llmd", log_line);
}

static void
count(struct metrics_text *text, void *context)
{
    (void)context;
    kernels_count(text, &model.kernels);
    workers_count(text, &workers);
}

void
serving_open(struct serve *serve, const char *checkpoint, const char *tokenizer, uint32_t running)
{
    static char description[256];
    struct engine_error error = {""};
    const struct serve_options options = {
        .running_max = running,
        .queued_max = QUEUED,
        .step_tokens = running > STEP_TOKENS ? running : STEP_TOKENS,
        .cache_bytes_max = CACHE_BYTES,
        .now_us = serving_now_us,
        .log = log_line,
        .stepped = stepped,
    };
    open_model(checkpoint, tokenizer, options.step_tokens);
    const struct engine_shape *shape = &model.shape.shape;
    (void)snprintf(description, sizeof(description),
                   "\"model\":\"%s\",\"dim\":%u,\"layers\":%u,\"vocabulary\":%u,\"context\":%u",
                   model.shape.kind, shape->dim, shape->layers, shape->vocabulary, shape->context);
    if (!serve_open(serve, &options, &error) ||
        !serve_use(serve, model.engine, &model.tokenizer, description, &error))
        serving_die(checkpoint, error.text);
    serve->metrics.source[1].write = count;
}

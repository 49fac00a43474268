/*
 * llmd as a program of the host: the same HTTP, answers and engine over sockets and poll. It is
 * what the tests talk to without a machine, and what Chitin is compared with.
 *
 *     llmd checkpoint tokenizer port [answers at a time]
 *
 * ENGINE_KERNEL=NAME in the environment chooses another kernel, `list` lists them.
 */
#include "http_date.h"
#include "model.h"
#include "sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CLIENTS_MAX 128

static struct serve serve;
static struct http_date date;
static volatile sig_atomic_t stopping;

static uint64_t
now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

static uint64_t
now_ns(void *unused)
{
    (void)unused;
    return now_us() * 1000;
}

static void
log_line(const char *line)
{
    (void)fprintf(stderr, "%s\n", line);
}

static void
die(const char *what, const char *why)
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
        die(path, strerror(errno));
    void *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (bytes == MAP_FAILED)
        die(path, strerror(errno));
    (void)close(file);
    return (struct model_file){bytes, (uint64_t)status.st_size};
}

static void
turn(void)
{
    http_date_turn(&date, time(NULL));
}

static void
stop(int signum)
{
    (void)signum;
    stopping = 1;
}

static bool
is_ending(void)
{
    return stopping != 0;
}

/* What a compiler makes of the reference is fastest here. */
static const char *
wanted_kernel(void)
{
    const char *kernel = getenv("ENGINE_KERNEL");
    char names[KERNELS_NAMES_BYTES];
    if (kernel == NULL || strcmp(kernel, "list") != 0)
        return kernel != NULL ? kernel : KERNELS_REFERENCE;
    kernels_names(names, sizeof(names));
    (void)printf("llmd: kernels:%s\n", names);
    exit(0);
}

static void
open_model(struct model *model, char **arguments, uint32_t running)
{
    static char description[256];
    struct engine_error error = {""};
    struct model_file checkpoint = map_file(arguments[1]), tokenizer = map_file(arguments[2]);
    static const struct engine_machine machine = {.now_ns = now_ns};
    const struct model_options options = {.batch = 64 > running ? 64 : running,
                                          .machine = &machine,
                                          .kernel = wanted_kernel(),
                                          .pack = true};
    if (!model_open(model, &checkpoint, &tokenizer, &options, &error))
        die(arguments[1], error.text);
    kernels_report(&model->kernels, log_line);
    const struct engine_shape *shape = &model->shape.shape;
    (void)snprintf(description, sizeof(description),
                   "\"model\":\"%s\",\"dim\":%u,\"layers\":%u,\"vocabulary\":%u,\"context\":%u",
                   model->shape.kind, shape->dim, shape->layers, shape->vocabulary, shape->context);
    const struct serve_options serving = {
        .running_max = running,
        .queued_max = 64,
        .step_tokens = options.batch,
        .now_us = now_us,
        .log = log_line,
    };
    if (!serve_open(&serve, &serving, &error) ||
        !serve_use(&serve, model->engine, &model->tokenizer, description, &error))
        die(arguments[1], error.text);
    serve.metrics.source[0].write = kernels_count;
    serve.metrics.source[0].context = &model->kernels;
}

int
main(int count, char **arguments)
{
    static struct model model;
    static struct sockets sockets;
    if (count < 4)
        die("usage", "llmd checkpoint tokenizer port [answers at a time]");
    open_model(&model, arguments, count > 4 ? (uint32_t)strtoul(arguments[4], NULL, 10) : 8);
    (void)signal(SIGTERM, stop);
    (void)signal(SIGINT, stop);
    const struct sockets_options options = {
        .serve = &serve,
        .clients_max = CLIENTS_MAX,
        .address.s_addr = htonl(INADDR_LOOPBACK),
        .port = (uint16_t)strtoul(arguments[3], NULL, 10),
        .date = date.line,
        .turn = turn,
        .is_ending = is_ending,
    };
    int port = sockets_open(&sockets, &options);
    if (port < 0)
        die("cannot listen", strerror(errno));
    (void)printf("llmd: serving at http://127.0.0.1:%d\n", port);
    (void)fflush(stdout);
    sockets_serve(&sockets);
    return 0;
}

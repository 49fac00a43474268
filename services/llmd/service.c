/* The model and the console: what does not depend on the network. */
#include "service.h"

#include "chat.h"
#include "compute.h"
#include "http_date.h"
#include "succession.h"
#include "weights.h"

#include <entropy/entropy.h>
#include <rt/frames.h>
#include <rt/console.h>
#include <rt/module.h>
#include <rt/service.h>
#include <rt/start.h>
#include <rt/time.h>
#include <sched/thread.h>
#include <stdio.h>
#include <string.h>

#define ANSWERS       8u  /* at a time, and ... */
#define QUEUED        32u /* ... waiting: llmd.answers, llmd.queue on the command line */
#define CACHE_MIB     16u /* beginnings of prompts: llmd.cache */
#define STEP_TOKENS   32u
#define FEW_FRAMES    1024u /* with fewer, that is why something failed */
#define LOOK_AGAIN_MS 10u   /* whether another model was found */

static struct serve serve;
static struct model *model;
static struct files files; /* of the model */
static char description[256];
static struct http_date date;
static int64_t start_s; /* the time of day when the counter was 0; 0: there is no clock */

uint64_t
service_now_us(void)
{
    return rt_ticks_to_ns(rt_ticks()) / 1000;
}

const char *
service_date(void)
{
    return date.line;
}

static void
log_line(const char *line)
{
    rt_printf("%s\n", line);
}

static _Noreturn void
end(const char *what, const char *why, int code)
{
    rt_printf("llmd: %s: %s\n", what, why);
    if (code != RT_EXIT_REFUSED && rt_frames_free() < FEW_FRAMES) {
        weights_say_shortage(FEW_FRAMES * EXO_PAGE_BYTES);
        code = weights_exit_code();
    }
    rt_exit(code);
}

_Noreturn void
service_die(const char *what, const char *why)
{
    end(what, why, 1);
}

_Noreturn void
service_refuse(const char *what, const char *why)
{
    end(what, why, RT_EXIT_REFUSED);
}

static void
describe(void)
{
    const struct engine_shape *shape = &model->shape.shape;
    (void)snprintf(description, sizeof(description),
                   "\"model\":\"%s\",\"generation\":%lld,\"dim\":%u,\"layers\":%u,"
                   "\"vocabulary\":%u,\"context\":%u",
                   model->shape.kind, (long long)files.generation, shape->dim, shape->layers,
                   shape->vocabulary, shape->context);
    rt_printf("llmd: %s, %u wide, %u layers, %u words, context %u\n", model->shape.kind, shape->dim,
              shape->layers, shape->vocabulary, shape->context);
    compute_report();
}

static bool
open_model(void)
{
    model = compute_open(&files);
    return model != NULL;
}

/* --- Another generation, when the one that is served is lost -----------------------------------
 */

static struct succession succession;

/* In a thread of its own: who asks meanwhile is answered. */
static void *
seek_model(void *unused)
{
    bool found = open_model();
    succession_found(&succession, found                ? SUCCESSION_FOUND
                                  : compute_is_short() ? SUCCESSION_SHORT
                                                       : SUCCESSION_NONE);
    return unused;
}

static void
begin_to_seek(void)
{
    struct thread *thread;
    const struct thread_attributes attributes = {.vcpu = sched_vcpu(), .detached = 1};
    if (thread_create(&thread, &attributes, seek_model, NULL) != EXO_OK)
        (void)seek_model(NULL);
}

static bool
use_model(void)
{
    struct engine_error error = {""};
    describe();
    if (serve_use(&serve, model->engine, &model->tokenizer, description, &error))
        return true;
    serve_lose(&serve, error.text);
    return false;
}

static void
close_model(bool short_of_memory)
{
    compute_close();
    if (short_of_memory)
        weights_reopen(serve.error);
    else
        weights_refuse(serve.error);
}

static void
give_up(void)
{
    (void)snprintf(serve.error, sizeof(serve.error),
                   "too little memory for the model: give the machine more (MEM)");
    log_line(serve.error);
}

static const struct succession_program program = {use_model, close_model, begin_to_seek, give_up};
static struct succession succession = {.program = &program};

uint64_t
service_deadline(void)
{
    return succession_waits(&succession) ? rt_deadline_ns(LOOK_AGAIN_MS * RT_MS_NS) : EXO_FOREVER;
}

void
service_turn(void)
{
    if (start_s != 0)
        http_date_turn(&date, start_s + (int64_t)(service_now_us() / 1000000));
    succession_turn(&succession, serve.engine == NULL, weights_is_short(), service_now_us());
}

static void
open_serve(void)
{
    struct engine_error error = {""};
    static const struct serve_memory memory = {compute_can_spare, compute_make_room};
    const struct serve_options serving = {
        .running_max = (uint32_t)rt_option_number("llmd.answers", ANSWERS),
        .queued_max = (uint32_t)rt_option_number("llmd.queue", QUEUED),
        .step_tokens = STEP_TOKENS,
        .cache_bytes_max = (size_t)rt_option_number("llmd.cache", CACHE_MIB) << 20,
        .memory = &memory,
        .now_us = service_now_us,
        .log = log_line,
        .stepped = compute_stepped,
        .lost = weights_lost,
    };
    const struct compute_options computing = {
        .name = "llmd", .batch = STEP_TOKENS, .log = log_line};
    if (!compute_begin(&computing, &error))
        service_refuse("command line", error.text);
    if (!open_model())
        end(weights_name(),
            compute_is_short() ? "too little memory for it"
                               : "no generation of this bundle can be served: "
                                 "docs/guides/bundles.md says what to do",
            weights_exit_code());
    describe();
    if (serve_open(&serve, &serving, &error) &&
        serve_use(&serve, model->engine, &model->tokenizer, description, &error))
        return;
    weights_say_shortage(engine_sequence_bytes(model->engine, model->shape.shape.context));
    service_refuse("model", error.text);
}

void
service_count(metrics_source *write, void *context)
{
    unsigned i = 0;
    while (i < METRICS_SOURCES && serve.metrics.source[i].write != NULL)
        i++;
    if (i == METRICS_SOURCES)
        service_die("metrics", "no room for one more source");
    serve.metrics.source[i].write = write;
    serve.metrics.source[i].context = context;
}

static void
write_memory(struct metrics_text *text, void *unused)
{
    (void)unused;
    metrics_put(text, "memory_frames_free", "gauge", "frames of 4 KiB that can still be taken",
                rt_frames_free());
}

static void
write_entries(struct metrics_text *text, void *unused)
{
    struct sched_entries counts = sched_entries();
    (void)unused;
    metrics_put(text, "kernel_calls_total", "counter", "system calls, of all vCPUs", counts.calls);
    metrics_put(text, "kernel_upcalls_total", "counter", "upcalls, to all vCPUs", counts.upcalls);
}

struct serve *
service_open(void)
{
    if (rt_boot != NULL)
        entropy_add(rt_boot->seed, sizeof(rt_boot->seed));
    int64_t rtc_s = rt_rtc_seconds();
    start_s = rtc_s != 0 ? rtc_s - (int64_t)(service_now_us() / 1000000) : 0;
    open_serve();
    service_count(compute_count, NULL);
    service_count(weights_count, NULL);
    service_count(write_memory, NULL);
    service_count(write_entries, NULL);
    return &serve;
}

/* What to type on the host, if whoever started the machine said where it reaches us. */
static void
print_examples(void)
{
    char url[64], why[4];
    if (!rt_option("llmd.url", url, sizeof(url)))
        return;
    rt_printf("llmd: try  curl -fsS %s/health\n"
              "llmd: try  curl -fsS -X POST --data \"Once upon a time\" %s/completion\n",
              url, url);
    if (chat_find(&model->tokenizer, why, sizeof(why)) != NULL)
        rt_printf("llmd: try  curl -fsS -X POST --data '{\"messages\": [{\"role\": \"user\", "
                  "\"content\": \"Who are you?\"}]}' %s/chat\n",
                  url);
    rt_printf("llmd: try  curl -fsS %s/metrics\n", url);
}

void
service_announce(const uint8_t ip[4], uint16_t port)
{
    static bool announced;
    if (announced)
        return;
    announced = true;
    rt_printf("llmd: serving at http://%u.%u.%u.%u:%u/\n", ip[0], ip[1], ip[2], ip[3], port);
    print_examples();
    weights_served();
    rt_ready();
}

/*
 * llmd in the machine, configuration `private`: its own NIC, lwIP's raw API without copies, one
 * vCPU that runs everything to completion. The loop is: what the network wants, one token for
 * everybody who is being answered, and sleep when there is neither.
 */
#include "link.h"
#include "model.h"
#include "serve.h"

#include <entropy/entropy.h>
#include <rt/console.h>
#include <rt/module.h>
#include <rt/start.h>
#include <rt/time.h>
#include <stdio.h>
#include <string.h>

#define EVENT_NIC   1u
#define NIC_BUFFERS 128u
#define HTTP_PORT   80
#define LINKS_MAX   64u
#define ANSWERS     8u  /* at a time, and ... */
#define QUEUED      32u /* ... waiting: llmd.answers, llmd.queue on the command line */
#define STEP_TOKENS 32u
#define TYPE_NET    1u
#define DEVICES     32u
#define ADDRESS_MS  3000 /* that DHCP has before the address of user-mode networking is taken */

static struct serve serve;
static struct stack stack;
static struct links links;
static struct model model;
static char description[256];

static uint64_t
now_us(void)
{
    return rt_ticks_to_ns(rt_ticks()) / 1000;
}

static void
log_line(const char *line)
{
    rt_printf("%s\n", line);
}

_Noreturn static void
die(const char *what, const char *why)
{
    rt_printf("llmd: %s: %s\n", what, why);
    rt_exit(1);
}

/* --- The model -----------------------------------------------------------------------------------
 */

static struct model_file
module_file(const char *name)
{
    struct rt_module module;
    if (!rt_module_find(name, &module))
        die(name, "not in the boot image");
    return (struct model_file){module.at, module.bytes};
}

static void
open_model(void)
{
    struct engine_error error = {""};
    const struct engine_options options = {.batch = STEP_TOKENS};
    struct model_file checkpoint = module_file("model.bin"),
                      tokenizer = module_file("tokenizer.bin");
    if (!model_open(&model, &checkpoint, &tokenizer, &options, &error))
        die("model.bin", error.text);
    const struct engine_shape *shape = &model.shape.shape;
    (void)snprintf(description, sizeof(description),
                   "\"model\":\"%s\",\"dim\":%u,\"layers\":%u,\"vocabulary\":%u,\"context\":%u",
                   model.shape.kind, shape->dim, shape->layers, shape->vocabulary, shape->context);
    rt_printf("llmd: %s, %u wide, %u layers, %u words, context %u\n", model.shape.kind, shape->dim,
              shape->layers, shape->vocabulary, shape->context);
    const struct serve_options serving = {
        .running_max = (uint32_t)rt_option_number("llmd.answers", ANSWERS),
        .queued_max = (uint32_t)rt_option_number("llmd.queue", QUEUED),
        .step_tokens = STEP_TOKENS,
        .description = description,
        .now_us = now_us,
        .log = log_line,
    };
    if (!serve_open(&serve, model.engine, &model.tokenizer, &serving, &error))
        die("model.bin", error.text);
}

/* --- The network ---------------------------------------------------------------------------------
 */

static uint32_t
find_nic(void)
{
    struct exo_device_info info;
    for (uint32_t slot = EXO_BOOT_DEVICE; slot < EXO_BOOT_DEVICE + DEVICES; slot++)
        if (exo_device_info(slot, &info) == EXO_OK && info.type == TYPE_NET)
            return slot;
    die("network", "the machine has no virtio NIC");
}

static void
forget(void *context, struct http_conn *conn)
{
    serve_forget(context, conn);
}

static void
open_network(void)
{
    const struct nic_source source = {
        .cell = EXO_BOOT_CELL, .device = find_nic(), .buffers = NIC_BUFFERS, .event = EVENT_NIC};
    const struct stack_address address = {.dhcp = true};
    const struct links_options options = {
        .port = HTTP_PORT,
        .links_max = LINKS_MAX,
        .handler = serve_request,
        .forget = forget,
        .context = &serve,
        .answered = serve.metrics.requests,
    };
    int64_t err = stack_open(&stack, &source, &address, "llmd");
    if (err == EXO_OK)
        err = links_open(&links, &stack, &options);
    if (err != EXO_OK)
        die("network", exo_error_text(err));
}

static void
write_counts(struct metrics_text *text, void *context)
{
    const struct stack_counts *counts = context;
    metrics_put(text, "net_connections_total", "counter", "connections accepted", links.accepted);
    metrics_put(text, "net_connections_refused_total", "counter",
                "connections that all links were in use for", links.refused);
    metrics_put(text, "net_frames_received_total", "counter", "frames", counts->frames_in);
    metrics_put(text, "net_frames_sent_total", "counter", "frames", counts->frames_out);
    metrics_put(text, "net_bytes_copied_total", "counter",
                "bytes that were copied on their way out, since the NIC may not read them in place",
                counts->copied_bytes);
}

/* --- The loop ------------------------------------------------------------------------------------
 */

static void
announce(void)
{
    static bool announced;
    if (!announced && stack_is_up(&stack)) {
        announced = true;
        const uint8_t *ip = (const uint8_t *)&netif_ip4_addr(&stack.netif)->addr;
        rt_printf("llmd: serving at http://%u.%u.%u.%u:%u/\n", ip[0], ip[1], ip[2], ip[3],
                  HTTP_PORT);
    }
}

int
main(void)
{
    if (rt_boot != NULL)
        entropy_add(rt_boot->seed, sizeof(rt_boot->seed));
    open_model();
    serve.metrics.source[0].write = write_counts;
    serve.metrics.source[0].context = &stack.counts;
    open_network();
    for (;;) {
        uint32_t frames = stack_poll(&stack);
        bool busy = serve_step(&serve);
        links_look_after(&links, now_us() / 1000);
        announce();
        if (frames == 0 && !busy)
            stack_wait(&stack, 0, EXO_FOREVER);
    }
}

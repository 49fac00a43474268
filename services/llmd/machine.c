/*
 * llmd in the machine, configuration `private`: its own NIC, lwIP's raw API without copies, one
 * vCPU that runs everything to completion. The loop is: what the network wants, one token for
 * everybody who is being answered, and sleep when there is neither.
 */
#include "disk.h"
#include "link.h"
#include "model.h"
#include "serve.h"

#include <entropy/entropy.h>
#include <model/shape.h>
#include <rt/console.h>
#include <rt/module.h>
#include <rt/start.h>
#include <rt/time.h>
#include <stdio.h>
#include <string.h>

#define EVENT_NIC   1u
#define EVENT_DISK  2u
#define NIC_BUFFERS 128u
#define HTTP_PORT   80
#define LINKS_MAX   64u
#define ANSWERS     8u  /* at a time, and ... */
#define QUEUED      32u /* ... waiting: llmd.answers, llmd.queue on the command line */
#define STEP_TOKENS 32u
#define TYPE_NET    1u
#define TYPE_BLOCK  2u
#define DEVICES     32u

static struct serve serve;
static struct stack stack;
static struct disk disk;
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

/* The files of a model, and where they are from. */
struct files {
    struct model_file checkpoint, tokenizer;
    int64_t generation; /* of the bundle; 0: they are from the boot image */
};

static bool
module_file(const char *name, struct model_file *file)
{
    struct rt_module module;
    bool found = rt_module_find(name, &module);
    if (found)
        *file = (struct model_file){module.at, module.bytes};
    return found;
}

static void
report(void *context, const struct bundle_event *event)
{
    static const char *const verdicts[] = {
        [BUNDLE_REJECTED] = "rejected",
        [BUNDLE_OPENED] = "opened",
        [BUNDLE_UNSIGNED] = "NOT SIGNED BY ANYBODY",
        [BUNDLE_NONE] = "nothing to serve",
    };
    (void)context;
    rt_printf("llmd: bundle %s/%lld: %s: %s\n", event->name, (long long)event->generation,
              verdicts[event->verdict], event->text);
}

/* Weights and tokenizer in memory: the hook of eager verification, and what we do in any case. */
static bool
load_files(void *context, struct bundle *bundle, struct why *why)
{
    const struct manifest *manifest = &bundle->manifest;
    struct files *files = context;
    struct payload payload;
    if (!manifest->has_model)
        return why_set(why, "it is no model");
    int weights = manifest_find(manifest, manifest->model.weights);
    int tokenizer = manifest_find(manifest, manifest->model.tokenizer);
    if (!disk_load(&disk, bundle, (size_t)weights, &payload, why))
        return false;
    files->checkpoint = (struct model_file){payload.at, payload.bytes};
    if (!disk_load(&disk, bundle, (size_t)tokenizer, &payload, why))
        return false;
    files->tokenizer = (struct model_file){payload.at, payload.bytes};
    files->generation = manifest->generation;
    return true;
}

static bool
accept_bundle(void *context, struct bundle *bundle, struct why *why)
{
    (void)context;
    return shape_check(bundle, why);
}

static void
read_trust(struct trust *trust)
{
    struct model_file file;
    struct why why;
    if (!module_file("trust", &file))
        die("trust", "the boot image has no trust root");
    if (!trust_read("trust", file.bytes, file.count, trust, &why))
        die("trust", why.text);
    for (size_t i = 0; i < trust->count; i++)
        rt_printf("llmd: trusts %s\n", trust->keys[i].name);
}

/* The first disk with a store image. */
static void
find_store(void)
{
    struct exo_device_info info;
    struct why why = {"the machine has no disk"};
    for (uint32_t slot = EXO_BOOT_DEVICE; slot < EXO_BOOT_DEVICE + DEVICES; slot++)
        if (exo_device_info(slot, &info) == EXO_OK && info.type == TYPE_BLOCK &&
            disk_open(&disk, slot, EVENT_DISK, &why))
            return;
    die("store", why.text);
}

static void
open_bundle(struct files *files)
{
    static struct bundle bundle;
    static struct trust trust;
    char name[MANIFEST_NAME_BYTES] = "default";
    const struct bundle_loader loader = {
        .store = &disk.image.store,
        .trust = &trust,
        .allow_unsigned = rt_option_number("llmd.unsigned", 0) != 0,
        .context = files,
        .report = report,
        .accept = accept_bundle,
        .load = load_files,
    };
    struct why why;
    read_trust(&trust);
    find_store();
    hash_use(rt_machine.features & EXO_FEATURE_SHA256 ? &hash_arm : &hash_portable);
    (void)rt_option("llmd.bundle", name, sizeof(name));
    if (!bundle_open(&loader, name, BUNDLE_NEWEST, &bundle))
        die(name, "no generation of this bundle can be served");
    if (files->generation != bundle.manifest.generation && !load_files(files, &bundle, &why))
        die(name, why.text);
}

/* From the boot image if it carries a model itself, or else from the store. */
static void
find_files(struct files *files)
{
    if (module_file("model.bin", &files->checkpoint)) {
        rt_printf("llmd: the model is from the boot image, NOT SIGNED BY ANYBODY\n");
        if (!module_file("tokenizer.bin", &files->tokenizer))
            die("tokenizer.bin", "not in the boot image, beside model.bin");
    } else {
        open_bundle(files);
    }
}

static void
open_model(void)
{
    struct engine_error error = {""};
    const struct engine_options options = {.batch = STEP_TOKENS};
    struct files files = {0};
    find_files(&files);
    if (!model_open(&model, &files.checkpoint, &files.tokenizer, &options, &error))
        die("model", error.text);
    const struct engine_shape *shape = &model.shape.shape;
    (void)snprintf(description, sizeof(description),
                   "\"model\":\"%s\",\"generation\":%lld,\"dim\":%u,\"layers\":%u,"
                   "\"vocabulary\":%u,\"context\":%u",
                   model.shape.kind, (long long)files.generation, shape->dim, shape->layers,
                   shape->vocabulary, shape->context);
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
        die("model", error.text);
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
    metrics_put(text, "store_bytes_read_total", "counter", "bytes read from the store",
                disk.bytes_read);
    metrics_put(text, "store_retries_total", "counter", "reads that the disk failed, tried again",
                disk.blk.retried);
    metrics_put(text, "store_errors_total", "counter", "reads that it failed for good",
                disk.blk.failed);
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

/* What to type on the host, if whoever started the machine said where it reaches us. */
static void
print_examples(void)
{
    char url[64];
    if (rt_option("llmd.url", url, sizeof(url)))
        rt_printf("llmd: try  curl -fsS %s/health\n"
                  "llmd: try  curl -fsS -X POST --data \"Once upon a time\" %s/completion\n"
                  "llmd: try  curl -fsS %s/metrics\n",
                  url, url, url);
}

static void
announce(void)
{
    static bool announced;
    if (!announced && stack_is_up(&stack)) {
        announced = true;
        const uint8_t *ip = (const uint8_t *)&netif_ip4_addr(&stack.netif)->addr;
        rt_printf("llmd: serving at http://%u.%u.%u.%u:%u/\n", ip[0], ip[1], ip[2], ip[3],
                  HTTP_PORT);
        print_examples();
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
        int64_t err = stack.nic.rx.error != EXO_OK ? stack.nic.rx.error : stack.nic.tx.error;
        if (err != EXO_OK)
            die("network", exo_error_text(err));
        if (frames == 0 && !busy)
            stack_wait(&stack, 0, EXO_FOREVER);
    }
}

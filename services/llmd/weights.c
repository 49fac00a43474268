/* Where the files of the model are, and whether they may be served. */
#include "weights.h"

#include "shortage.h"

#include <engine/gguf.h>
#include <model/shape.h>
#include <pager/payloads.h>
#include <rt/again.h>
#include <rt/console.h>
#include <rt/module.h>
#include <rt/service.h>
#include <rt/start.h>
#include <rt/sync.h>
#include <sched/timer.h>

#define TYPE_BLOCK 2u
#define DEVICES    32u
#define WORD_BYTES 48u

static const char *program; /* whose words and lines these are */
static struct disk disk;
static struct trust trust;
static struct bundle bundle;
static struct payloads payloads;
static char name[MANIFEST_NAME_BYTES] = "default";
static int64_t below = BUNDLE_NEWEST; /* generations that were not tried; 0: there are none */
static bool have_disk, mapped;        /* `payloads` are those of `bundle` */
static bool has_begun;                /* a model was served */
static bool disk_failed;              /* also one that was closed since */
static struct pager_counts before;    /* of the generations that are gone */
static struct mutex counting; /* before whoever counts: `mapped`, `before` change together */

/* What the disk did not read may be there the next time; all else that is missing at the start will
 * be missing then. */
int
weights_exit_code(void)
{
    disk_failed |= disk.blk.failed > 0 || (have_disk && disk.blk.vq.error != EXO_OK);
    return has_begun || disk_failed ? 1 : RT_EXIT_REFUSED;
}

static _Noreturn void
die(const char *what, const char *why)
{
    rt_printf("%s: %s: %s\n", program, what, why);
    rt_exit(weights_exit_code());
}

static bool
module_file(const char *module_name, struct model_file *file)
{
    struct rt_module module;
    bool found = rt_module_find(module_name, &module);
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
        [BUNDLE_UNSIGNED] = "opened",
        [BUNDLE_NONE] = "nothing to serve",
    };
    char generation[24] = ""; /* none of them: it has no number */
    (void)context;
    if (event->verdict != BUNDLE_NONE)
        (void)rt_format(generation, sizeof(generation), "/%lld", (long long)event->generation);
    rt_printf("%s: bundle %s%s: %s: %s\n", program, event->name, generation,
              verdicts[event->verdict], event->text);
}

/* --- Mapping ---------------------------------------------------------------------------------- */

/* Of all generations; of blocks in memory, of what is mapped. */
static struct pager_counts
counts_so_far(void)
{
    struct pager_counts counts = mapped ? pager_counts(&payloads.pager) : (struct pager_counts){0};
    counts.faults += before.faults;
    counts.blocks_read += before.blocks_read;
    counts.blocks_ahead += before.blocks_ahead;
    counts.blocks_forgotten += before.blocks_forgotten;
    counts.bytes_verified += before.bytes_verified;
    return counts;
}

static void
unmap(void)
{
    mutex_lock(&counting);
    before = counts_so_far();
    mapped = false;
    mutex_unlock(&counting);
    payloads_close(&payloads);
    (void)rt_reap(EXO_BOOT_CELL); /* what ends in steps ends now */
}

void
weights_say_shortage(uint64_t bytes)
{
    static uint64_t said;
    char text[160];
    if (bytes <= said)
        return;
    said = bytes;
    shortage_text(text, sizeof(text), rt_machine.frames, rt_frames_free(), bytes);
    rt_printf("%s: %s\n", program, text);
}

/* No older generation is served because there is too little memory for a newer one. */
static _Noreturn void
die_of_shortage(const struct manifest *manifest, const struct why *why)
{
    rt_printf("%s: bundle %s/%lld: too little memory for it: %s\n", program, name,
              (long long)manifest->generation, why->text);
    weights_say_shortage(manifest->verify == MANIFEST_EAGER
                             ? manifest_leaves(manifest) * TREE_BLOCK_BYTES
                             : EXO_BLOCK_PAGES * EXO_PAGE_BYTES);
    rt_exit(weights_exit_code());
}

static void
map(struct bundle *opened)
{
    struct why why;
    if (!payloads_open(&payloads, &disk, opened, &why))
        die_of_shortage(&opened->manifest, &why);
    mapped = true;
    if (opened->manifest.verify == MANIFEST_ON_FAULT)
        payloads_may_forget(
            &payloads, (size_t)manifest_find(&opened->manifest, opened->manifest.model.weights));
}

/* Weights and tokenizer. */
static bool
touch_files(const struct manifest *manifest, struct why *why)
{
    int weights = manifest_find(manifest, manifest->model.weights);
    int tokenizer = manifest_find(manifest, manifest->model.tokenizer);
    return pager_touch_all(&payloads.pager, (size_t)weights, why) &&
           (tokenizer == weights || pager_touch_all(&payloads.pager, (size_t)tokenizer, why));
}

/* The hook of eager verification. */
static bool
load_bundle(void *context, struct bundle *opened, struct why *why)
{
    (void)context;
    if (!opened->manifest.has_model)
        return why_set(why, "it is no model");
    map(opened);
    if (touch_files(&opened->manifest, why))
        return true;
    if (!pager_is_failed(&payloads.pager, NULL) || pager_is_short(&payloads.pager))
        die_of_shortage(&opened->manifest, why); /* or for want of tables */
    unmap();
    return false;
}

/* ... and of both: what is not mapped by now is verified when it is touched. */
static bool
accept_bundle(void *context, struct bundle *opened, struct why *why)
{
    (void)context;
    bool fine = opened->manifest.has_model || why_set(why, "it is no model");
    fine = fine && shape_check(opened, why);
    if (fine && !mapped)
        map(opened);
    if (!fine && mapped)
        unmap();
    return fine;
}

/* --- The store -------------------------------------------------------------------------------- */

static void
read_trust(void)
{
    struct model_file file;
    struct why why;
    if (!module_file("trust", &file))
        die("trust", "the boot image has no trust root");
    if (!trust_read("trust", file.bytes, file.count, &trust, &why))
        die("trust", why.text);
    for (size_t i = 0; i < trust.count; i++)
        rt_printf("%s: trusts %s\n", program, trust.keys[i].name);
}

/* The first disk with a store image. */
static void
find_store(void)
{
    uint64_t event = sched_event_take();
    struct exo_device_info info;
    struct why why = {"the machine has no disk"};
    for (uint32_t slot = EXO_BOOT_DEVICE; slot < EXO_BOOT_DEVICE + DEVICES && !have_disk; slot++) {
        have_disk = exo_device_info(slot, &info) == EXO_OK && info.type == TYPE_BLOCK &&
                    disk_open(&disk, slot, event, &why);
        disk_failed |= disk.blk.failed > 0;
    }
    if (!have_disk)
        die("store", why.text);
}

/* Before the first generation; and a queue that broke is opened anew. */
static void
look_at_store(void)
{
    if (have_disk && disk.blk.vq.error != EXO_OK) {
        rt_printf("%s: the disk is started anew: %s\n", program, exo_error_text(disk.blk.vq.error));
        disk_close(&disk);
        have_disk = false;
        disk_failed = true;
    } else if (!have_disk) {
        read_trust();
        hash_use(rt_machine.features & EXO_FEATURE_SHA256 ? &hash_arm : &hash_portable);
        char word[WORD_BYTES];
        (void)rt_format(word, sizeof(word), "%s.bundle", program);
        (void)rt_option(word, name, sizeof(name));
    }
    find_store();
}

static struct model_file
payload_file(const char *path)
{
    size_t number = (size_t)manifest_find(&bundle.manifest, path);
    return (struct model_file){payloads_at(&payloads, number),
                               (uint64_t)bundle.manifest.payloads[number].bytes};
}

static bool
open_bundle(struct files *files)
{
    const char *layout = bundle.manifest.layout;
    char word[WORD_BYTES];
    look_at_store();
    (void)rt_format(word, sizeof(word), "%s.unsigned", program);
    const struct bundle_loader loader = {
        .store = &disk.image.store,
        .trust = &trust,
        .allow_unsigned = rt_option_number(word, 0) != 0,
        .report = report,
        .accept = accept_bundle,
        .load = load_bundle,
    };
    if (!bundle_open(&loader, name, below, &bundle))
        return false;
    *files = (struct files){.checkpoint = payload_file(bundle.manifest.model.weights),
                            .tokenizer = payload_file(bundle.manifest.model.tokenizer),
                            .generation = bundle.manifest.generation,
                            .on_fault = bundle.manifest.verify != MANIFEST_EAGER,
                            .layout = layout[0] != '\0' ? layout : NULL,
                            .unpacked_bytes = (uint64_t)bundle.manifest.model.unpacked_bytes};
    return true;
}

void
weights_begin(const char *name_of_program)
{
    program = name_of_program;
}

bool
weights_find(struct files *files)
{
    *files = (struct files){.generation = 0};
    if (below == 0)
        return false;
    if (!module_file("model.bin", &files->checkpoint))
        return open_bundle(files);
    rt_printf("%s: the model is from the boot image, NOT SIGNED BY ANYBODY\n", program);
    if (!module_file("tokenizer.bin", &files->tokenizer) &&
        !engine_is_gguf(files->checkpoint.bytes, files->checkpoint.count))
        die("tokenizer.bin", "not in the boot image, beside model.bin");
    return true;
}

void
weights_served(void)
{
    has_begun = true;
}

const char *
weights_name(void)
{
    return name;
}

void
weights_refuse(const char *why)
{
    if (!mapped) {
        rt_printf("%s: the model of the boot image: rejected: %s\n", program, why);
        below = 0;
        return;
    }
    if (weights_is_short()) {
        weights_reopen(why);
        return;
    }
    below = bundle.manifest.generation;
    report(NULL, &(struct bundle_event){name, below, BUNDLE_REJECTED, why});
    unmap();
    bundle_close(&bundle);
}

void
weights_reopen(const char *why)
{
    if (!mapped)
        return;
    rt_printf("%s: bundle %s/%lld: opened anew: %s\n", program, name,
              (long long)bundle.manifest.generation, why);
    unmap();
    bundle_close(&bundle);
}

bool
weights_is_short(void)
{
    return mapped && pager_is_short(&payloads.pager);
}

void
weights_limit(void)
{
    uint64_t bytes = rt_frames_free() / 16 * EXO_PAGE_BYTES;
    if (mapped)
        payloads_limit(&payloads, (uint32_t)(bytes / TREE_BLOCK_BYTES));
}

uint64_t
weights_give(uint64_t frames, uint32_t keep)
{
    uint64_t blocks = mapped ? manifest_leaves(&bundle.manifest) : 0;
    uint64_t given = mapped ? payloads_give(&payloads, frames, blocks * keep / 1000) : 0;
    (void)rt_reap(EXO_BOOT_CELL);
    return given;
}

const char *
weights_lost(void)
{
    return mapped && pager_is_failed(&payloads.pager, NULL) ? payloads.pager.why.text : NULL;
}

void
weights_count(struct metrics_text *text, void *context)
{
    (void)context;
    mutex_lock(&counting);
    struct pager_counts counts = counts_so_far();
    uint32_t whole = mapped ? payloads_whole(&payloads) : 0;
    mutex_unlock(&counting);
    metrics_put(text, "store_bytes_read_total", "counter", "bytes read from the store",
                disk.bytes_read);
    metrics_put(text, "store_retries_total", "counter", "reads that the disk failed, tried again",
                disk.blk.retried);
    metrics_put(text, "store_errors_total", "counter", "reads that it failed for good",
                disk.blk.failed);
    metrics_put(text, "pager_faults_total", "counter", "blocks of payloads that were touched",
                counts.faults);
    metrics_put(text, "pager_blocks_read_total", "counter", "blocks read from the store",
                counts.blocks_read);
    metrics_put(text, "pager_blocks_ahead_total", "counter",
                "blocks that were asked for before they were touched", counts.blocks_ahead);
    metrics_put(text, "pager_blocks_forgotten_total", "counter",
                "blocks whose memory was taken for others", counts.blocks_forgotten);
    metrics_put(text, "pager_bytes_verified_total", "counter", "bytes whose hash was right",
                counts.bytes_verified);
    metrics_put(text, "pager_resident_pages", "gauge", "pages of payloads in memory",
                counts.blocks_held * (TREE_BLOCK_BYTES / EXO_PAGE_BYTES));
    metrics_put(text, "pager_large_mappings", "gauge",
                "mappings of 2 MiB that show payloads; what is not in them is in pages of 4 KiB",
                whole);
}

/* Where the files of the model are, and whether they may be served. */
#include "weights.h"

#include "disk.h"
#include "service.h"

#include <model/shape.h>
#include <rt/console.h>
#include <rt/module.h>
#include <rt/start.h>

#define EVENT_DISK 2u
#define TYPE_BLOCK 2u
#define DEVICES    32u

static struct disk disk;

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
        service_die("trust", "the boot image has no trust root");
    if (!trust_read("trust", file.bytes, file.count, trust, &why))
        service_die("trust", why.text);
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
    service_die("store", why.text);
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
        service_die(name, "no generation of this bundle can be served");
    if (files->generation != bundle.manifest.generation && !load_files(files, &bundle, &why))
        service_die(name, why.text);
}

/* From the boot image if it carries a model itself, or else from the store. */
void
weights_find(struct files *files)
{
    if (module_file("model.bin", &files->checkpoint)) {
        rt_printf("llmd: the model is from the boot image, NOT SIGNED BY ANYBODY\n");
        if (!module_file("tokenizer.bin", &files->tokenizer))
            service_die("tokenizer.bin", "not in the boot image, beside model.bin");
    } else {
        open_bundle(files);
    }
}

void
weights_count(struct metrics_text *text, void *context)
{
    (void)context;
    metrics_put(text, "store_bytes_read_total", "counter", "bytes read from the store",
                disk.bytes_read);
    metrics_put(text, "store_retries_total", "counter", "reads that the disk failed, tried again",
                disk.blk.retried);
    metrics_put(text, "store_errors_total", "counter", "reads that it failed for good",
                disk.blk.failed);
}

/*
 * Any text as a manifest: the signature's lines, the manifest itself, and the loader on it when no
 * signature is needed. What is accepted keeps what manifest.h promises.
 *
 * config: runs=400000 max_len=2048
 */
#include <stdlib.h>
#include <string.h>

#include <model/bundle.h>

static void
require(bool condition)
{
    if (!condition)
        abort();
}

static void
check(const struct manifest *manifest)
{
    require(!manifest_check_name(manifest->name) && manifest->generation >= 1);
    require(manifest->payload_count >= 1 && manifest->payload_count <= MANIFEST_PAYLOADS_MAX);
    for (size_t i = 0; i < manifest->payload_count; i++) {
        const struct manifest_payload *payload = &manifest->payloads[i];
        require(!manifest_check_path(payload->path) && !strchr(payload->path, '/'));
        require(payload->bytes >= 1 && payload->bytes <= MANIFEST_PAYLOAD_MAX);
        require(manifest_find(manifest, payload->path) == (int)i);
    }
    if (manifest->kind == MANIFEST_MODEL) {
        require(manifest_find(manifest, manifest->model.weights) >= 0);
        require(manifest_find(manifest, manifest->model.tokenizer) >= 0);
        require(manifest->model.dim % manifest->model.heads == 0);
    }
}

/* A store whose only file is the input. */
struct input {
    struct store store;
    const uint8_t *data;
    size_t size;
};

static bool
newest(struct store *store, const char *name, int64_t below, int64_t *generation)
{
    (void)store;
    (void)name;
    *generation = 1;
    return below > 1;
}

static bool
open_file(struct store *store, const char *name, int64_t generation, const char *file,
          struct store_file *opened)
{
    (void)name;
    (void)generation;
    opened->bytes = ((struct input *)store)->size;
    return strcmp(file, MANIFEST_FILE) == 0;
}

static void
close_file(struct store *store, struct store_file *file)
{
    (void)store;
    (void)file;
}

static bool
read_file(struct store *store, const struct store_file *file, uint64_t offset, void *to,
          size_t bytes)
{
    const struct input *input = (struct input *)store;
    require(offset + bytes <= file->bytes && file->bytes == input->size);
    memcpy(to, input->data + offset, bytes);
    return true;
}

static void
ignore(void *context, const struct bundle_event *event)
{
    (void)context;
    require(event->text[0] != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct trust trust = {.count = 1}; /* a key that cannot be one */
    struct input input = {{newest, open_file, close_file, read_file}, data, size};
    const struct bundle_loader loader = {
        .store = &input.store, .trust = &trust, .allow_unsigned = true, .report = ignore};
    struct manifest manifest;
    struct bundle bundle;
    struct why why;
    if (manifest_read((const char *)data, size, &manifest, &why))
        check(&manifest);
    else
        require(why.text[0] != 0);
    require(!bundle_open(&loader, "small", BUNDLE_NEWEST, &bundle)); /* it has no leaves */
    return 0;
}

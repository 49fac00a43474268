/* From the newest generation to the first that verifies. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <model/bundle.h>

/* One generation that is being tried. */
struct attempt {
    const struct bundle_loader *loader;
    const char *name;
    int64_t generation;
    struct bundle *bundle;
    size_t opened; /* payloads */
    struct why why;
};

static void
report(const struct bundle_loader *loader, const char *name, int64_t generation,
       enum bundle_verdict verdict, const char *text)
{
    struct bundle_event event = {name, generation, verdict, text};
    loader->report(loader->context, &event);
}

/* The bytes of an open file in memory that the caller frees; NULL with the reason. */
static void *
read_open_file(struct attempt *attempt, const char *path, const struct store_file *file,
               uint64_t most)
{
    struct store *store = attempt->loader->store;
    if (file->bytes > most) {
        why_set(&attempt->why, "%s: %llu bytes, more than %llu", path,
                (unsigned long long)file->bytes, (unsigned long long)most);
        return NULL;
    }
    void *memory = malloc((size_t)store_round_up(file->bytes + 1));
    if (!memory) {
        why_set(&attempt->why, "%s: no memory", path);
    } else if (!store->read(store, file, 0, memory, (size_t)file->bytes)) {
        why_set(&attempt->why, "%s: cannot be read", path);
        free(memory);
        memory = NULL;
    }
    return memory;
}

static void *
read_file(struct attempt *attempt, const char *path, uint64_t most, size_t *bytes)
{
    struct store *store = attempt->loader->store;
    struct store_file file;
    if (!store->open(store, attempt->name, attempt->generation, path, &file)) {
        why_set(&attempt->why, "%s: no such file", path);
        return NULL;
    }
    void *memory = read_open_file(attempt, path, &file, most);
    *bytes = (size_t)file.bytes;
    store->close(store, &file);
    return memory;
}

/* The signature comes first: nothing that nobody signed is interpreted. */
static bool
check_manifest(struct attempt *attempt, const char *text, size_t bytes)
{
    struct bundle *bundle = attempt->bundle;
    struct manifest *manifest = &bundle->manifest;
    struct why *why = &attempt->why;
    size_t signed_bytes = bytes;
    enum signature_result result =
        signature_check(text, bytes, attempt->loader->trust, &signed_bytes, &bundle->key, why);
    if (result == SIGNATURE_BAD ||
        (result == SIGNATURE_ABSENT && !attempt->loader->allow_unsigned) ||
        !manifest_read(text, signed_bytes, manifest, why))
        return false;
    if (strcmp(manifest->name, attempt->name) != 0 || manifest->generation != attempt->generation)
        return why_set(why, "%s: it is the manifest of %s/%lld", MANIFEST_FILE, manifest->name,
                       (long long)manifest->generation);
    return true;
}

static bool
load_manifest(struct attempt *attempt)
{
    size_t bytes;
    char *text = read_file(attempt, MANIFEST_FILE, MANIFEST_BYTES_MAX, &bytes);
    bool fine = text && check_manifest(attempt, text, bytes);
    free(text);
    return fine;
}

/* The leaves are as good as the signature once the roots over them are those of the manifest. */
static bool
load_leaves(struct attempt *attempt)
{
    struct bundle *bundle = attempt->bundle;
    uint64_t count = manifest_leaves(&bundle->manifest), first = 0;
    uint8_t root[HASH_BYTES];
    size_t bytes;
    bundle->leaves = read_file(attempt, MANIFEST_LEAVES_FILE, count * HASH_BYTES, &bytes);
    if (!bundle->leaves)
        return false;
    if (bytes != count * HASH_BYTES)
        return why_set(&attempt->why, "%s: %zu bytes, %llu leaves have %llu", MANIFEST_LEAVES_FILE,
                       bytes, (unsigned long long)count, (unsigned long long)count * HASH_BYTES);
    for (size_t i = 0; i < bundle->manifest.payload_count; i++) {
        const struct manifest_payload *payload = &bundle->manifest.payloads[i];
        uint64_t blocks = tree_blocks((uint64_t)payload->bytes);
        tree_root((const uint8_t(*)[HASH_BYTES])bundle->leaves + first, blocks, root);
        if (memcmp(root, payload->root, HASH_BYTES) != 0)
            return why_set(&attempt->why,
                           "%s: the leaves of %s do not give the root that was signed",
                           MANIFEST_LEAVES_FILE, payload->path);
        bundle->first_leaf[i] = first;
        first += blocks;
    }
    return true;
}

static bool
open_payloads(struct attempt *attempt)
{
    struct bundle *bundle = attempt->bundle;
    struct store *store = bundle->store;
    for (size_t i = 0; i < bundle->manifest.payload_count; i++) {
        const struct manifest_payload *payload = &bundle->manifest.payloads[i];
        if (!store->open(store, attempt->name, attempt->generation, payload->path,
                         &bundle->files[i]))
            return why_set(&attempt->why, "%s: no such file", payload->path);
        attempt->opened++;
        if (bundle->files[i].bytes != (uint64_t)payload->bytes)
            return why_set(&attempt->why, "%s: %llu bytes, the manifest says %lld", payload->path,
                           (unsigned long long)bundle->files[i].bytes, (long long)payload->bytes);
    }
    return true;
}

/* Every block of every payload, through a buffer that nobody looks into. */
static bool
check_all_blocks(struct bundle *bundle, struct why *why)
{
    void *block = malloc(TREE_BLOCK_BYTES);
    enum bundle_block result = BUNDLE_BLOCK_GOOD;
    if (!block)
        return why_set(why, "no memory for a block");
    for (size_t i = 0; i < bundle->manifest.payload_count && result == BUNDLE_BLOCK_GOOD; i++) {
        uint64_t blocks = tree_blocks((uint64_t)bundle->manifest.payloads[i].bytes), index = 0;
        while (index < blocks && result == BUNDLE_BLOCK_GOOD)
            result = bundle_read_block(bundle, i, index++, block);
        if (result == BUNDLE_BLOCK_UNREADABLE)
            why_set(why, "%s: block %llu cannot be read", bundle->manifest.payloads[i].path,
                    (unsigned long long)index - 1);
    }
    free(block);
    bundle_is_demoted(bundle, why);
    return result == BUNDLE_BLOCK_GOOD;
}

static bool
verify_payloads(struct attempt *attempt)
{
    const struct bundle_loader *loader = attempt->loader;
    if (attempt->bundle->manifest.verify != MANIFEST_EAGER)
        return true;
    if (loader->load)
        return loader->load(loader->context, attempt->bundle, &attempt->why);
    return check_all_blocks(attempt->bundle, &attempt->why);
}

static bool
try_generation(struct attempt *attempt)
{
    const struct bundle_loader *loader = attempt->loader;
    memset(attempt->bundle, 0, sizeof(*attempt->bundle));
    attempt->bundle->store = loader->store;
    return load_manifest(attempt) && load_leaves(attempt) && open_payloads(attempt) &&
           verify_payloads(attempt) && !bundle_is_demoted(attempt->bundle, &attempt->why) &&
           (!loader->accept || loader->accept(loader->context, attempt->bundle, &attempt->why));
}

static void
close_files(struct bundle *bundle, size_t opened)
{
    while (opened-- > 0)
        bundle->store->close(bundle->store, &bundle->files[opened]);
    free(bundle->leaves);
    bundle->leaves = NULL;
}

static void
report_opened(const struct attempt *attempt)
{
    const struct bundle *bundle = attempt->bundle;
    const char *how = bundle->manifest.verify == MANIFEST_EAGER
                          ? "verified eagerly"
                          : "verified block by block on fault";
    struct why text;
    if (bundle->key)
        why_set(&text, "signed by %s, %s, %zu payloads in %llu blocks", bundle->key->name, how,
                bundle->manifest.payload_count,
                (unsigned long long)manifest_leaves(&bundle->manifest));
    else
        why_set(&text, "NOT SIGNED BY ANYBODY, %s", how);
    report(attempt->loader, attempt->name, attempt->generation,
           bundle->key ? BUNDLE_OPENED : BUNDLE_UNSIGNED, text.text);
}

bool
bundle_open(const struct bundle_loader *loader, const char *name, int64_t below,
            struct bundle *bundle)
{
    struct store *store = loader->store;
    struct attempt attempt = {.loader = loader, .name = name, .bundle = bundle};
    unsigned tried = 0;
    for (; store->newest(store, name, below, &attempt.generation); tried++) {
        attempt.opened = 0;
        why_set(&attempt.why, "refused by its owner");
        if (try_generation(&attempt)) {
            report_opened(&attempt);
            return true;
        }
        close_files(bundle, attempt.opened);
        report(loader, name, attempt.generation, BUNDLE_REJECTED, attempt.why.text);
        below = attempt.generation;
    }
    if (tried > 0)
        why_set(&attempt.why, "none of the %u generations that are left can be used", tried);
    else
        why_set(&attempt.why, "there is no generation to try");
    report(loader, name, 0, BUNDLE_NONE, attempt.why.text);
    return false;
}

void
bundle_close(struct bundle *bundle)
{
    close_files(bundle, bundle->manifest.payload_count);
}

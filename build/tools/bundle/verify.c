/*
 * Checks a generation, or all that are in a store image: by the loader, and what the loader leaves
 * to its owner, the SHA-256 of each payload, the model's shape and its vocabulary.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <model/bundle.h>
#include <model/image.h>
#include <model/shape.h>

#include "folder.h"
#include "tool.h"

/* A store as it is, but for generations other than one. */
struct single {
    struct store store;
    struct store *all;
    int64_t generation;
};

static bool
single_newest(struct store *store, const char *name, int64_t below, int64_t *generation)
{
    (void)name;
    *generation = ((struct single *)store)->generation;
    return *generation < below;
}

static bool
single_open(struct store *store, const char *name, int64_t generation, const char *file,
            struct store_file *opened)
{
    struct store *all = ((struct single *)store)->all;
    return all->open(all, name, generation, file, opened);
}

static void
single_close(struct store *store, struct store_file *file)
{
    struct store *all = ((struct single *)store)->all;
    all->close(all, file);
}

static bool
single_read(struct store *store, const struct store_file *file, uint64_t offset, void *to,
            size_t bytes)
{
    struct store *all = ((struct single *)store)->all;
    return all->read(all, file, offset, to, bytes);
}

static void
print_event(void *context, const struct bundle_event *event)
{
    (void)context;
    if (event->verdict == BUNDLE_REJECTED)
        fprintf(stderr, "bundle: %s/%lld: %s\n", event->name, (long long)event->generation,
                event->text);
    else if (event->verdict != BUNDLE_NONE)
        printf("%s/%lld: %s\n", event->name, (long long)event->generation, event->text);
}

/* Every block of a payload, whatever the manifest says about when; and the digest of them all. */
static bool
check_payload(struct bundle *bundle, size_t index, struct why *why)
{
    static uint8_t block[TREE_BLOCK_BYTES];
    const struct manifest_payload *payload = &bundle->manifest.payloads[index];
    uint64_t bytes = (uint64_t)payload->bytes;
    uint8_t digest[HASH_BYTES];
    struct hash hash;
    hash_begin(&hash);
    for (uint64_t i = 0; i < tree_blocks(bytes); i++) {
        if (bundle_read_block(bundle, index, i, block) != BUNDLE_BLOCK_GOOD)
            return bundle_is_demoted(bundle, why)
                       ? false
                       : why_set(why, "%s: cannot be read", payload->path);
        hash_add(&hash, block, tree_block_bytes(bytes, i));
    }
    hash_end(&hash, digest);
    return memcmp(digest, payload->sha256, HASH_BYTES) == 0 ||
           why_set(why, "%s: its SHA-256 is not the manifest's", payload->path);
}

/* Reads blocks up to that one; what the engine does not look at, the data of GGUF, is not read. */
static bool
read_blocks(struct bundle *bundle, size_t index, uint8_t *to, uint64_t from, uint64_t end,
            struct why *why)
{
    for (uint64_t i = from; i < end; i++)
        if (bundle_read_block(bundle, index, i, to + i * TREE_BLOCK_BYTES) != BUNDLE_BLOCK_GOOD)
            return why_set(why, "%s: cannot be read", bundle->manifest.payloads[index].path);
    return true;
}

/* A vocabulary beside the weights is read whole, one in a GGUF file as far as that describes
 * itself.
 */
static bool
check_read_words(struct bundle *bundle, uint8_t *file, size_t index, uint64_t bytes,
                 struct why *why)
{
    const struct manifest_model *model = &bundle->manifest.model;
    uint64_t all = tree_blocks(bytes), blocks = 0, end;
    uint64_t file_bytes = model->unpacked_bytes != 0 ? (uint64_t)model->unpacked_bytes : bytes;
    bool inside = strcmp(model->weights, model->tokenizer) == 0;
    struct manifest_model shape;
    struct why reason;
    do {
        end = inside && 2 * blocks + 1 < all ? 2 * blocks + 1 : all;
        if (!read_blocks(bundle, index, file, blocks, end, why))
            return false;
        blocks = end;
    } while (blocks < all && shape_read(file, blocks * TREE_BLOCK_BYTES, file_bytes, &shape,
                                        &reason) == SHAPE_NEEDS_MORE);
    return check_vocabulary(file, bytes, (uint32_t)model->vocabulary, &reason) ||
           why_set(why, "%s: %.200s", model->tokenizer, reason.text);
}

/* Where it would lie in memory; pages that nobody fills are not there. */
static bool
check_tokenizer(struct bundle *bundle, struct why *why)
{
    const struct manifest *manifest = &bundle->manifest;
    if (!manifest->has_model)
        return true;
    size_t index = (size_t)manifest_find(manifest, manifest->model.tokenizer);
    uint64_t bytes = (uint64_t)manifest->payloads[index].bytes;
    size_t room = tree_blocks(bytes) * TREE_BLOCK_BYTES;
    uint8_t *file = mmap(NULL, room, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (file == MAP_FAILED)
        return why_set(why, "%s: no addresses for it", manifest->model.tokenizer);
    bool fine = check_read_words(bundle, file, index, bytes, why);
    (void)munmap(file, room);
    return fine;
}

static bool
check_all(void *context, struct bundle *bundle, struct why *why)
{
    (void)context;
    for (size_t i = 0; i < bundle->manifest.payload_count; i++)
        if (!check_payload(bundle, i, why))
            return false;
    return shape_check(bundle, why) && check_tokenizer(bundle, why);
}

/* `load` is not NULL, so that an eager bundle is read once: by check_all. */
static bool
load_nothing(void *context, struct bundle *bundle, struct why *why)
{
    (void)context;
    (void)bundle;
    (void)why;
    return true;
}

static bool
verify_one(struct store *all, const char *name, int64_t generation, const struct trust *trust)
{
    struct bundle bundle;
    struct single single = {
        .store = {single_newest, single_open, single_close, single_read},
        .all = all,
        .generation = generation,
    };
    const struct bundle_loader loader = {.store = &single.store,
                                         .trust = trust,
                                         .report = print_event,
                                         .accept = check_all,
                                         .load = load_nothing};
    bool fine = bundle_open(&loader, name, BUNDLE_NEWEST, &bundle);
    if (fine)
        bundle_close(&bundle);
    return fine;
}

/* A file as the device that holds an image. */
struct file_device {
    struct image_device device;
    int descriptor;
};

static bool
file_device_read(struct image_device *device, uint64_t offset, void *to, size_t bytes)
{
    int descriptor = ((struct file_device *)device)->descriptor;
    return pread(descriptor, to, bytes, (off_t)offset) == (ssize_t)bytes;
}

static bool
verify_image(const char *path, uint64_t bytes, const struct trust *trust)
{
    struct file_device device = {{bytes, file_device_read}, open(path, O_RDONLY | O_CLOEXEC)};
    struct image image;
    struct why why;
    bool fine = true;
    if (device.descriptor < 0)
        fail("%s: %s", path, strerror(errno));
    if (!image_open(&image, &device.device, &why))
        fail("%s: %s", path, why.text);
    for (uint32_t i = 0; i < image.entry_count; i++) {
        const struct image_entry *entry = &image.entries[i];
        if (strcmp(entry->path, MANIFEST_FILE) == 0)
            fine &= verify_one(&image.store, entry->name, (int64_t)entry->generation, trust);
    }
    image_close(&image);
    close(device.descriptor);
    return fine;
}

static bool
verify_folder(const char *path, const struct trust *trust)
{
    struct generation generation;
    struct folder folder;
    parse_generation_path(path, &generation);
    folder_open(&folder, generation.store);
    return verify_one(&folder.store, generation.name, generation.number, trust);
}

void
command_verify(struct arguments *arguments)
{
    struct trust trust;
    struct stat status;
    read_trust(need_option(arguments, "--trust"), &trust);
    check_words(arguments, 1, 1);
    const char *path = arguments->words[0];
    if (stat(path, &status) != 0)
        fail("%s: %s", path, strerror(errno));
    if (!(S_ISDIR(status.st_mode) ? verify_folder(path, &trust)
                                  : verify_image(path, (uint64_t)status.st_size, &trust)))
        exit(1);
}

/*
 * Packs generations into a store image. The same files give the same bytes, in whatever order they
 * are named. Signatures are not looked at: a corrupt generation can be packed, for tests of those
 * who read it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <model/image.h>

#include "tool.h"

/* A file that goes into the image. */
struct source {
    struct image_entry entry;
    char path[PATH_MAX];
};

struct packing {
    struct source *sources;
    uint32_t count;
};

static void
add_file(struct packing *packing, const struct generation *generation, const char *file)
{
    struct stat status;
    if (packing->count == IMAGE_ENTRIES_MAX)
        fail("%s: more than %u files", generation->name, IMAGE_ENTRIES_MAX);
    packing->sources =
        realloc(packing->sources, (packing->count + 1) * sizeof(packing->sources[0]));
    if (!packing->sources)
        fail("no memory");
    struct source *source = &packing->sources[packing->count++];
    memset(source, 0, sizeof(*source));
    if (snprintf(source->path, sizeof(source->path), "%s/%s/%lld/%s", generation->store,
                 generation->name, (long long)generation->number, file) >= PATH_MAX)
        fail("%s: the path is too long", source->path);
    if (stat(source->path, &status) != 0)
        fail("%s: %s", source->path, strerror(errno));
    snprintf(source->entry.name, sizeof(source->entry.name), "%s", generation->name);
    snprintf(source->entry.path, sizeof(source->entry.path), "%s", file);
    source->entry.generation = (uint64_t)generation->number;
    source->entry.bytes = (uint64_t)status.st_size;
}

/* The manifest says which files belong to a generation. */
static void
add_generation(struct packing *packing, const char *path)
{
    char manifest_path[PATH_MAX];
    struct generation generation;
    struct manifest manifest;
    struct trust nobody = {.count = 0};
    const struct trust_key *key;
    struct why why;
    parse_generation_path(path, &generation);
    join_path(manifest_path, path, MANIFEST_FILE);
    struct bytes text = read_whole_file(manifest_path, MANIFEST_BYTES_MAX);
    size_t bytes = text.count;
    signature_check((char *)text.data, text.count, &nobody, &bytes, &key, &why);
    if (!manifest_read((char *)text.data, bytes, &manifest, &why))
        fail("%s/%s", path, why.text);
    free(text.data);
    add_file(packing, &generation, MANIFEST_FILE);
    add_file(packing, &generation, MANIFEST_LEAVES_FILE);
    for (size_t i = 0; i < manifest.payload_count; i++)
        add_file(packing, &generation, manifest.payloads[i].path);
}

static int
compare_sources(const void *one, const void *other)
{
    return image_compare(&((const struct source *)one)->entry,
                         &((const struct source *)other)->entry);
}

static uint64_t
round_up(uint64_t bytes)
{
    return (bytes + IMAGE_ALIGN_BYTES - 1) / IMAGE_ALIGN_BYTES * IMAGE_ALIGN_BYTES;
}

/* Gives each file its place; returns the length of the image. */
static uint64_t
place_files(struct packing *packing)
{
    uint64_t at = image_first_file(packing->count);
    qsort(packing->sources, packing->count, sizeof(packing->sources[0]), compare_sources);
    for (uint32_t i = 0; i < packing->count; i++) {
        struct image_entry *entry = &packing->sources[i].entry;
        if (i > 0 && compare_sources(&packing->sources[i - 1], &packing->sources[i]) == 0)
            fail("%s/%llu: given twice", entry->name, (unsigned long long)entry->generation);
        entry->offset = at;
        at = round_up(at + entry->bytes);
    }
    return at;
}

static void
digest(const void *bytes, size_t count, uint8_t to[HASH_BYTES])
{
    struct hash hash;
    hash_begin(&hash);
    hash_add(&hash, bytes, count);
    hash_end(&hash, to);
}

static void
write_padding(struct output *output, uint64_t written)
{
    static const uint8_t zeros[IMAGE_ALIGN_BYTES];
    output_write(output, zeros, (size_t)(round_up(written) - written));
}

static void
write_tables(struct output *output, const struct packing *packing, uint64_t image_bytes)
{
    size_t directory_bytes = packing->count * sizeof(struct image_entry);
    struct image_entry *directory = calloc(packing->count, sizeof(*directory));
    struct image_superblock block = {
        .version = IMAGE_VERSION, .entry_count = packing->count, .image_bytes = image_bytes};
    if (!directory)
        fail("no memory");
    for (uint32_t i = 0; i < packing->count; i++)
        directory[i] = packing->sources[i].entry;
    memcpy(block.magic, IMAGE_MAGIC, sizeof(block.magic));
    digest(directory, directory_bytes, block.directory_sha256);
    digest(&block, offsetof(struct image_superblock, sha256), block.sha256);
    output_write(output, &block, sizeof(block));
    output_write(output, directory, directory_bytes);
    write_padding(output, sizeof(block) + directory_bytes);
    free(directory);
}

static void
write_file(struct output *output, const struct source *source)
{
    static uint8_t buffer[IMAGE_ALIGN_BYTES];
    uint64_t written = 0;
    size_t bytes;
    FILE *file = fopen(source->path, "rb");
    if (!file)
        fail("%s: %s", source->path, strerror(errno));
    while ((bytes = fread(buffer, 1, sizeof(buffer), file)) > 0) {
        output_write(output, buffer, bytes);
        written += bytes;
    }
    if (written != source->entry.bytes)
        fail("%s: changed while it was read", source->path);
    fclose(file);
    write_padding(output, written);
}

void
command_pack(struct arguments *arguments)
{
    struct packing packing = {NULL, 0};
    struct output output;
    const char *image = need_option(arguments, "-o");
    check_words(arguments, 1, INT_MAX);
    for (int i = 0; i < arguments->count; i++)
        add_generation(&packing, arguments->words[i]);
    uint64_t image_bytes = place_files(&packing);
    output_begin(&output, image, 0644);
    write_tables(&output, &packing, image_bytes);
    for (uint32_t i = 0; i < packing.count; i++)
        write_file(&output, &packing.sources[i]);
    output_end(&output);
    free(packing.sources);
}

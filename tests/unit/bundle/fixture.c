/* Bundles in memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

#define SEED         7 /* of the key that is trusted: 32 bytes of it */
#define MODEL_BYTES  (2 * TREE_BLOCK_BYTES + 1000)
#define TOKENS_BYTES 700

static void
require(bool condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "fixture: %s\n", what);
        abort();
    }
}

struct fixture_file *
fixture_find(struct fixture *fixture, const char *name, int64_t generation, const char *path)
{
    for (int i = 0; i < FIXTURE_FILES; i++) {
        struct fixture_file *file = &fixture->files[i];
        if (file->generation == generation && strcmp(file->name, name) == 0 &&
            strcmp(file->path, path) == 0)
            return file;
    }
    return NULL;
}

static bool
newest(struct store *store, const char *name, int64_t below, int64_t *generation)
{
    struct fixture *fixture = (struct fixture *)store;
    *generation = 0;
    for (int i = 0; i < FIXTURE_FILES; i++) {
        const struct fixture_file *file = &fixture->files[i];
        if (file->generation > *generation && file->generation < below &&
            strcmp(file->name, name) == 0)
            *generation = file->generation;
    }
    return *generation > 0;
}

static bool
open_file(struct store *store, const char *name, int64_t generation, const char *path,
          struct store_file *opened)
{
    struct fixture *fixture = (struct fixture *)store;
    const struct fixture_file *file = fixture_find(fixture, name, generation, path);
    if (!file)
        return false;
    fixture->open_files++;
    *opened = (struct store_file){file->count, (uint64_t)(file - fixture->files)};
    return true;
}

static void
close_file(struct store *store, struct store_file *file)
{
    (void)file;
    ((struct fixture *)store)->open_files--;
}

/* Scribbles behind the end, up to where a reader must have room. */
static bool
read_file(struct store *store, const struct store_file *opened, uint64_t offset, void *to,
          size_t bytes)
{
    const struct fixture_file *file = &((struct fixture *)store)->files[opened->offset];
    require(offset % STORE_ALIGN_BYTES == 0 && offset + bytes <= file->count, "a wrong read");
    if (file->unreadable)
        return false;
    memcpy(to, file->bytes + offset, bytes);
    memset((uint8_t *)to + bytes, 0xee, store_round_up(bytes) - bytes);
    return true;
}

static void
remember(void *context, const struct bundle_event *event)
{
    struct fixture *fixture = context;
    if (event->verdict == BUNDLE_REJECTED) {
        size_t used = strlen(fixture->rejections);
        fixture->rejected++;
        snprintf(fixture->rejections + used, sizeof(fixture->rejections) - used, "%lld: %s\n",
                 (long long)event->generation, event->text);
    } else {
        fixture->verdict = event->verdict;
        snprintf(fixture->text, sizeof(fixture->text), "%s", event->text);
    }
}

static void
fill_seed(uint8_t seed[SIGNATURE_KEY_BYTES], uint8_t value)
{
    memset(seed, value, SIGNATURE_KEY_BYTES);
}

void
fixture_begin(struct fixture *fixture)
{
    uint8_t seed[SIGNATURE_KEY_BYTES];
    *fixture = (struct fixture){
        .store = {newest, open_file, close_file, read_file},
        .trust = {.count = 1, .keys = {{.name = "test"}}},
        .loader = {.store = &fixture->store,
                   .trust = &fixture->trust,
                   .context = fixture,
                   .report = remember},
    };
    fill_seed(seed, SEED);
    signature_public_key(seed, fixture->trust.keys[0].bytes);
}

void
fixture_end(struct fixture *fixture)
{
    require(fixture->open_files == 0, "files were left open");
    for (int i = 0; i < FIXTURE_FILES; i++)
        free(fixture->files[i].bytes);
}

struct fixture_file *
fixture_put(struct fixture *fixture, const char *name, int64_t generation, const char *path,
            const void *bytes, size_t count)
{
    struct fixture_file *file = fixture_find(fixture, name, generation, path);
    for (int i = 0; !file && i < FIXTURE_FILES; i++)
        if (fixture->files[i].generation == 0)
            file = &fixture->files[i];
    require(file != NULL, "too many files");
    uint8_t *copy = malloc(count ? count : 1);
    memcpy(copy, bytes, count);
    free(file->bytes);
    *file = (struct fixture_file){.generation = generation, .bytes = copy, .count = count};
    snprintf(file->name, sizeof(file->name), "%s", name);
    snprintf(file->path, sizeof(file->path), "%s", path);
    return file;
}

void
fixture_remove(struct fixture *fixture, const char *name, int64_t generation, const char *path)
{
    struct fixture_file *file = fixture_find(fixture, name, generation, path);
    require(file != NULL, "no such file");
    free(file->bytes);
    *file = (struct fixture_file){0};
}

void
fixture_sign(struct fixture *fixture, int64_t generation, const char *text, uint8_t seed_value)
{
    uint8_t seed[SIGNATURE_KEY_BYTES];
    size_t count = strlen(text);
    char *all = malloc(count + SIGNATURE_TEXT_BYTES + 1);
    memcpy(all, text, count);
    fill_seed(seed, seed_value);
    signature_make(text, count, seed, all + count);
    fixture_put(fixture, "small", generation, MANIFEST_FILE, all, count + SIGNATURE_TEXT_BYTES);
    free(all);
}

/* Puts a payload there, adds its leaves, and prints its table. */
static int
make_payload(struct fixture *fixture, int64_t generation, const char *path, size_t bytes,
             uint8_t (*leaves)[HASH_BYTES], char *to, size_t room)
{
    uint8_t *data = malloc(bytes), digest[HASH_BYTES], root[HASH_BYTES];
    char sha256_text[2 * HASH_BYTES + 1], root_text[2 * HASH_BYTES + 1];
    struct hash hash;
    for (size_t i = 0; i < bytes; i++)
        data[i] = (uint8_t)(i * 31 + (i >> 8) * 7 + (i >> 16) * 101 + (size_t)generation);
    for (uint64_t i = 0; i < tree_blocks(bytes); i++)
        tree_leaf(data + i * TREE_BLOCK_BYTES, tree_block_bytes(bytes, i), leaves[i]);
    tree_root((const uint8_t(*)[HASH_BYTES])leaves, tree_blocks(bytes), root);
    hash_begin(&hash);
    hash_add(&hash, data, bytes);
    hash_end(&hash, digest);
    fixture_put(fixture, "small", generation, path, data, bytes);
    free(data);
    signature_hex(digest, HASH_BYTES, sha256_text);
    signature_hex(root, HASH_BYTES, root_text);
    return snprintf(to, room,
                    "[[payload]]\npath = \"%s\"\nbytes = %zu\nsha256 = \"%s\"\nroot = \"%s\"\n",
                    path, bytes, sha256_text, root_text);
}

void
fixture_make(struct fixture *fixture, int64_t generation, const char *verify)
{
    char text[4096];
    uint8_t leaves[4][HASH_BYTES];
    size_t used = (size_t)snprintf(
        text, sizeof(text),
        "format = 1\nname = \"small\"\ngeneration = %lld\nkind = \"model\"\nverify = \"%s\"\n"
        "[model]\nweights = \"model.bin\"\ntokenizer = \"tokenizer.bin\"\ndim = 8\nhidden = 16\n"
        "layers = 2\nheads = 4\nkv_heads = 2\nvocabulary = 32\ncontext = 64\n",
        (long long)generation, verify);
    used += (size_t)make_payload(fixture, generation, "model.bin", MODEL_BYTES, leaves, text + used,
                                 sizeof(text) - used);
    make_payload(fixture, generation, "tokenizer.bin", TOKENS_BYTES, leaves + 3, text + used,
                 sizeof(text) - used);
    fixture_put(fixture, "small", generation, MANIFEST_LEAVES_FILE, leaves, sizeof(leaves));
    fixture_sign(fixture, generation, text, SEED);
}

void
fixture_edit(struct fixture *fixture, int64_t generation, const char *piece, const char *instead)
{
    char text[8192];
    const struct fixture_file *file = fixture_find(fixture, "small", generation, MANIFEST_FILE);
    size_t count = file->count - SIGNATURE_TEXT_BYTES;
    char *whole = strndup((const char *)file->bytes, count), *at = strstr(whole, piece);
    require(at != NULL, "the piece is not in the manifest");
    *at = 0;
    snprintf(text, sizeof(text), "%s%s%s", whole, instead, at + strlen(piece));
    free(whole);
    fixture_sign(fixture, generation, text, SEED);
}

int64_t
fixture_open(struct fixture *fixture, int64_t below)
{
    struct bundle bundle;
    fixture->rejected = 0;
    fixture->rejections[0] = 0;
    if (!bundle_open(&fixture->loader, "small", below, &bundle))
        return 0;
    int64_t generation = bundle.manifest.generation;
    bundle_close(&bundle);
    return generation;
}

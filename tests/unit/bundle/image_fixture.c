/* A store image in memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image_fixture.h"

static bool
read_device(struct image_device *device, uint64_t offset, void *to, size_t bytes)
{
    const struct image_fixture *fixture = (struct image_fixture *)device;
    if (offset % STORE_ALIGN_BYTES || bytes % STORE_ALIGN_BYTES || offset > device->bytes ||
        bytes > device->bytes - offset)
        abort();
    if (!fixture->broken)
        memcpy(to, fixture->bytes + offset, bytes);
    return !fixture->broken;
}

static void
digest(const void *bytes, size_t count, uint8_t to[HASH_BYTES])
{
    struct hash hash;
    hash_begin(&hash);
    hash_add(&hash, bytes, count);
    hash_end(&hash, to);
}

void
image_fixture_seal(struct image_fixture *fixture)
{
    struct image_superblock *block = &fixture->superblock;
    size_t most = (sizeof(fixture->bytes) - sizeof(*block)) / sizeof(struct image_entry);
    size_t count = block->entry_count < most ? block->entry_count : most;
    digest(fixture->bytes + sizeof(*block), count * sizeof(struct image_entry),
           block->directory_sha256);
    digest(block, offsetof(struct image_superblock, sha256), block->sha256);
}

void
image_fixture_make(struct image_fixture *fixture)
{
    static const char *const names[] = {"one", "one", "two"};
    static const uint64_t generations[] = {1, 2, 7};
    memset(fixture, 0, sizeof(*fixture));
    fixture->device = (struct image_device){sizeof(fixture->bytes), read_device};
    memcpy(fixture->superblock.magic, IMAGE_MAGIC, 8);
    fixture->superblock.version = IMAGE_VERSION;
    fixture->superblock.entry_count = IMAGE_FIXTURE_ENTRIES;
    fixture->superblock.image_bytes = sizeof(fixture->bytes);
    for (uint32_t i = 0; i < IMAGE_FIXTURE_ENTRIES; i++) {
        struct image_entry *entry = &fixture->entries[i];
        snprintf(entry->name, sizeof(entry->name), "%s", names[i / 2]);
        snprintf(entry->path, sizeof(entry->path), "%s", i % 2 ? MANIFEST_FILE : "a.bin");
        entry->generation = generations[i / 2];
        entry->offset = (uint64_t)(1 + i) * IMAGE_ALIGN_BYTES;
        entry->bytes = (uint64_t)(1 + i) * 100;
        for (uint64_t k = 0; k < entry->bytes; k++)
            fixture->bytes[entry->offset + k] = (uint8_t)(i * 16 + k);
    }
    image_fixture_seal(fixture);
}

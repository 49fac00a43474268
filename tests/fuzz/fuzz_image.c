/*
 * A store image with anything written over its superblock and directory. The input is a list of
 * edits of three bytes: where, and what. With the first byte odd the checksums are made right
 * again, so that what they cover is read as well. Whatever opens gives files that lie within the
 * image (the device aborts where they do not), in order, and is searched to its end.
 *
 * config: runs=100000 max_len=61
 */
#include <stdlib.h>
#include <string.h>

#include "bundle/image_fixture.h"

#define EDITED_BYTES (IMAGE_SUPERBLOCK_BYTES + IMAGE_FIXTURE_ENTRIES * sizeof(struct image_entry))

static struct image_fixture fixture;

static void
require(bool condition)
{
    if (!condition)
        abort();
}

/* What edits can change is put back. */
static void
reset(void)
{
    static uint8_t correct[EDITED_BYTES];
    if (correct[0] == 0) {
        image_fixture_make(&fixture);
        memcpy(correct, fixture.bytes, EDITED_BYTES);
    }
    memcpy(fixture.bytes, correct, EDITED_BYTES);
}

static void
edit(const uint8_t *data, size_t size)
{
    for (; size >= 3; data += 3, size -= 3) {
        size_t at = (size_t)(data[0] | data[1] << 8) % (EDITED_BYTES + 88);
        /* Most of the superblock means nothing: the bytes that do get a second chance. */
        fixture.bytes[at < EDITED_BYTES ? at : at - EDITED_BYTES] = data[2];
    }
}

static void
read_ends(struct store *store, const struct store_file *file)
{
    static uint8_t bytes[STORE_ALIGN_BYTES];
    uint64_t last = file->bytes ? (file->bytes - 1) / STORE_ALIGN_BYTES * STORE_ALIGN_BYTES : 0;
    size_t first = file->bytes < sizeof(bytes) ? (size_t)file->bytes : sizeof(bytes);
    require(store->read(store, file, 0, bytes, first));
    require(store->read(store, file, last, bytes, (size_t)(file->bytes - last)));
}

static void
walk(struct image *image)
{
    struct store *store = &image->store;
    struct store_file file;
    for (uint32_t i = 0; i < image->entry_count; i++) {
        const struct image_entry *entry = &image->entries[i];
        int64_t below = INT64_MAX, generation;
        while (store->newest(store, entry->name, below, &generation)) {
            require(generation < below && generation > 0);
            below = generation;
        }
        require(store->open(store, entry->name, (int64_t)entry->generation, entry->path, &file));
        read_ends(store, &file);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct image image;
    struct why why;
    if (size == 0)
        return 0;
    reset();
    edit(data + 1, size - 1);
    if (data[0] % 2)
        image_fixture_seal(&fixture);
    if (image_open(&image, &fixture.device, &why)) {
        walk(&image);
        image_close(&image);
    } else {
        require(why.text[0] != 0);
    }
    return 0;
}

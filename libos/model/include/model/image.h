/*
 * The store image: bundles packed onto a block device, read-only. docs/reference/bundle-format.md
 * has the layout; build/tools/bundle writes it. Little-endian.
 *
 *   superblock (4096 bytes) | directory | files, each beginning on a multiple of 64 KiB
 *
 * The checksums find damage, not malice: what is signed are the manifests.
 */
#ifndef MODEL_IMAGE_H
#define MODEL_IMAGE_H

#include <model/hash.h>
#include <model/manifest.h>
#include <model/store.h>
#include <model/why.h>

#define IMAGE_MAGIC            "CHISTORE" /* 8 bytes, without the NUL */
#define IMAGE_VERSION          1u
#define IMAGE_ENTRIES_MAX      4096u
#define IMAGE_ALIGN_BYTES      65536u /* of files, and of the image's length */
#define IMAGE_SUPERBLOCK_BYTES 4096u

struct image_superblock {
    char magic[8];
    uint32_t version;
    uint32_t entry_count;                 /* at most IMAGE_ENTRIES_MAX */
    uint64_t image_bytes;                 /* a multiple of IMAGE_ALIGN_BYTES */
    uint8_t directory_sha256[HASH_BYTES]; /* of entry_count entries, behind the superblock */
    uint8_t zero[IMAGE_SUPERBLOCK_BYTES - 88];
    uint8_t sha256[HASH_BYTES]; /* of the bytes before it */
};

/*
 * A file. Entries are in order of name (as bytes), generation and path, no two alike, and so are
 * the files' places. Names are padded with zero bytes, at least one.
 */
struct image_entry {
    char name[MANIFEST_NAME_BYTES];
    uint64_t generation; /* from 1 */
    char path[MANIFEST_PATH_BYTES];
    uint64_t offset; /* a multiple of IMAGE_ALIGN_BYTES, behind the directory */
    uint64_t bytes;
    uint64_t zero;
};

/* Negative, 0 or positive, as `one` comes before `other`, is for the same file, or comes behind. */
int image_compare(const struct image_entry *one, const struct image_entry *other);

/* Where files may begin in an image with that many entries. */
uint64_t image_first_file(uint32_t entry_count);

/* The device that holds the image. */
struct image_device {
    uint64_t bytes;
    /* Reads; `offset` and `bytes` are multiples of STORE_ALIGN_BYTES. False: it failed. */
    bool (*read)(struct image_device *device, uint64_t offset, void *to, size_t bytes);
};

struct image {
    struct store store;
    struct image_device *device;
    struct image_entry *entries;
    uint32_t entry_count;
};

/*
 * Reads superblock and directory and checks all of the above. False with the reason: it is no store
 * image that can be read. Afterwards image->store is a store, until image_close. The device must
 * outlive it.
 */
bool image_open(struct image *image, struct image_device *device, struct why *why);
void image_close(struct image *image);

#endif

/*
 * A store: where bundles lie. The image on a block device is one (image.h); the host tool
 * has one of folders. A store is not trusted: what comes out of it is checked by the loader.
 */
#ifndef MODEL_STORE_H
#define MODEL_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads begin on multiples of this, and may bring in what lies up to the next multiple. */
#define STORE_ALIGN_BYTES 4096u

static inline uint64_t
store_round_up(uint64_t bytes)
{
    return (bytes + STORE_ALIGN_BYTES - 1) & ~(uint64_t)(STORE_ALIGN_BYTES - 1);
}

/* A file of a generation. */
struct store_file {
    uint64_t bytes;
    uint64_t offset; /* in the image: a multiple of 64 KiB; in a folder: the open file */
};

/* A store's functions get the store itself, and may be called by several threads at once. */
struct store {
    /* The newest generation of `name` that is below `below`. False: there is none. */
    bool (*newest)(struct store *store, const char *name, int64_t below, int64_t *generation);

    /* False: the generation has no such file. */
    bool (*open)(struct store *store, const char *name, int64_t generation, const char *file,
                 struct store_file *opened);

    void (*close)(struct store *store, struct store_file *file);

    /*
     * Reads `bytes` bytes from `offset`, a multiple of STORE_ALIGN_BYTES; offset + bytes is within
     * the file. `to` has room for store_round_up(bytes); what is behind `bytes` afterwards is
     * undefined. False: the device failed, or the file has become shorter.
     */
    bool (*read)(struct store *store, const struct store_file *file, uint64_t offset, void *to,
                 size_t bytes);
};

#endif

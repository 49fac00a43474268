/*
 * What a bundle's manifest says: docs/reference/bundle-format.md. Reading one needs no allocation
 * and nothing of an operating system.
 */
#ifndef MODEL_MANIFEST_H
#define MODEL_MANIFEST_H

#include <stddef.h>
#include <stdint.h>

#include <model/hash.h>
#include <model/why.h>

#define MANIFEST_FILE         "manifest.toml" /* beside the payloads, and no payload itself */
#define MANIFEST_LEAVES_FILE  "leaves.bin"    /* the leaves of all payloads' trees; the same */
#define MANIFEST_BYTES_MAX    16384u
#define MANIFEST_NAME_BYTES   48 /* of a bundle's name with its NUL */
#define MANIFEST_PATH_BYTES   64 /* of a payload's name with its NUL */
#define MANIFEST_PAYLOADS_MAX 16
#define MANIFEST_PAYLOAD_MAX  (1ll << 36) /* bytes */

enum manifest_kind { MANIFEST_MODEL, MANIFEST_APP, MANIFEST_SYSTEM };
enum manifest_verify { MANIFEST_EAGER, MANIFEST_ON_FAULT };

struct manifest_payload {
    char path[MANIFEST_PATH_BYTES];
    int64_t bytes;              /* 1 to MANIFEST_PAYLOAD_MAX */
    uint8_t sha256[HASH_BYTES]; /* of the whole file: for people and host tools */
    uint8_t root[HASH_BYTES];   /* of its hash tree (tree.h) */
};

/* A model's files and shape, as its engine will find it in the file. */
struct manifest_model {
    char weights[MANIFEST_PATH_BYTES], tokenizer[MANIFEST_PATH_BYTES]; /* paths of payloads */
    int64_t dim, hidden, layers, heads, kv_heads, vocabulary, context;
    int64_t head_dim;       /* of a head; 0: dim / heads */
    int64_t unpacked_bytes; /* of the file that the weights were packed from; 0: they were not */
};

struct manifest {
    char name[MANIFEST_NAME_BYTES];
    int64_t generation; /* from 1 */
    int kind;           /* enum manifest_kind */
    int verify;         /* enum manifest_verify */
    char layout[32];    /* that the weights were packed for; "": as the file format has them */
    struct manifest_model model;
    size_t has_model; /* 1 exactly when kind is MANIFEST_MODEL */
    struct manifest_payload payloads[MANIFEST_PAYLOADS_MAX];
    size_t payload_count; /* at least 1 */
};

/*
 * Reads a manifest without its signature (signature.h cuts it off). False: `why` names file, line
 * and key, or what contradicts what.
 */
bool manifest_read(const char *text, size_t bytes, struct manifest *manifest, struct why *why);

/* The payload of that name, or -1. */
int manifest_find(const struct manifest *manifest, const char *path);

/* Leaves of all payloads. */
uint64_t manifest_leaves(const struct manifest *manifest);

/* NULL, or what is wrong with the name of a bundle or of a payload. */
const char *manifest_check_name(const char *name);
const char *manifest_check_path(const char *path);

#endif

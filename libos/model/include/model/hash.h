/*
 * SHA-256 (FIPS 180-4), over pieces.
 */
#ifndef MODEL_HASH_H
#define MODEL_HASH_H

#include <stddef.h>
#include <stdint.h>

#include <crypto_hash_sha256.h>

#define HASH_BYTES 32

struct hash {
    crypto_hash_sha256_state state; /* count: in bits */
};

void hash_begin(struct hash *hash);
void hash_add(struct hash *hash, const void *bytes, size_t count);
/* After this the hash must be begun again. */
void hash_end(struct hash *hash, uint8_t digest[HASH_BYTES]);

/* Who computes it. */
struct hash_method {
    void (*add)(struct hash *hash, const void *bytes, size_t count);
    void (*end)(struct hash *hash, uint8_t digest[HASH_BYTES]);
};

/* libsodium's C, for every machine: the method unless another is chosen. */
extern const struct hash_method hash_portable;
/* The instructions of FEAT_SHA256, for an Arm CPU that has them (EXO_FEATURE_SHA256). */
extern const struct hash_method hash_arm;

/* Chooses a method, for all hashes; none is under way. */
void hash_use(const struct hash_method *method);

#endif

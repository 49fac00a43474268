/*
 * SHA-256 (FIPS 180-4), over pieces. The build chooses who computes it: hash_sodium.c.
 */
#ifndef MODEL_HASH_H
#define MODEL_HASH_H

#include <stddef.h>
#include <stdint.h>

#include <crypto_hash_sha256.h>

#define HASH_BYTES 32

struct hash {
    crypto_hash_sha256_state state;
};

void hash_begin(struct hash *hash);
void hash_add(struct hash *hash, const void *bytes, size_t count);
/* After this the hash must be begun again. */
void hash_end(struct hash *hash, uint8_t digest[HASH_BYTES]);

#endif

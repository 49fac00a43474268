/* SHA-256 by libsodium, in C. */
#include <model/hash.h>

void
hash_begin(struct hash *hash)
{
    crypto_hash_sha256_init(&hash->state);
}

void
hash_add(struct hash *hash, const void *bytes, size_t count)
{
    crypto_hash_sha256_update(&hash->state, bytes, count);
}

void
hash_end(struct hash *hash, uint8_t digest[HASH_BYTES])
{
    crypto_hash_sha256_final(&hash->state, digest);
}

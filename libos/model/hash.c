/* SHA-256 by whoever was chosen, and by libsodium. */
#include <model/hash.h>

static void
add_portably(struct hash *hash, const void *bytes, size_t count)
{
    crypto_hash_sha256_update(&hash->state, bytes, count);
}

static void
end_portably(struct hash *hash, uint8_t digest[HASH_BYTES])
{
    crypto_hash_sha256_final(&hash->state, digest);
}

const struct hash_method hash_portable = {add_portably, end_portably};

static const struct hash_method *chosen = &hash_portable;

void
hash_use(const struct hash_method *method)
{
    chosen = method;
}

void
hash_begin(struct hash *hash)
{
    crypto_hash_sha256_init(&hash->state);
}

void
hash_add(struct hash *hash, const void *bytes, size_t count)
{
    chosen->add(hash, bytes, count);
}

void
hash_end(struct hash *hash, uint8_t digest[HASH_BYTES])
{
    chosen->end(hash, digest);
}

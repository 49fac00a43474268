/* pool = H(0, counter, pool, bytes) when something is added; a block = H(1, ...), pool = H(2, ...).
 */
#include <entropy/entropy.h>

#include <crypto_hash_sha512.h>
#include <string.h>

enum { DOMAIN_ADD = 0, DOMAIN_BLOCK = 1, DOMAIN_NEXT = 2 };

static unsigned char pool[crypto_hash_sha512_BYTES];
static uint64_t counter;

static void
hash(unsigned char to[crypto_hash_sha512_BYTES], unsigned char domain, const void *bytes,
     size_t count)
{
    crypto_hash_sha512_state state;
    counter++;
    (void)crypto_hash_sha512_init(&state);
    (void)crypto_hash_sha512_update(&state, &domain, 1);
    (void)crypto_hash_sha512_update(&state, (const unsigned char *)&counter, sizeof(counter));
    (void)crypto_hash_sha512_update(&state, pool, sizeof(pool));
    (void)crypto_hash_sha512_update(&state, bytes, count);
    (void)crypto_hash_sha512_final(&state, to);
}

void
entropy_add(const void *bytes, size_t count)
{
    hash(pool, DOMAIN_ADD, bytes, count);
}

void
entropy_read(void *to, size_t count)
{
    unsigned char block[crypto_hash_sha512_BYTES];
    for (char *at = to; count > 0;) {
        size_t part = count < sizeof(block) ? count : sizeof(block);
        hash(block, DOMAIN_BLOCK, NULL, 0);
        memcpy(at, block, part);
        at += part;
        count -= part;
    }
    hash(pool, DOMAIN_NEXT, NULL, 0);
    memset(block, 0, sizeof(block));
}

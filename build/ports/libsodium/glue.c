/*
 * What Ed25519 and the hashes of libsodium want of the rest of it (sodium/utils.c and the random
 * generators, which need an operating system). The declarations are libsodium's own.
 */
#include <stddef.h>
#include <stdlib.h>

#include <randombytes.h>
#include <utils.h>

/* Volatile, so that a compiler cannot see that nobody reads the bytes again. */
void
sodium_memzero(void *const memory, const size_t bytes)
{
    volatile unsigned char *const to = memory;
    for (size_t i = 0; i < bytes; i++)
        to[i] = 0;
}

/* 0 when equal, else -1; takes the same time wherever they differ. */
int
sodium_memcmp(const void *const one, const void *const other, size_t bytes)
{
    const volatile unsigned char *a = one, *b = other;
    unsigned char differences = 0;
    for (size_t i = 0; i < bytes; i++)
        differences |= a[i] ^ b[i];
    return (1 & ((differences - 1) >> 8)) - 1;
}

/* 1 when all bytes are zero, else 0. */
int
sodium_is_zero(const unsigned char *bytes, const size_t count)
{
    unsigned char all = 0;
    for (size_t i = 0; i < count; i++)
        all |= bytes[i];
    return all == 0;
}

/* crypto_sign_ed25519_keypair needs it; nobody calls that here, and whoever does must not get keys
 * that can be guessed. */
void
randombytes_buf(void *const memory, const size_t bytes)
{
    (void)memory;
    (void)bytes;
    abort();
}

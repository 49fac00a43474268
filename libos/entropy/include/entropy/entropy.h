/*
 * Random bytes for keys, sequence numbers and identifiers: a pool of 64 bytes that what comes from
 * outside is hashed into, and that is hashed forward with each read, so that what was given out
 * says nothing about the pool before or after (SHA-512, libsodium). One thread at a time.
 */
#ifndef ENTROPY_ENTROPY_H
#define ENTROPY_ENTROPY_H

#include <stddef.h>
#include <stdint.h>

/* Mixes bytes in: the device tree's seed, a virtio-rng, RNDR. Never makes the pool worse. */
void entropy_add(const void *bytes, size_t count);

/*
 * Random bytes; before enough was added they can be guessed: whoever starts a program adds at least
 * the 32 bytes of seed that it was given.
 */
void entropy_read(void *to, size_t count);

#endif

/*
 * Signatures and who is trusted.
 *
 * A signed manifest ends with exactly these three lines, behind the bytes that are signed:
 *
 *   [signature]
 *   key = "<64 digits 0-9 a-f>"        the public key
 *   ed25519 = "<128 digits 0-9 a-f>"   the signature (RFC 8032) of every byte before them
 *
 * Nothing else is accepted there, so that a manifest has no second spelling, and the signature is
 * checked before a byte of what it signs is interpreted.
 */
#ifndef MODEL_SIGNATURE_H
#define MODEL_SIGNATURE_H

#include <stddef.h>
#include <stdint.h>

#include <model/why.h>

#define SIGNATURE_KEY_BYTES 32
#define SIGNATURE_BYTES     64
/* Of the three lines. */
#define SIGNATURE_TEXT_BYTES                                                             \
    (sizeof("[signature]\nkey = \"\"\ned25519 = \"\"\n") - 1 + 2 * SIGNATURE_KEY_BYTES + \
     2 * SIGNATURE_BYTES)

#define TRUST_KEYS_MAX   8
#define TRUST_NAME_BYTES 48

struct trust_key {
    char name[TRUST_NAME_BYTES];
    uint8_t bytes[SIGNATURE_KEY_BYTES];
};

/* The trust root: whose signatures count. */
struct trust {
    struct trust_key keys[TRUST_KEYS_MAX];
    size_t count;
};

/*
 * Reads a trust root, strict TOML: one or more [[key]] with `name` and `ed25519`. `file` stands in
 * the reason when it is refused.
 */
bool trust_read(const char *file, const char *text, size_t bytes, struct trust *trust,
                struct why *why);

enum signature_result {
    SIGNATURE_GOOD,
    SIGNATURE_ABSENT, /* no such lines at the end: truncated, or never signed */
    SIGNATURE_BAD,
};

/*
 * Checks a manifest's signature. GOOD: the first *signed_bytes bytes were signed by *key of
 * `trust`. ABSENT, BAD: `why` is set.
 */
enum signature_result signature_check(const char *text, size_t bytes, const struct trust *trust,
                                      size_t *signed_bytes, const struct trust_key **key,
                                      struct why *why);

/* Writes the three lines (SIGNATURE_TEXT_BYTES and a NUL), signed with the key of `seed`. */
void signature_make(const void *text, size_t bytes, const uint8_t seed[SIGNATURE_KEY_BYTES],
                    char to[SIGNATURE_TEXT_BYTES + 1]);

/* The public key of the key pair that `seed` makes. */
void signature_public_key(const uint8_t seed[SIGNATURE_KEY_BYTES],
                          uint8_t key[SIGNATURE_KEY_BYTES]);

/* 2 * count digits and a NUL. */
void signature_hex(const uint8_t *bytes, size_t count, char *to);

#endif

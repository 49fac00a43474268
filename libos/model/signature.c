/* Ed25519 over manifests. */
#include <stdio.h>
#include <string.h>

#include <crypto_sign_ed25519.h>
#include <utils.h>

#include <model/signature.h>
#include <toml/toml.h>

static const char first_line[] = "[signature]\n";

/* The three lines are strict TOML as well; what else they must be is checked by writing them. */
struct lines {
    uint8_t key[SIGNATURE_KEY_BYTES], signature[SIGNATURE_BYTES];
    size_t count;
};
static const struct toml_key keys[] = {
    {"key", TOML_HEX, true, .offset = offsetof(struct lines, key), .room = SIGNATURE_KEY_BYTES},
    {"ed25519", TOML_HEX, true, .offset = offsetof(struct lines, signature),
     .room = SIGNATURE_BYTES},
};
static const struct toml_table tables[] = {
    {.name = NULL},
    {.name = "signature",
     .keys = keys,
     .key_count = 2,
     .required = true,
     .count_offset = offsetof(struct lines, count)},
};
static const struct toml_schema schema = {tables, 2};

void
signature_hex(const uint8_t *bytes, size_t count, char *to)
{
    for (size_t i = 0; i < count; i++)
        snprintf(to + 2 * i, 3, "%02x", bytes[i]);
}

static void
write_lines(const struct lines *lines, char to[SIGNATURE_TEXT_BYTES + 1])
{
    char key[2 * SIGNATURE_KEY_BYTES + 1], signature[2 * SIGNATURE_BYTES + 1];
    signature_hex(lines->key, SIGNATURE_KEY_BYTES, key);
    signature_hex(lines->signature, SIGNATURE_BYTES, signature);
    snprintf(to, SIGNATURE_TEXT_BYTES + 1, "%skey = \"%s\"\ned25519 = \"%s\"\n", first_line, key,
             signature);
}

static bool
read_lines(const char *text, struct lines *lines, struct why *why)
{
    char again[SIGNATURE_TEXT_BYTES + 1];
    struct toml_error error;
    if (!toml_read(text, SIGNATURE_TEXT_BYTES, &schema, lines, &error))
        return why_set(why, "the signature's line %u: %s: %s", error.line, error.key, error.text);
    write_lines(lines, again);
    return memcmp(again, text, SIGNATURE_TEXT_BYTES) == 0 ||
           why_set(why, "the signature is not written as it must be");
}

static const struct trust_key *
find_key(const struct trust *trust, const uint8_t key[SIGNATURE_KEY_BYTES])
{
    for (size_t i = 0; i < trust->count; i++)
        if (memcmp(trust->keys[i].bytes, key, SIGNATURE_KEY_BYTES) == 0)
            return &trust->keys[i];
    return NULL;
}

/* Whether the last bytes can be the three lines. */
static bool
has_lines(const char *text, size_t bytes)
{
    return bytes > SIGNATURE_TEXT_BYTES && text[bytes - SIGNATURE_TEXT_BYTES - 1] == '\n' &&
           memcmp(text + bytes - SIGNATURE_TEXT_BYTES, first_line, sizeof(first_line) - 1) == 0;
}

enum signature_result
signature_check(const char *text, size_t bytes, const struct trust *trust, size_t *signed_bytes,
                const struct trust_key **key, struct why *why)
{
    struct lines lines;
    if (!has_lines(text, bytes)) {
        why_set(why, "no signature at the end of the manifest");
        return SIGNATURE_ABSENT;
    }
    *signed_bytes = bytes - SIGNATURE_TEXT_BYTES;
    if (!read_lines(text + *signed_bytes, &lines, why))
        return SIGNATURE_BAD;
    *key = find_key(trust, lines.key);
    if (!*key) {
        why_set(why, "signed by the key %02x%02x%02x%02x..., which is not trusted", lines.key[0],
                lines.key[1], lines.key[2], lines.key[3]);
        return SIGNATURE_BAD;
    }
    if (crypto_sign_ed25519_verify_detached(lines.signature, (const uint8_t *)text, *signed_bytes,
                                            (*key)->bytes) != 0) {
        why_set(why, "the signature is wrong");
        return SIGNATURE_BAD;
    }
    return SIGNATURE_GOOD;
}

void
signature_public_key(const uint8_t seed[SIGNATURE_KEY_BYTES], uint8_t key[SIGNATURE_KEY_BYTES])
{
    uint8_t secret[crypto_sign_ed25519_SECRETKEYBYTES];
    crypto_sign_ed25519_seed_keypair(key, secret, seed);
    sodium_memzero(secret, sizeof(secret));
}

void
signature_make(const void *text, size_t bytes, const uint8_t seed[SIGNATURE_KEY_BYTES],
               char to[SIGNATURE_TEXT_BYTES + 1])
{
    uint8_t secret[crypto_sign_ed25519_SECRETKEYBYTES];
    struct lines lines;
    crypto_sign_ed25519_seed_keypair(lines.key, secret, seed);
    crypto_sign_ed25519_detached(lines.signature, NULL, text, bytes, secret);
    sodium_memzero(secret, sizeof(secret));
    write_lines(&lines, to);
}

/* Key pairs: BASE.key, which only its owner can read, and BASE.pub, a trust root. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <utils.h>

#include <toml/toml.h>

#include "tool.h"

#define KEY_FILE_MAX 4096

struct secret {
    char name[TRUST_NAME_BYTES];
    uint8_t seed[SIGNATURE_KEY_BYTES];
};
static const struct toml_key secret_keys[] = {
    {"name", TOML_STRING, true, .offset = offsetof(struct secret, name), .room = TRUST_NAME_BYTES},
    {"ed25519_seed", TOML_HEX, true, .offset = offsetof(struct secret, seed),
     .room = SIGNATURE_KEY_BYTES},
};
static const struct toml_table secret_tables[] = {{.keys = secret_keys, .key_count = 2}};
static const struct toml_schema secret_schema = {secret_tables, 1};

void
read_secret_key(const char *path, uint8_t seed[SIGNATURE_KEY_BYTES])
{
    struct secret secret;
    struct toml_error error;
    struct bytes bytes = read_whole_file(path, KEY_FILE_MAX);
    if (!toml_read((char *)bytes.data, bytes.count, &secret_schema, &secret, &error)) {
        char text[512];
        toml_error_text(&error, path, text, sizeof(text));
        fail("%s", text);
    }
    memcpy(seed, secret.seed, SIGNATURE_KEY_BYTES);
    sodium_memzero(&secret, sizeof(secret));
    sodium_memzero(bytes.data, bytes.count);
    free(bytes.data);
}

void
read_trust(const char *path, struct trust *trust)
{
    struct why why;
    struct bytes bytes = read_whole_file(path, KEY_FILE_MAX);
    if (!trust_read(path, (char *)bytes.data, bytes.count, trust, &why))
        fail("%s", why.text);
    free(bytes.data);
}

static void
write_key(const char *base, const char *end, unsigned mode, const char *text)
{
    char path[PATH_MAX];
    struct output output;
    if (snprintf(path, sizeof(path), "%s.%s", base, end) >= (int)sizeof(path))
        fail("%s: the path is too long", base);
    if (access(path, F_OK) == 0)
        fail("%s: is there already; keys are not overwritten", path);
    output_begin(&output, path, mode);
    output_write(&output, text, strlen(text));
    output_end(&output);
}

/* A name goes into TOML as it is. */
static void
check_key_name(const char *name)
{
    if (!name[0] || strlen(name) >= TRUST_NAME_BYTES)
        fail("--name %s: must be 1 to %d characters", name, TRUST_NAME_BYTES - 1);
    for (const char *at = name; *at; at++)
        if (*at < ' ' || *at > '~' || *at == '"' || *at == '\\')
            fail("--name %s: must be of printable ASCII characters without \" and \\", name);
}

void
command_keygen(struct arguments *arguments)
{
    const char *name = need_option(arguments, "--name"), *base = need_option(arguments, "-o");
    uint8_t seed[SIGNATURE_KEY_BYTES], key[SIGNATURE_KEY_BYTES];
    char digits[2 * SIGNATURE_KEY_BYTES + 1], text[512];
    check_words(arguments, 0, 0);
    check_key_name(name);
    if (getrandom(seed, sizeof(seed), 0) != sizeof(seed))
        fail("no random numbers: %s", strerror(errno));
    signature_hex(seed, sizeof(seed), digits);
    snprintf(text, sizeof(text),
             "# Secret: who has this file can sign as \"%s\".\nname = \"%s\"\n"
             "ed25519_seed = \"%s\"\n",
             name, name, digits);
    write_key(base, "key", 0600, text);
    signature_public_key(seed, key);
    signature_hex(key, sizeof(key), digits);
    snprintf(text, sizeof(text), "[[key]]\nname = \"%s\"\ned25519 = \"%s\"\n", name, digits);
    write_key(base, "pub", 0644, text);
}

/* Puts a signature behind a manifest, in place of one that is there. */
#include <stdlib.h>
#include <string.h>

#include <utils.h>

#include "tool.h"

/* Bytes of the manifest without a signature that may stand at its end. */
static size_t
unsigned_bytes(const struct bytes *manifest)
{
    const struct trust nobody = {.count = 0};
    const struct trust_key *key;
    struct why why;
    size_t bytes = manifest->count;
    signature_check((char *)manifest->data, manifest->count, &nobody, &bytes, &key, &why);
    return bytes;
}

void
command_sign(struct arguments *arguments)
{
    uint8_t seed[SIGNATURE_KEY_BYTES];
    char path[PATH_MAX], lines[SIGNATURE_TEXT_BYTES + 1];
    struct manifest manifest;
    struct output output;
    struct why why;
    const char *key = need_option(arguments, "--key");
    check_words(arguments, 1, 1);
    join_path(path, arguments->words[0], MANIFEST_FILE);
    struct bytes text = read_whole_file(path, MANIFEST_BYTES_MAX);
    text.count = unsigned_bytes(&text);
    if (text.count + SIGNATURE_TEXT_BYTES > MANIFEST_BYTES_MAX)
        fail("%s: too long to be signed: a manifest has %u bytes at most", path,
             MANIFEST_BYTES_MAX);
    if (!manifest_read((char *)text.data, text.count, &manifest, &why))
        fail("%s/%s", arguments->words[0], why.text);
    read_secret_key(key, seed);
    signature_make(text.data, text.count, seed, lines);
    sodium_memzero(seed, sizeof(seed));
    output_begin(&output, path, 0644);
    output_write(&output, text.data, text.count);
    output_write(&output, lines, SIGNATURE_TEXT_BYTES);
    output_end(&output);
    free(text.data);
}

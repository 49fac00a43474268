/* Manifest and leaves for the payloads that lie in a generation's folder. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <model/tree.h>

#include "tool.h"

/* Reads a payload once: its size, digest and leaves, which are written behind those before it. */
static void
add_payload(const char *folder, struct manifest_payload *payload, struct output *leaves)
{
    static uint8_t block[TREE_BLOCK_BYTES];
    char path[PATH_MAX];
    uint8_t(*own)[HASH_BYTES] = NULL;
    uint64_t count = 0;
    struct hash whole;
    size_t bytes;
    join_path(path, folder, payload->path);
    FILE *file = fopen(path, "rb");
    if (!file)
        fail("%s: %s", path, strerror(errno));
    hash_begin(&whole);
    while ((bytes = fread(block, 1, sizeof(block), file)) > 0) {
        hash_add(&whole, block, bytes);
        own = realloc(own, (count + 1) * HASH_BYTES);
        if (!own)
            fail("%s: no memory", path);
        tree_leaf(block, bytes, own[count++]);
        payload->bytes += (int64_t)bytes;
    }
    if (ferror(file))
        fail("%s: cannot be read", path);
    if (count == 0)
        fail("%s: an empty file cannot be a payload", path);
    fclose(file);
    hash_end(&whole, payload->sha256);
    tree_root((const uint8_t(*)[HASH_BYTES])own, count, payload->root);
    output_write(leaves, own, count * HASH_BYTES);
    free(own);
}

static void
print_head(FILE *to, const struct generation *generation, const char *kind, const char *verify,
           const char *layout)
{
    fprintf(to, "format = 1\nname = \"%s\"\ngeneration = %lld\nkind = \"%s\"\nverify = \"%s\"\n",
            generation->name, (long long)generation->number, kind, verify);
    if (layout)
        fprintf(to, "layout = \"%s\"\n", layout);
}

static void
print_model(FILE *to, const struct manifest_model *model)
{
    const struct {
        const char *key;
        int64_t value;
    } numbers[] = {
        {"dim", model->dim},           {"hidden", model->hidden},
        {"layers", model->layers},     {"heads", model->heads},
        {"kv_heads", model->kv_heads}, {"vocabulary", model->vocabulary},
        {"context", model->context},
    };
    fprintf(to, "\n[model]\nweights = \"%s\"\ntokenizer = \"%s\"\n", model->weights,
            model->tokenizer);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        fprintf(to, "%s = %lld\n", numbers[i].key, (long long)numbers[i].value);
    if (model->head_dim * model->heads != model->dim)
        fprintf(to, "head_dim = %lld\n", (long long)model->head_dim);
    if (model->unpacked_bytes != 0)
        fprintf(to, "unpacked_bytes = %lld\n", (long long)model->unpacked_bytes);
}

static void
print_payload(FILE *to, const struct manifest_payload *payload)
{
    char sha256[2 * HASH_BYTES + 1], root[2 * HASH_BYTES + 1];
    signature_hex(payload->sha256, HASH_BYTES, sha256);
    signature_hex(payload->root, HASH_BYTES, root);
    fprintf(to, "\n[[payload]]\npath = \"%s\"\nbytes = %lld\nsha256 = \"%s\"\nroot = \"%s\"\n",
            payload->path, (long long)payload->bytes, sha256, root);
}

/* The names of all payloads, the model's first. */
static size_t
collect_payloads(struct manifest_payload *payloads, const struct manifest_model *model,
                 const struct arguments *arguments)
{
    const char *names[MANIFEST_PAYLOADS_MAX + 2];
    size_t count = 0;
    if (model->weights[0]) {
        names[count++] = model->weights;
        if (strcmp(model->weights, model->tokenizer) != 0)
            names[count++] = model->tokenizer;
    }
    for (int i = 1; i < arguments->count && count < MANIFEST_PAYLOADS_MAX + 1; i++)
        names[count++] = arguments->words[i];
    if (count == 0 || count > MANIFEST_PAYLOADS_MAX)
        fail("%s: a bundle has 1 to %d payloads", arguments->words[0], MANIFEST_PAYLOADS_MAX);
    for (size_t i = 0; i < count; i++) {
        const char *wrong = manifest_check_path(names[i]);
        if (wrong)
            fail("%s: %s", names[i], wrong);
        snprintf(payloads[i].path, sizeof(payloads[i].path), "%s", names[i]);
    }
    return count;
}

/* What was written must be what a loader accepts. */
static void
write_manifest(const char *folder, const char *text, size_t bytes)
{
    char path[PATH_MAX];
    struct manifest manifest;
    struct output output;
    struct why why;
    join_path(path, folder, MANIFEST_FILE);
    if (!manifest_read(text, bytes, &manifest, &why))
        fail("%s/%s", folder, why.text);
    output_begin(&output, path, 0644);
    output_write(&output, text, bytes);
    output_end(&output);
}

/* Without --tokenizer the vocabulary is the one in the weights' file. */
static void
take_model(struct arguments *arguments, struct manifest_model *model)
{
    const char *weights = take_option(arguments, "--weights");
    const char *tokenizer = take_option(arguments, "--tokenizer");
    if (tokenizer && !weights)
        fail("--tokenizer: there are no --weights that it could belong to");
    if (weights) {
        snprintf(model->weights, sizeof(model->weights), "%s", weights);
        snprintf(model->tokenizer, sizeof(model->tokenizer), "%s", tokenizer ? tokenizer : weights);
    }
}

void
command_make(struct arguments *arguments)
{
    struct manifest_model model = {0};
    struct manifest_payload payloads[MANIFEST_PAYLOADS_MAX] = {0};
    struct generation generation;
    struct output leaves;
    char path[PATH_MAX], *text = NULL;
    size_t bytes = 0;
    const char *kind = take_option(arguments, "--kind");
    const char *verify = take_option(arguments, "--verify");
    const char *layout = take_option(arguments, "--layout");
    const char *from = take_option(arguments, "--from");
    take_model(arguments, &model);
    check_words(arguments, 1, INT_MAX);
    const char *folder = arguments->words[0];
    parse_generation_path(folder, &generation);
    if (!layout != !from || (layout && !model.weights[0]))
        fail("--layout and --from belong together, and to --weights");
    if (layout)
        pack_weights(folder, from, layout, &model);
    size_t count = collect_payloads(payloads, &model, arguments);

    join_path(path, folder, MANIFEST_LEAVES_FILE);
    output_begin(&leaves, path, 0644);
    for (size_t i = 0; i < count; i++)
        add_payload(folder, &payloads[i], &leaves);
    FILE *to = open_memstream(&text, &bytes);
    print_head(to, &generation,
               kind               ? kind
               : model.weights[0] ? "model"
                                  : "app",
               verify ? verify : "eager", layout);
    if (model.weights[0]) {
        read_shape(folder, &model);
        print_model(to, &model);
    }
    for (size_t i = 0; i < count; i++)
        print_payload(to, &payloads[i]);
    fputc('\n', to);
    fclose(to);
    write_manifest(folder, text, bytes);
    output_end(&leaves);
    free(text);
}

/* The manifest's schema, and what a schema cannot say. */
#include <string.h>

#include <model/manifest.h>
#include <model/tree.h>
#include <toml/toml.h>

static bool
all_of(const char *text, const char *allowed)
{
    return text[strspn(text, allowed)] == 0;
}

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

const char *
manifest_check_name(const char *name)
{
    if (!name[0] || name[0] == '-' || strlen(name) >= MANIFEST_NAME_BYTES ||
        !all_of(name, LOWER DIGITS "-"))
        return "a bundle's name is 1 to 47 of a-z 0-9 -, and does not begin with -";
    return NULL;
}

const char *
manifest_check_path(const char *path)
{
    if (strchr(path, '/'))
        return "a path names a file of the bundle: / must not be in it";
    if (!path[0] || path[0] == '.' || strlen(path) >= MANIFEST_PATH_BYTES ||
        !all_of(path, LOWER UPPER DIGITS "._-"))
        return "a path is 1 to 63 of A-Z a-z 0-9 . _ -, and does not begin with .";
    if (strcmp(path, MANIFEST_FILE) == 0 || strcmp(path, MANIFEST_LEAVES_FILE) == 0)
        return "a payload must not have the name of the manifest or of the leaves";
    return NULL;
}

static const char *
check_layout(const char *layout)
{
    return layout[0] && all_of(layout, LOWER DIGITS "-") ? NULL : "a layout is named by a-z 0-9 -";
}

static const char *const kinds[] = {"model", "app", "system", NULL};
static const char *const verifications[] = {"eager", "on-fault", NULL};

#define FIELD(structure, field) \
    .offset = offsetof(structure, field), .room = sizeof(((structure *)0)->field)
#define NUMBER(structure, name_, field, maximum) \
    {.name = name_,                              \
     .type = TOML_INTEGER,                       \
     .required = true,                           \
     FIELD(structure, field),                    \
     .least = 1,                                 \
     .most = (maximum)}
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The layout of manifests, before anything else: this reader knows version 1. */
struct document {
    int64_t format;
    struct manifest manifest;
};

static const struct toml_key top_keys[] = {
    NUMBER(struct document, "format", format, 1),
    {"name", TOML_STRING, true, FIELD(struct document, manifest.name),
     .check = manifest_check_name},
    NUMBER(struct document, "generation", manifest.generation, INT64_MAX),
    {"kind", TOML_CHOICE, true, FIELD(struct document, manifest.kind), .choices = kinds},
    {"verify", TOML_CHOICE, true, FIELD(struct document, manifest.verify),
     .choices = verifications},
    {"layout", TOML_STRING, false, FIELD(struct document, manifest.layout), .check = check_layout},
};

static const struct toml_key model_keys[] = {
    {"weights", TOML_STRING, true, FIELD(struct manifest_model, weights),
     .check = manifest_check_path},
    {"tokenizer", TOML_STRING, true, FIELD(struct manifest_model, tokenizer),
     .check = manifest_check_path},
    NUMBER(struct manifest_model, "dim", dim, 1 << 16),
    NUMBER(struct manifest_model, "hidden", hidden, 1 << 16),
    NUMBER(struct manifest_model, "layers", layers, 1 << 10),
    NUMBER(struct manifest_model, "heads", heads, 1 << 16),
    NUMBER(struct manifest_model, "kv_heads", kv_heads, 1 << 16),
    NUMBER(struct manifest_model, "vocabulary", vocabulary, 1 << 20),
    NUMBER(struct manifest_model, "context", context, 1 << 20),
    {"head_dim", TOML_INTEGER, false, FIELD(struct manifest_model, head_dim), .least = 2,
     .most = 1 << 16},
    {"unpacked_bytes", TOML_INTEGER, false, FIELD(struct manifest_model, unpacked_bytes),
     .least = 1, .most = MANIFEST_PAYLOAD_MAX},
};

static const struct toml_key payload_keys[] = {
    {"path", TOML_STRING, true, FIELD(struct manifest_payload, path), .check = manifest_check_path},
    NUMBER(struct manifest_payload, "bytes", bytes, MANIFEST_PAYLOAD_MAX),
    {"sha256", TOML_HEX, true, FIELD(struct manifest_payload, sha256)},
    {"root", TOML_HEX, true, FIELD(struct manifest_payload, root)},
};

static const struct toml_table tables[] = {
    {.keys = top_keys, .key_count = COUNT(top_keys)},
    {.name = "model",
     .keys = model_keys,
     .key_count = COUNT(model_keys),
     .offset = offsetof(struct document, manifest.model),
     .count_offset = offsetof(struct document, manifest.has_model)},
    {.name = "payload",
     .keys = payload_keys,
     .key_count = COUNT(payload_keys),
     .required = true,
     .offset = offsetof(struct document, manifest.payloads),
     .items = MANIFEST_PAYLOADS_MAX,
     .item_bytes = sizeof(struct manifest_payload),
     .count_offset = offsetof(struct document, manifest.payload_count)},
};
static const struct toml_schema schema = {tables, COUNT(tables)};

int
manifest_find(const struct manifest *manifest, const char *path)
{
    for (size_t i = 0; i < manifest->payload_count; i++)
        if (strcmp(manifest->payloads[i].path, path) == 0)
            return (int)i;
    return -1;
}

uint64_t
manifest_leaves(const struct manifest *manifest)
{
    uint64_t leaves = 0;
    for (size_t i = 0; i < manifest->payload_count; i++)
        leaves += tree_blocks((uint64_t)manifest->payloads[i].bytes);
    return leaves;
}

static bool
check_payloads(const struct manifest *manifest, struct why *why)
{
    for (size_t i = 0; i < manifest->payload_count; i++) {
        const char *path = manifest->payloads[i].path;
        if (manifest_find(manifest, path) != (int)i)
            return why_set(why, "%s: two payloads have the path %s", MANIFEST_FILE, path);
    }
    return true;
}

/* As the engine has it: an even number, and all heads together no wider than a model can be. */
static bool
check_heads(const struct manifest_model *model, struct why *why)
{
    if (model->head_dim == 0 && (model->dim % model->heads || model->dim / model->heads % 2))
        return why_set(why, "%s: model: dim %lld cannot be cut into %lld heads of an even size",
                       MANIFEST_FILE, (long long)model->dim, (long long)model->heads);
    if (model->head_dim % 2 || model->head_dim > (1 << 16) / model->heads)
        return why_set(why, "%s: model: %lld heads cannot be of head_dim %lld", MANIFEST_FILE,
                       (long long)model->heads, (long long)model->head_dim);
    return true;
}

/* The shape must make sense; whether it is the file's own, only the file can tell. */
static bool
check_model(const struct manifest *manifest, struct why *why)
{
    const struct manifest_model *model = &manifest->model;
    if ((manifest->kind == MANIFEST_MODEL) != (manifest->has_model == 1))
        return why_set(why, "%s: exactly a bundle of kind \"model\" has the table [model]",
                       MANIFEST_FILE);
    if ((manifest->layout[0] != '\0') != (model->unpacked_bytes != 0))
        return why_set(why, "%s: a model with a layout, and no other, has model.unpacked_bytes",
                       MANIFEST_FILE);
    if (!manifest->has_model)
        return true;
    if (manifest_find(manifest, model->weights) < 0)
        return why_set(why, "%s: model.weights: %s is no payload", MANIFEST_FILE, model->weights);
    if (manifest_find(manifest, model->tokenizer) < 0)
        return why_set(why, "%s: model.tokenizer: %s is no payload", MANIFEST_FILE,
                       model->tokenizer);
    if (model->heads % model->kv_heads)
        return why_set(why, "%s: model: %lld heads cannot share %lld kv_heads evenly",
                       MANIFEST_FILE, (long long)model->heads, (long long)model->kv_heads);
    return check_heads(model, why);
}

bool
manifest_read(const char *text, size_t bytes, struct manifest *manifest, struct why *why)
{
    struct document document = {0};
    struct toml_error error;
    if (!toml_read(text, bytes, &schema, &document, &error)) {
        toml_error_text(&error, MANIFEST_FILE, why->text, sizeof(why->text));
        return false;
    }
    *manifest = document.manifest;
    return check_payloads(manifest, why) && check_model(manifest, why);
}

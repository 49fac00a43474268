/* The shape of a weights file. */
#include <stdlib.h>
#include <string.h>

#include <engine/file.h>

#include <model/shape.h>

static void
copy_shape(struct manifest_model *model, const struct engine_shape *shape)
{
    model->dim = shape->dim;
    model->hidden = shape->hidden;
    model->layers = shape->layers;
    model->heads = shape->heads;
    model->kv_heads = shape->kv_heads;
    model->head_dim = shape->head_dim;
    model->vocabulary = shape->vocabulary;
    model->context = shape->context;
}

/* The first time with an arena that only counts. */
enum shape_result
shape_read(const void *head, size_t head_bytes, uint64_t file_bytes, struct manifest_model *model,
           struct why *why)
{
    struct engine_arena arena = {.base = NULL};
    struct engine_error error = {{0}};
    struct engine_model found;
    int status = engine_file_read_model(&found, head, head_bytes, file_bytes, &arena, &error);
    if (status == ENGINE_E_SPACE) {
        arena = (struct engine_arena){malloc(arena.used_bytes), arena.used_bytes, 0};
        status = engine_file_read_model(&found, head, head_bytes, file_bytes, &arena, &error);
        free(arena.base);
    }
    if (status == ENGINE_OK)
        copy_shape(model, &found.shape);
    else
        why_set(why, "%s", error.text);
    return status == ENGINE_OK       ? SHAPE_READ
           : status == ENGINE_E_HEAD ? SHAPE_NEEDS_MORE
                                     : SHAPE_BAD;
}

static bool
same_shape(const struct manifest_model *manifest, const struct manifest_model *file,
           struct why *why)
{
    const struct {
        const char *name;
        int64_t manifest, file;
    } numbers[] = {
        {"dim", manifest->dim, file->dim},
        {"hidden", manifest->hidden, file->hidden},
        {"layers", manifest->layers, file->layers},
        {"heads", manifest->heads, file->heads},
        {"kv_heads", manifest->kv_heads, file->kv_heads},
        {"head_dim", manifest->head_dim != 0 ? manifest->head_dim : manifest->dim / manifest->heads,
         file->head_dim},
        {"vocabulary", manifest->vocabulary, file->vocabulary},
        {"context", manifest->context, file->context},
    };
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        if (numbers[i].manifest != numbers[i].file)
            return why_set(why, "%s: model.%s is %lld, in %s it is %lld", MANIFEST_FILE,
                           numbers[i].name, (long long)numbers[i].manifest, manifest->weights,
                           (long long)numbers[i].file);
    return true;
}

static bool
read_block(struct bundle *bundle, size_t weights, uint64_t index, void *block, struct why *why)
{
    enum bundle_block result = bundle_read_block(bundle, weights, index, block);
    if (result == BUNDLE_BLOCK_UNREADABLE)
        return why_set(why, "%s: block %llu cannot be read", bundle->manifest.model.weights,
                       (unsigned long long)index);
    return result == BUNDLE_BLOCK_GOOD || !bundle_is_demoted(bundle, why);
}

/* The first blocks of a payload, as many as its shape is found in; and of the file that it is, or
 * was packed from. */
struct head {
    uint8_t *bytes;
    uint64_t blocks, payload_bytes, file_bytes;
};

/* Twice as many, or all that there are. */
static bool
grow_head(struct head *head, struct bundle *bundle, size_t weights, struct why *why)
{
    uint64_t all = tree_blocks(head->payload_bytes), from = head->blocks;
    if (from == all)
        return why_set(why, "%s: it ends within its head", bundle->manifest.model.weights);
    head->blocks = from == 0 ? 1 : 2 * from < all ? 2 * from : all;
    uint8_t *grown = realloc(head->bytes, head->blocks * TREE_BLOCK_BYTES);
    if (!grown)
        return why_set(why, "no memory for the first %llu blocks of %s",
                       (unsigned long long)head->blocks, bundle->manifest.model.weights);
    head->bytes = grown;
    for (uint64_t i = from; i < head->blocks; i++)
        if (!read_block(bundle, weights, i, grown + i * TREE_BLOCK_BYTES, why))
            return false;
    return true;
}

static bool
read_shape(struct head *head, struct bundle *bundle, size_t weights, struct manifest_model *file,
           struct why *why)
{
    enum shape_result result = SHAPE_NEEDS_MORE;
    struct why reason;
    while (result == SHAPE_NEEDS_MORE) {
        if (!grow_head(head, bundle, weights, why))
            return false;
        uint64_t bytes = head->blocks * TREE_BLOCK_BYTES;
        bytes = bytes < head->payload_bytes ? bytes : head->payload_bytes;
        result = shape_read(head->bytes, bytes, head->file_bytes, file, &reason);
    }
    return result == SHAPE_READ ||
           why_set(why, "%s: %.200s", bundle->manifest.model.weights, reason.text);
}

bool
shape_check(struct bundle *bundle, struct why *why)
{
    const struct manifest *manifest = &bundle->manifest;
    struct manifest_model file;
    if (!manifest->has_model)
        return true;
    size_t weights = (size_t)manifest_find(manifest, manifest->model.weights);
    uint64_t bytes = (uint64_t)manifest->payloads[weights].bytes;
    struct head head = {.payload_bytes = bytes, .file_bytes = bytes};
    if (manifest->model.unpacked_bytes != 0)
        head.file_bytes = (uint64_t)manifest->model.unpacked_bytes;
    bool fine = read_shape(&head, bundle, weights, &file, why);
    free(head.bytes);
    return fine && same_shape(&manifest->model, &file, why);
}

/* The shape of a weights file. */
#include <stdlib.h>
#include <string.h>

#include <engine/model.h>

#include <model/shape.h>

/* Enough for the lists that the reader makes for the most layers that there can be. */
#define ARENA_BYTES (ENGINE_LAYERS_MAX * (9 * sizeof(struct engine_tensor) + 128) + 4096)

bool
shape_read(const void *header, size_t header_bytes, uint64_t file_bytes,
           struct manifest_model *model, struct why *why)
{
    struct engine_arena arena = {malloc(ARENA_BYTES), ARENA_BYTES, 0};
    struct engine_error error = {{0}};
    struct engine_model found;
    if (!arena.base)
        return why_set(why, "no memory for the shape");
    int status = engine_checkpoint_read(&found, header, header_bytes, file_bytes, &arena, &error);
    free(arena.base);
    if (status != ENGINE_OK)
        return why_set(why, "%s", error.text);
    model->dim = found.shape.dim;
    model->hidden = found.shape.hidden;
    model->layers = found.shape.layers;
    model->heads = found.shape.heads;
    model->kv_heads = found.shape.kv_heads;
    model->vocabulary = found.shape.vocabulary;
    model->context = found.shape.context;
    return true;
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
read_first_block(struct bundle *bundle, size_t weights, void *block, struct why *why)
{
    enum bundle_block result = bundle_read_block(bundle, weights, 0, block);
    if (result == BUNDLE_BLOCK_UNREADABLE)
        return why_set(why, "%s: block 0 cannot be read", bundle->manifest.model.weights);
    return result == BUNDLE_BLOCK_GOOD || !bundle_is_demoted(bundle, why);
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
    void *block = malloc(TREE_BLOCK_BYTES);
    bool fine = block || why_set(why, "no memory for a block");
    fine = fine && read_first_block(bundle, weights, block, why);
    if (fine && !shape_read(block, tree_block_bytes(bytes, 0), bytes, &file, why)) {
        struct why reason = *why;
        fine = why_set(why, "%s: %.200s", manifest->model.weights, reason.text);
    }
    free(block);
    return fine && same_shape(&manifest->model, &file, why);
}

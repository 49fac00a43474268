/* Each part counts what it needs first, then gets it. */
#include "model.h"

#include "engine/file.h"

#include <stdio.h>
#include <stdlib.h>

static bool
give_arena(struct model *model, struct engine_arena *arena, size_t bytes, const char *what,
           struct engine_error *error)
{
    size_t rounded = (bytes + ENGINE_ARENA_ALIGN - 1) & ~(size_t)(ENGINE_ARENA_ALIGN - 1);
    *arena = (struct engine_arena){.base = aligned_alloc(ENGINE_ARENA_ALIGN, rounded),
                                   .size_bytes = rounded};
    if (arena->base == NULL)
        (void)snprintf(error->text, sizeof(error->text), "no memory for %s: %zu bytes", what,
                       rounded);
    model->is_short |= arena->base == NULL;
    model->short_bytes = arena->base == NULL ? rounded : model->short_bytes;
    if (arena->base != NULL)
        model->memory[model->parts++] = arena->base;
    return arena->base != NULL;
}

static bool
read_shape(struct model *model, const struct model_file *file, const struct model_options *options,
           struct engine_error *error)
{
    uint64_t bytes = options->layout != NULL ? options->unpacked_bytes : file->count;
    struct engine_arena arena = {0};
    struct engine_model counted;
    int status = engine_file_read_model(&counted, file->bytes, file->count, bytes, &arena, error);
    if (status != ENGINE_E_SPACE)
        return false; /* nothing was given: the file is at fault */
    return give_arena(model, &arena, arena.used_bytes, "the list of tensors", error) &&
           engine_file_read_model(&model->shape, file->bytes, file->count, bytes, &arena, error) ==
               ENGINE_OK;
}

static bool
read_tokenizer(struct model *model, const struct model_file *file, struct engine_error *error)
{
    struct engine_arena arena = {0};
    uint32_t vocabulary = model->shape.shape.vocabulary;
    int status = engine_file_read_tokenizer(&model->tokenizer, file->bytes, file->count, vocabulary,
                                            &arena, error);
    if (status != ENGINE_E_SPACE)
        return false;
    return give_arena(model, &arena, arena.used_bytes, "the vocabulary", error) &&
           engine_file_read_tokenizer(&model->tokenizer, file->bytes, file->count, vocabulary,
                                      &arena, error) == ENGINE_OK;
}

/* Packs the weights for their kernels; true also where there is no memory for that. */
static bool
pack(struct model *model, struct engine_error *error)
{
    const struct engine_kernel *const *kernels = model->kernels.of_tensor;
    struct engine_arena arena;
    if (!give_arena(model, &arena, engine_packed_bytes(&model->shape, kernels), "packed weights",
                    error))
        return true;
    int status = engine_pack(&model->packed, &model->shape, &model->file, kernels, &arena, error);
    model->is_packed = status == ENGINE_OK;
    model->source = engine_packed_source(&model->packed);
    return model->is_packed;
}

/* ... or does so when they are touched. */
static bool
pack_later(struct model *model, const struct model_options *options, struct engine_error *error)
{
    const struct engine_kernel *const *kernels = model->kernels.of_tensor;
    uint32_t workers = options->team != NULL ? options->team->count : 1;
    struct engine_arena arena = {0};
    (void)engine_packing_open(&model->packing, &model->shape, &model->file, kernels, workers,
                              options->packing, &arena, error);
    if (!give_arena(model, &arena, arena.used_bytes, "lists of packed blocks", error))
        return false;
    model->source = engine_packing_source(&model->packing);
    if (engine_packing_open(&model->packing, &model->shape, &model->file, kernels, workers,
                            options->packing, &arena, error) != ENGINE_OK)
        return false;
    model->packs = engine_packing_bytes(&model->packing) > 0;
    return true;
}

/* ... or was packed long ago, for kernels that are the ones chosen. */
static bool
use_placed(struct model *model, const struct model_options *options, struct engine_error *error)
{
    const struct model_file file = {model->mapping.file, model->mapping.length_bytes};
    struct engine_arena arena = {0};
    (void)engine_place(&model->placement, &model->shape, options->layout, &arena, error);
    if (!give_arena(model, &arena, arena.used_bytes, "a list of tensors", error) ||
        engine_place(&model->placement, &model->shape, options->layout, &arena, error) !=
            ENGINE_OK ||
        engine_placed_suits(&model->placement, model->kernels.of_tensor, error) != ENGINE_OK)
        return false;
    if (model->placement.bytes != file.count)
        return engine_fail(error, ENGINE_E_FILE,
                           "layout %s: %lu bytes, but the model has %lu in it", options->layout,
                           file.count, model->placement.bytes) == ENGINE_OK;
    model->placed = (struct engine_placed){&model->placement, file.bytes};
    model->source = engine_placed_source(&model->placed);
    return model->is_placed = true;
}

/* Other kernels than the reference read what is packed; keys and values are theirs in any case. */
static bool
prepare(struct model *model, const struct model_options *options, struct engine_error *error)
{
    struct engine_machine machine = *options->machine;
    machine.layout = options->layout;
    if (!kernels_choose(&model->kernels, &model->shape, &machine, options->kernel, error)) {
        model->is_short = true;
        return false;
    }
    if (options->layout != NULL)
        return use_placed(model, options, error);
    if (options->pack)
        return pack(model, error);
    return options->packing == NULL || pack_later(model, options, error);
}

static bool
make_engine(struct model *model, const struct model_options *options, struct engine_error *error)
{
    const struct engine_options wanted = {
        .batch = options->batch,
        .team = options->team,
        .kernels =
            model->is_placed || model->is_packed || model->packs ? model->kernels.of_tensor : NULL,
        .attention = model->kernels.attention,
    };
    struct engine_arena arena = {0};
    int status = engine_open(&model->engine, &model->shape, &model->source, &wanted, &arena, error);
    if (status != ENGINE_E_SPACE)
        return false;
    return give_arena(model, &arena, arena.used_bytes, "the engine", error) &&
           engine_open(&model->engine, &model->shape, &model->source, &wanted, &arena, error) ==
               ENGINE_OK;
}

bool
model_open(struct model *model, const struct model_file *checkpoint,
           const struct model_file *tokenizer, const struct model_options *options,
           struct engine_error *error)
{
    *model = (struct model){.mapping = {checkpoint->bytes, checkpoint->count}};
    model->file = model->source = engine_mapping_source(&model->mapping);
    const struct model_file *words = tokenizer->count > 0 ? tokenizer : checkpoint;
    bool opened = read_shape(model, checkpoint, options, error) &&
                  read_tokenizer(model, words, error) && prepare(model, options, error) &&
                  make_engine(model, options, error);
    if (!opened)
        model_close(model);
    return opened;
}

void
model_close(struct model *model)
{
    model->packs = model->is_packed = false;
    while (model->parts > 0)
        free(model->memory[--model->parts]);
    free(model->kernels.of_tensor);
    model->kernels.of_tensor = NULL;
}

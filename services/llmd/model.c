/* Each part counts what it needs first, then gets it. */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>

static bool
give_arena(struct engine_arena *arena, size_t bytes, const char *what, struct engine_error *error)
{
    size_t rounded = (bytes + ENGINE_ARENA_ALIGN - 1) & ~(size_t)(ENGINE_ARENA_ALIGN - 1);
    *arena = (struct engine_arena){.base = aligned_alloc(ENGINE_ARENA_ALIGN, rounded),
                                   .size_bytes = rounded};
    if (arena->base == NULL)
        (void)snprintf(error->text, sizeof(error->text), "no memory for %s: %zu bytes", what,
                       rounded);
    return arena->base != NULL;
}

static bool
read_shape(struct model *model, const struct model_file *file, struct engine_error *error)
{
    struct engine_arena arena = {0};
    struct engine_model counted;
    int status =
        engine_checkpoint_read(&counted, file->bytes, file->count, file->count, &arena, error);
    if (status != ENGINE_E_SPACE)
        return false; /* nothing was given: the file is at fault */
    return give_arena(&arena, arena.used_bytes, "the list of tensors", error) &&
           engine_checkpoint_read(&model->shape, file->bytes, file->count, file->count, &arena,
                                  error) == ENGINE_OK;
}

static bool
read_tokenizer(struct model *model, const struct model_file *file, struct engine_error *error)
{
    struct engine_arena arena = {0};
    uint32_t vocabulary = model->shape.shape.vocabulary;
    int status = engine_tokenizer_read(&model->tokenizer, file->bytes, file->count, vocabulary,
                                       &arena, error);
    if (status != ENGINE_E_SPACE)
        return false;
    return give_arena(&arena, arena.used_bytes, "the vocabulary", error) &&
           engine_tokenizer_read(&model->tokenizer, file->bytes, file->count, vocabulary, &arena,
                                 error) == ENGINE_OK;
}

static bool
make_engine(struct model *model, const struct engine_options *options, struct engine_error *error)
{
    struct engine_arena arena = {0};
    int status = engine_open(&model->engine, &model->shape, &model->source, options, &arena, error);
    if (status != ENGINE_E_SPACE)
        return false;
    return give_arena(&arena, arena.used_bytes, "the engine", error) &&
           engine_open(&model->engine, &model->shape, &model->source, options, &arena, error) ==
               ENGINE_OK;
}

bool
model_open(struct model *model, const struct model_file *checkpoint,
           const struct model_file *tokenizer, const struct engine_options *options,
           struct engine_error *error)
{
    model->mapping = (struct engine_mapping){checkpoint->bytes, checkpoint->count};
    model->source = engine_mapping_source(&model->mapping);
    return read_shape(model, checkpoint, error) && read_tokenizer(model, tokenizer, error) &&
           make_engine(model, options, error);
}

#include "complete.h"

#include <string.h>

#include "engine/file.h"

/* Chooses for this machine, and packs. */
static int
pack(struct loaded *loaded, const struct loading *loading, struct engine_arena *arena,
     struct engine_error *error)
{
    loaded->kernels = engine_arena_take(arena, loaded->model.tensor_count, sizeof *loaded->kernels);
    if (loaded->kernels == NULL)
        return engine_fail(error, ENGINE_E_SPACE, "llm: no memory for a choice of kernels");
    int64_t trials = engine_choose(&loaded->model, &loading->machine, loading->kernel,
                                   loaded->kernels, loaded->trials, TRIALS_MAX, arena);
    if (trials < 0)
        return engine_fail(error, (int)trials, "llm: no memory to try kernels in");
    loaded->trial_count = (uint32_t)(trials < TRIALS_MAX ? trials : TRIALS_MAX);
    loaded->attention = engine_attention_kernel(&loaded->model, loaded->kernels);
    int status =
        engine_pack(&loaded->packed, &loaded->model, &loaded->file, loaded->kernels, arena, error);
    loaded->source = engine_packed_source(&loaded->packed);
    return status;
}

int
load(struct loaded *loaded, const struct loading *loading, struct engine_arena *arena,
     struct engine_error *error)
{
    *loaded = (struct loaded){.kernels = NULL};
    int status = engine_file_read_model(&loaded->model, loading->file, loading->bytes,
                                        loading->bytes, arena, error);
    if (status != ENGINE_OK)
        return status;
    loaded->mapping = (struct engine_mapping){loading->file, loading->bytes};
    loaded->file = engine_mapping_source(&loaded->mapping);
    loaded->source = loaded->file;
    if (loading->kernel != NULL && strcmp(loading->kernel, "reference") == 0)
        return ENGINE_OK;
    return pack(loaded, loading, arena, error);
}

int
open_answerer(struct answerer *answerer, const struct loaded *loaded, const uint8_t *tokenizer,
              uint64_t tokenizer_bytes, struct engine_arena *arena, struct engine_error *error)
{
    const struct engine_options options = {
        .batch = COMPLETE_BATCH, .kernels = loaded->kernels, .attention = loaded->attention};
    struct engine_tokenizer *words = engine_arena_take(arena, 1, sizeof *words);
    if (words == NULL)
        return engine_fail(error, ENGINE_E_SPACE, "llm: no memory for a tokenizer");
    int status = engine_file_read_tokenizer(words, tokenizer, tokenizer_bytes,
                                            loaded->model.shape.vocabulary, arena, error);
    *answerer = (struct answerer){.shape = &loaded->model.shape, .tokenizer = words};
    return status != ENGINE_OK ? status
                               : engine_open(&answerer->engine, &loaded->model, &loaded->source,
                                             &options, arena, error);
}

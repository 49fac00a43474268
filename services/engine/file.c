#include "engine/file.h"

#include "engine/gguf.h"

int
engine_file_read_model(struct engine_model *model, const void *file, uint64_t head_bytes,
                       uint64_t file_bytes, struct engine_arena *arena, struct engine_error *error)
{
    return (engine_is_gguf(file, head_bytes) ? engine_gguf_read_head : engine_checkpoint_read)(
        model, file, head_bytes, file_bytes, arena, error);
}

int
engine_file_read_tokenizer(struct engine_tokenizer *tokenizer, const void *file,
                           uint64_t file_bytes, uint32_t vocabulary, struct engine_arena *arena,
                           struct engine_error *error)
{
    return (engine_is_gguf(file, file_bytes) ? engine_gguf_tokenizer_read : engine_tokenizer_read)(
        tokenizer, file, file_bytes, vocabulary, arena, error);
}

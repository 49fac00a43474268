/*
 * Model files of whatever kind: GGUF, which have their vocabulary with them, and llama2.c
 * checkpoints with a tokenizer.bin. A file says by its first bytes which it is.
 */
#ifndef ENGINE_FILE_H
#define ENGINE_FILE_H

#include "engine/model.h"
#include "engine/tokenizer.h"

/*
 * The model, from the first `head_bytes` of a file of `file_bytes`: engine_gguf_read_head or
 * engine_checkpoint_read. ENGINE_E_HEAD: more of it is needed.
 */
int engine_file_read_model(struct engine_model *model, const void *file, uint64_t head_bytes,
                           uint64_t file_bytes, struct engine_arena *arena,
                           struct engine_error *error);

/* The vocabulary: engine_gguf_tokenizer_read or engine_tokenizer_read. */
int engine_file_read_tokenizer(struct engine_tokenizer *tokenizer, const void *file,
                               uint64_t file_bytes, uint32_t vocabulary, struct engine_arena *arena,
                               struct engine_error *error);

#endif

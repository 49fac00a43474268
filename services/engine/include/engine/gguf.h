/*
 * GGUF files, version 3: models of the architectures llama, mistral, qwen2 and phi3, and
 * vocabularies of SentencePiece (llama) and byte-level BPE (gpt2). The file is mapped, and
 * untrusted; reading touches what stands in front of the tensors' data only.
 */
#ifndef ENGINE_GGUF_H
#define ENGINE_GGUF_H

#include "engine/model.h"
#include "engine/tokenizer.h"

/* Whether a file begins as one. */
bool engine_is_gguf(const void *file, uint64_t file_bytes);

/*
 * The model: F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q4_K, Q5_K and Q6_K; positions as they are,
 * scaled linearly, or with factors for each frequency. ENGINE_E_FILE (cut short, a size or an
 * offset out of range, a tensor that is missing or of another shape), ENGINE_E_UNSUPPORTED (another
 * version, architecture or type, another scaling, tensors that the architecture does not have),
 * ENGINE_E_SPACE.
 */
int engine_gguf_read(struct engine_model *model, const void *file, uint64_t file_bytes,
                     struct engine_arena *arena, struct engine_error *error);

/*
 * The same where only the first `head_bytes` of the file's `file_bytes` are at hand. ENGINE_E_HEAD:
 * all that stands in front of the tensors' data is needed, and that is longer.
 */
int engine_gguf_read_head(struct engine_model *model, const void *file, uint64_t head_bytes,
                          uint64_t file_bytes, struct engine_arena *arena,
                          struct engine_error *error);

/*
 * The vocabulary, for a model with `vocabulary` words; the texts are copied into `arena`. As above,
 * and ENGINE_E_MISMATCH: another number of pieces, no pieces for bytes; ENGINE_E_UNSUPPORTED:
 * another kind of vocabulary, or words that are cut in another way.
 */
int engine_gguf_tokenizer_read(struct engine_tokenizer *tokenizer, const void *file,
                               uint64_t file_bytes, uint32_t vocabulary, struct engine_arena *arena,
                               struct engine_error *error);

#endif

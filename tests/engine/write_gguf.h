/*
 * GGUF files, written from a llama2.c checkpoint: the same numbers in another dress. Where the type
 * holds less than the checkpoint, the checkpoint is changed to what the type can hold.
 */
#ifndef TESTS_ENGINE_WRITE_GGUF_H
#define TESTS_ENGINE_WRITE_GGUF_H

#include <stddef.h>
#include <stdint.h>

#include "engine/model.h"

enum { GGUF_F32, GGUF_F16, GGUF_Q4_0, GGUF_Q8_0 = 8, GGUF_BF16 = 30 }; /* types of matrices */

/*
 * `model` describes `checkpoint`: version 0 for the floats, version 2 in groups of 32 for Q8_0 and
 * Q4_0. The vocabulary is made up: control pieces, bytes, then words of letters. From malloc.
 */
uint8_t *write_gguf(const struct engine_model *model, uint8_t *checkpoint, uint32_t type,
                    size_t *bytes);

#endif

/* The scalar kernels for the formats of GGUF: what struct engine_kernel says of them. */
#ifndef ENGINE_KERNEL_GGUF_H
#define ENGINE_KERNEL_GGUF_H

#include "engine/kernel.h"

void gguf_multiply_f16(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
                       const struct engine_vectors *vectors, float *const *out);
void gguf_expand_f16(const struct engine_rows *rows, uint32_t row, uint32_t columns, uint32_t group,
                     float *out);
void gguf_multiply_bf16(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
                        const struct engine_vectors *vectors, float *const *out);
void gguf_expand_bf16(const struct engine_rows *rows, uint32_t row, uint32_t columns,
                      uint32_t group, float *out);
void gguf_multiply_q8_0(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
                        const struct engine_vectors *vectors, float *const *out);
void gguf_expand_q8_0(const struct engine_rows *rows, uint32_t row, uint32_t columns,
                      uint32_t group, float *out);
void gguf_multiply_q4_0(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
                        const struct engine_vectors *vectors, float *const *out);
void gguf_expand_q4_0(const struct engine_rows *rows, uint32_t row, uint32_t columns,
                      uint32_t group, float *out);

#endif

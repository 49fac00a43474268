/* The scalar kernels for the formats of GGUF: what struct engine_kernel says of them. */
#ifndef ENGINE_KERNEL_GGUF_H
#define ENGINE_KERNEL_GGUF_H

#include "engine/kernel.h"

/* Name, format, and how they are read: as floats, or in groups of 32 quants. */
#define GGUF_KERNELS(KERNEL)          \
    KERNEL(f16, ENGINE_F16, blocks)   \
    KERNEL(bf16, ENGINE_BF16, blocks) \
    KERNEL(q4_1, ENGINE_Q4_1, blocks) \
    KERNEL(q5_0, ENGINE_Q5_0, blocks) \
    KERNEL(q4_k, ENGINE_Q4_K, blocks) \
    KERNEL(q5_k, ENGINE_Q5_K, blocks) \
    KERNEL(q6_k, ENGINE_Q6_K, blocks) \
    KERNEL(q8_0, ENGINE_Q8_0, groups) \
    KERNEL(q4_0, ENGINE_Q4_0, groups)

#define GGUF_KERNEL_DECLARE(name, format, kind)                                             \
    void gguf_multiply_##name(const struct engine_rows *rows, uint32_t first_row,           \
                              uint32_t row_count, const struct engine_vectors *vectors,     \
                              float *const *out);                                           \
    void gguf_expand_##name(const struct engine_rows *rows, uint32_t row, uint32_t columns, \
                            uint32_t group, float *out);
GGUF_KERNELS(GGUF_KERNEL_DECLARE)

#endif

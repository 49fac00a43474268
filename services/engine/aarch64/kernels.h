/* What the files of the kernels for 64-bit Arm share. */
#ifndef ENGINE_AARCH64_KERNELS_H
#define ENGINE_AARCH64_KERNELS_H

#include "rows8.h"

/* attention_neon.S: what engine_kernel.sums says. */
void rows16_attention_neon(const void *strips, const int16_t *quants, const int16_t *fine,
                           const int32_t *scales, uint64_t halves, int32_t *out,
                           uint64_t strip_bytes, uint64_t strip_count);

extern const struct engine_kernel rows8_sdot[ROWS8_FORMATS], rows8_smmla[ROWS8_FORMATS];

#endif

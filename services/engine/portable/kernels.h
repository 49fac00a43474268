/* What the files of the portable kernels share. */
#ifndef ENGINE_PORTABLE_KERNELS_H
#define ENGINE_PORTABLE_KERNELS_H

#include "engine/kernel.h"

/* Attention in vectors, as engine_kernel.sums says. */
void rows16_lanes_sums(const void *strips, const int16_t *quants, const int16_t *fine,
                       const int32_t *scales, uint64_t halves, int32_t *out, uint64_t strip_bytes,
                       uint64_t strip_count);

extern const struct engine_kernel rows32_lanes;

#endif

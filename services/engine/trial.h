/*
 * Trying kernels. Each kind of tensor (format, columns, group) is tried with a block of random
 * rows; a kernel that differs from the scalar one of its layout in a single bit is not used.
 */
#ifndef ENGINE_TRIAL_H
#define ENGINE_TRIAL_H

#include "engine/choice.h"

#define BENCH_VECTORS 5 /* that are compared: kernels may take two, or four, at once */

/* What is tried on: rows as in a file, and packed; vectors in all forms; results. */
struct bench {
    const struct engine_tensor *tensor;
    uint32_t columns; /* the tensor's first ones, if it has many */
    uint8_t *rows;
    float *scales, *values;
    int8_t *quants;
    float *quant_scales;
    int16_t *integers, *fine;
    struct engine_single_group *singles;
    int32_t *integer_scales;
    uint8_t *packed;
    const struct engine_layout *layout; /* that `packed` and `expected` are of; NULL: of none */
    float bases[BENCH_VECTORS], *out, *expected;
};

/* For a kind of tensor, with memory of `scratch`; false: it is too small. */
bool bench_begin(struct bench *bench, const struct engine_tensor *tensor,
                 struct engine_arena *scratch);

/* Tries one kernel, by the clock of `machine`; for less long where it is far behind the best. */
struct engine_trial bench_try(struct bench *bench, const struct engine_machine *machine,
                              const struct engine_kernel *kernel, const struct engine_trial *best);

#endif

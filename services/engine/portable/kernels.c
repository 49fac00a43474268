/* The kernels that every machine has. */
#include "rows16.h"

static const struct engine_kernel *const kernels[] = {&rows16_scalar[0], &rows16_scalar[1],
                                                      &rows16_scalar[2]};

const struct engine_kernel *const *
engine_kernels(uint32_t *count)
{
    *count = sizeof kernels / sizeof *kernels;
    return kernels;
}

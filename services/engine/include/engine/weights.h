/*
 * Where the weights come from. The engine asks for a block of rows of a tensor each time that it
 * needs one, and gets it in the layout that the tensor's kernel wants. Who answers may have it
 * mapped, packed ahead of time, or read, verified and packed at that moment: the model pager.
 */
#ifndef ENGINE_WEIGHTS_H
#define ENGINE_WEIGHTS_H

#include <stdbool.h>

#include "engine/model.h"

/* One block as a kernel reads it. */
struct engine_rows {
    const void *values;  /* as in the file, or as the kernel's packer wrote it */
    const float *scales; /* ENGINE_Q8_SPLIT as in the file: columns / group for each row */
    uint32_t group;      /* of the tensor: what calls a packer says it */
};

struct engine_source {
    void *context;
    /*
     * Gives worker `worker` (below its team's count) block `block` of `tensor`. It stays as it is
     * until the same worker asks for another one. False: it cannot be had; the step fails with
     * ENGINE_E_WEIGHTS. Called by several workers at once, mostly for different blocks.
     */
    bool (*rows)(void *context, uint32_t worker, const struct engine_tensor *tensor, uint32_t block,
                 struct engine_rows *rows);
};

/* The trivial source: the whole file is mapped, and used as it is. */
struct engine_mapping {
    const uint8_t *file; /* aligned to 4 */
    uint64_t length_bytes;
};

struct engine_source engine_mapping_source(struct engine_mapping *mapping);

#endif

/*
 * Which kernel is used for which tensor: by trying them on this machine, at load. And weights that
 * are packed for them ahead of time, where there is memory for that.
 */
#ifndef ENGINE_CHOICE_H
#define ENGINE_CHOICE_H

#include "engine/kernel.h"

/* What there is to choose from, and a clock. */
struct engine_machine {
    uint32_t features;          /* enum engine_feature */
    uint32_t vector_bytes;      /* the SVE vector length that is set; 0: none */
    uint64_t (*now_ns)(void *); /* NULL: not measured, the last of the first layout that fits */
    void *context;
    const char *layout; /* only kernels that read this one; NULL: any */
};

/* What was found out about one kernel with one kind of tensor. */
struct engine_trial {
    const struct engine_kernel *kernel;
    enum engine_format format;
    uint32_t columns;
    bool differs; /* from the scalar kernel of its layout: it is not used */
    bool chosen;
    uint64_t macs, time_ns; /* multiply-accumulates in the best run, and its time: of a kernel that
                               takes twice as long as another, one block */
};

/*
 * Chooses for each tensor of the model: `kernels` has room for tensor_count. Only kernels whose
 * name begins with `forced` are tried, where it is not NULL; tensors for which there is none get
 * the reference. Up to `trials_max` trials are reported; returns how many there were.
 * ENGINE_E_SPACE: `scratch` is too small, which holds a few blocks of the widest tensor.
 */
int64_t engine_choose(const struct engine_model *model, const struct engine_machine *machine,
                      const char *forced, const struct engine_kernel **kernels,
                      struct engine_trial *trials, uint32_t trials_max,
                      struct engine_arena *scratch);

/* The kernel for attention that goes with a choice: the first of those chosen that is for it,
   whichever tensor's; NULL: there is none, or the model has a window. */
const struct engine_kernel *engine_attention_kernel(const struct engine_model *model,
                                                    const struct engine_kernel *const *kernels);

/* Weights packed as a whole for the kernels that were chosen. */
struct engine_packed {
    const struct engine_model *model;
    const struct engine_source *file; /* where the rows come from, and those that need no packing */
    const struct engine_kernel *const *kernels;
    uint8_t **tensors; /* NULL: not packed */
    size_t *strides;   /* from one block of a tensor to the next */
};

/* Room in an arena that engine_pack needs. */
size_t engine_packed_bytes(const struct engine_model *model,
                           const struct engine_kernel *const *kernels);

/* Packs everything into `arena`. ENGINE_E_SPACE, ENGINE_E_WEIGHTS. */
int engine_pack(struct engine_packed *packed, const struct engine_model *model,
                const struct engine_source *file, const struct engine_kernel *const *kernels,
                struct engine_arena *arena, struct engine_error *error);

struct engine_source engine_packed_source(struct engine_packed *packed);

#endif

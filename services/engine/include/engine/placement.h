/*
 * Weights that were packed ahead of time, into a file of their own: a host tool writes it for the
 * kernels of one layout, and they read it where it is mapped. The file is
 *
 *   the bytes of the model file that stand in front of its first tensor, as they are;
 *   then all tensors, in the order of the model's list, each at a multiple of ENGINE_PLACE_ALIGN:
 *   its blocks of rows, each at a multiple of ENGINE_ARENA_ALIGN behind the one before it, as the
 *   layout's packer makes them. Tensors that the layout is not for (norms) are as in the model
 * file: the rows of a block, then, at a multiple of ENGINE_ARENA_ALIGN, its scales where they are
 * apart.
 *
 * Where everything lies follows from the model and the layout's name alone.
 */
#ifndef ENGINE_PLACEMENT_H
#define ENGINE_PLACEMENT_H

#include "engine/kernel.h"

#define ENGINE_PLACE_ALIGN 4096

struct engine_placement {
    const struct engine_model *model;
    const char *layout; /* as in a bundle's manifest */
    uint64_t head_bytes, bytes;
    uint64_t *offsets;                    /* of each tensor */
    const struct engine_layout **layouts; /* likewise; NULL: as in the model file */
};

/*
 * Says where everything lies. Model, name and the arena's memory must stay. ENGINE_E_UNSUPPORTED:
 * this build has no layout of that name, or none for any of the tensors; ENGINE_E_SPACE.
 */
int engine_place(struct engine_placement *placement, const struct engine_model *model,
                 const char *layout, struct engine_arena *arena, struct engine_error *error);

/* From one block of a tensor to the next; all of them have room in that. */
size_t engine_placed_bytes(const struct engine_placement *placement,
                           const struct engine_tensor *tensor);

/* Writes a block to `to`, aligned to ENGINE_ARENA_ALIGN, from its rows in the model file. */
void engine_place_rows(const struct engine_placement *placement, const struct engine_tensor *tensor,
                       uint32_t block, struct engine_rows *rows, void *to);

/* Whether these kernels (one for each tensor, as engine_choose chose) read what is placed.
 * ENGINE_E_UNSUPPORTED: another layout was chosen for a tensor, which `error` names. */
int engine_placed_suits(const struct engine_placement *placement,
                        const struct engine_kernel *const *kernels, struct engine_error *error);

/* The whole file is mapped, aligned to ENGINE_PLACE_ALIGN, and used as it is. */
struct engine_placed {
    const struct engine_placement *placement;
    const uint8_t *file;
};
struct engine_source engine_placed_source(struct engine_placed *placed);

#endif

/*
 * From the bytes of a model's files to an engine that is ready to serve: the same for the hosted
 * llmd and the machine's.
 */
#ifndef LLMD_MODEL_H
#define LLMD_MODEL_H

#include "engine/batch.h"
#include "engine/packing.h"
#include "engine/placement.h"
#include "engine/tokenizer.h"

#include "kernels.h"

struct model_file {
    const void *bytes; /* mapped as a whole; may be filled in when it is touched */
    uint64_t count;
};

struct model_options {
    uint32_t batch;                 /* tokens of a step at most, as in struct engine_options */
    const struct engine_team *team; /* as there */
    const struct engine_machine *machine;
    const char *kernel; /* only those whose name begins so (kernels.h); NULL: the fastest */
    /*
     * Weights are packed for the kernels that were chosen, which reads all of them now and takes as
     * much memory again. False, or where there is too little: kernels that take them as they are.
     */
    bool pack;
    /* Where `pack` is false: weights are packed when they are touched, with this. NULL: they are
     * not packed. */
    const struct engine_packing_host *packing;
    /* The weights' file was packed ahead of time for kernels of this layout, from one of so many
     * bytes (placement.h): only those compute, and what is above does not count. NULL: it was not.
     */
    const char *layout;
    uint64_t unpacked_bytes;
};

#define MODEL_PARTS 6u

struct model {
    struct engine_model shape;
    struct engine_tokenizer tokenizer;
    struct engine_mapping mapping;
    struct engine_source file, source;
    struct kernels kernels;
    struct engine_packed packed;
    struct engine_packing packing;
    struct engine_placement placement;
    struct engine_placed placed;
    bool is_placed;        /* ahead of time */
    bool is_packed, packs; /* as a whole; when touched */
    bool is_short;         /* of memory: why it could not be opened; and of how much, where known */
    size_t short_bytes;
    struct engine *engine;
    void *memory[MODEL_PARTS]; /* malloc */
    uint32_t parts;
};

/*
 * The checkpoint is one of llama2.c, or a GGUF file, which needs no tokenizer: `count` 0. Memory
 * comes from malloc and stays until model_close, and so must the files. False, with the reason in
 * `error`, when the files cannot be used or memory is short: then nothing is left behind.
 */
bool model_open(struct model *model, const struct model_file *checkpoint,
                const struct model_file *tokenizer, const struct model_options *options,
                struct engine_error *error);

void model_close(struct model *model);

#endif

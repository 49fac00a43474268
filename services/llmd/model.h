/*
 * From the bytes of a checkpoint and a tokenizer to an engine that is ready to serve: the same for
 * the hosted llmd and the machine's.
 */
#ifndef LLMD_MODEL_H
#define LLMD_MODEL_H

#include "engine/batch.h"
#include "engine/tokenizer.h"

struct model_file {
    const void *bytes; /* mapped as a whole; may be filled in when it is touched */
    uint64_t count;
};

struct model {
    struct engine_model shape;
    struct engine_tokenizer tokenizer;
    struct engine_mapping mapping;
    struct engine_source source;
    struct engine *engine;
};

/*
 * Memory comes from malloc and stays until the program ends. `options` as for engine_open. False,
 * with the reason in `error`, when the files cannot be used or memory is short.
 */
bool model_open(struct model *model, const struct model_file *checkpoint,
                const struct model_file *tokenizer, const struct engine_options *options,
                struct engine_error *error);

#endif

/*
 * The files of the model that is served: from the boot image if it carries them (model.bin,
 * tokenizer.bin), or else from a signed bundle of the first disk with a store.
 */
#ifndef LLMD_WEIGHTS_H
#define LLMD_WEIGHTS_H

#include "metrics.h"
#include "model.h"

/* The files of a model, and where they are from. */
struct files {
    struct model_file checkpoint, tokenizer;
    int64_t generation; /* of the bundle; 0: they are from the boot image */
    bool on_fault;      /* the checkpoint is read, and verified, when it is touched */
};

/* Finds them, verifies them, and says so on the console. Ends the program when there are none. */
void weights_find(struct files *files);

/* What was read from the store, for /metrics. */
metrics_source weights_count;

#endif

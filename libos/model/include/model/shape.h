/*
 * A model's shape, as its weights file has it: read by the inference engine's reader, which also
 * checks that the file has the length that its shape asks for. Who links this links
 * services/engine.
 */
#ifndef MODEL_SHAPE_H
#define MODEL_SHAPE_H

#include <model/bundle.h>

enum shape_result {
    SHAPE_READ,
    SHAPE_NEEDS_MORE, /* of the file's first bytes */
    SHAPE_BAD,        /* it is no model that can be served */
};

/*
 * Fills in the numbers of `model` from the first `head_bytes` of a file of `file_bytes`: 256 of a
 * llama2.c checkpoint are always enough, of GGUF all is needed that stands in front of the data.
 */
enum shape_result shape_read(const void *head, size_t head_bytes, uint64_t file_bytes,
                             struct manifest_model *model, struct why *why);

/*
 * Whether a model bundle's manifest has the shape of its weights file, whose first blocks are read
 * and verified; other bundles have none to check. A condition for bundle_loader.accept.
 */
bool shape_check(struct bundle *bundle, struct why *why);

#endif

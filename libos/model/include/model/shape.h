/*
 * A model's shape, as its weights file has it: read by the inference engine's reader, which also
 * checks that the file has the length that its shape asks for. Who links this links
 * services/engine.
 */
#ifndef MODEL_SHAPE_H
#define MODEL_SHAPE_H

#include <model/bundle.h>

#define SHAPE_HEADER_BYTES 256u /* of a checkpoint: enough for every one */

/* Fills in the numbers of `model` from the first bytes of a file of `file_bytes`. */
bool shape_read(const void *header, size_t header_bytes, uint64_t file_bytes,
                struct manifest_model *model, struct why *why);

/*
 * Whether a model bundle's manifest has the shape of its weights file, whose first block is read
 * and verified; other bundles have none to check. A condition for bundle_loader.accept.
 */
bool shape_check(struct bundle *bundle, struct why *why);

#endif

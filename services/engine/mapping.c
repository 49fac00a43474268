/* Weights from a file that is mapped as a whole. */
#include "engine/weights.h"

static bool
mapping_rows(void *context, uint32_t worker, const struct engine_tensor *tensor, uint32_t block,
             struct engine_rows *rows)
{
    (void)worker;
    const struct engine_mapping *mapping = context;
    struct engine_range ranges[2];
    unsigned count = engine_block_ranges(tensor, block, ranges);
    for (unsigned i = 0; i < count; i++)
        if (ranges[i].offset + ranges[i].length_bytes > mapping->length_bytes)
            return false;
    rows->values = mapping->file + ranges[0].offset;
    rows->scales = count == 2 ? (const void *)(mapping->file + ranges[1].offset) : NULL;
    return true;
}

struct engine_source
engine_mapping_source(struct engine_mapping *mapping)
{
    return (struct engine_source){mapping, mapping_rows};
}

/* Keys and values in floats: [layer][keys, values][position][kv_heads * head_dim] floats. */
#include "engine_private.h"

#include <string.h>

static size_t
row_floats(const struct engine *engine)
{
    const struct engine_shape *shape = &engine->model->shape;
    return (size_t)shape->kv_heads * shape->head_dim;
}

size_t
engine_sequence_bytes(const struct engine *engine, uint32_t context)
{
    if (engine->attention != NULL)
        return attention_integer_bytes(&engine->model->shape, context);
    return 2 * (size_t)engine->model->shape.layers * context * row_floats(engine) * sizeof(float);
}

void
engine_sequence_begin(struct engine_sequence *sequence, uint32_t context, void *memory)
{
    *sequence = (struct engine_sequence){.context = context, .memory = memory};
}

float *
sequence_row(const struct engine *engine, const struct engine_sequence *sequence, uint32_t layer,
             uint32_t part, uint32_t position)
{
    size_t row = ((size_t)layer * 2 + part) * sequence->context + position;
    return (float *)sequence->memory + row * row_floats(engine);
}

void
engine_sequence_copy(const struct engine *engine, struct engine_sequence *to,
                     const struct engine_sequence *from, uint32_t count)
{
    size_t bytes = count * row_floats(engine) * sizeof(float);
    to->position = count;
    if (engine->attention != NULL) {
        attention_integer_copy(engine, to, from, count);
        return;
    }
    for (uint32_t layer = 0; layer < engine->model->shape.layers; layer++)
        for (uint32_t part = 0; part < 2; part++)
            memcpy(sequence_row(engine, to, layer, part, 0),
                   sequence_row(engine, from, layer, part, 0), bytes);
}

/* Keys and values in floats: [layer][keys, values][position][kv_heads * head_dim] floats. */
#include "engine_private.h"

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

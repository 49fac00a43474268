/* Sizes and places, and the copy of what one sequence holds into another. */
#include "head_cache.h"

static size_t
align(size_t bytes)
{
    return (bytes + ENGINE_ARENA_ALIGN - 1) & ~(size_t)(ENGINE_ARENA_ALIGN - 1);
}

/* Sizes of the parts of a head's memory, in the order in which they lie there. */
struct parts {
    size_t keys, values, units;
};

static struct parts
parts_of(uint32_t head_dim, uint32_t context)
{
    size_t groups = head_cache_divide_up(head_dim, ROWS16_GROUP) * (size_t)ROWS16_GROUP_BYTES;
    return (struct parts){
        .keys = align(head_cache_divide_up(context, ROWS16_ROWS) * groups),
        .values = align(head_cache_divide_up(head_dim, ROWS16_ROWS) *
                        (size_t)head_cache_divide_up(context, ROWS16_GROUP) * ROWS16_GROUP_BYTES),
        .units = head_cache_divide_up(context, ROWS16_GROUP) * ROWS16_GROUP * sizeof(float)};
}

size_t
attention_integer_bytes(const struct engine_shape *shape, uint32_t context)
{
    struct parts parts = parts_of(shape->head_dim, context);
    return (size_t)shape->layers * shape->kv_heads * (parts.keys + parts.values + 2 * parts.units);
}

struct head_cache
head_cache_of(const struct engine *engine, const struct engine_sequence *sequence, uint32_t layer,
              uint32_t kv_head)
{
    const struct engine_shape *shape = &engine->model->shape;
    struct parts parts = parts_of(shape->head_dim, sequence->context);
    size_t index = (size_t)layer * shape->kv_heads + kv_head;
    uint8_t *at =
        (uint8_t *)sequence->memory + index * (parts.keys + parts.values + 2 * parts.units);
    uint8_t *units = at + parts.keys + parts.values;
    return (struct head_cache){.keys = at,
                               .values = at + parts.keys,
                               .key_units = (void *)units,
                               .value_units = (void *)(units + parts.units),
                               .key_groups = head_cache_divide_up(shape->head_dim, ROWS16_GROUP),
                               .value_groups =
                                   head_cache_divide_up(sequence->context, ROWS16_GROUP),
                               .value_strips = head_cache_divide_up(shape->head_dim, ROWS16_ROWS)};
}

/*
 * Strips of 16 keys are copied whole, and so are groups of 32 values: what is behind `count` in the
 * last one has no weight, as where a sequence was set back.
 */
static void
copy_head(const struct head_cache *to, const struct head_cache *from, uint32_t count)
{
    size_t strip_bytes = (size_t)from->key_groups * ROWS16_GROUP_BYTES;
    uint32_t groups = head_cache_divide_up(count, ROWS16_GROUP);
    memcpy(to->keys, from->keys, head_cache_divide_up(count, ROWS16_ROWS) * strip_bytes);
    memcpy(to->key_units, from->key_units, count * sizeof *to->key_units);
    memcpy(to->value_units, from->value_units, count * sizeof *to->value_units);
    for (uint32_t i = 0; i < from->value_strips; i++)
        memcpy(to->values + (size_t)i * to->value_groups * ROWS16_GROUP_BYTES,
               from->values + (size_t)i * from->value_groups * ROWS16_GROUP_BYTES,
               (size_t)groups * ROWS16_GROUP_BYTES);
}

void
attention_integer_copy(const struct engine *engine, const struct engine_sequence *to,
                       const struct engine_sequence *from, uint32_t count)
{
    const struct engine_shape *shape = &engine->model->shape;
    for (uint32_t layer = 0; layer < shape->layers; layer++)
        for (uint32_t head = 0; head < shape->kv_heads; head++) {
            struct head_cache there = head_cache_of(engine, to, layer, head);
            struct head_cache here = head_cache_of(engine, from, layer, head);
            copy_head(&there, &here, count);
        }
}

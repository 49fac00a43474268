/* Rotary positions and grouped-query attention, in floats. */
#include "engine_private.h"
#include "real.h"

static void
add(float *to, const float *from, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        to[i] += from[i];
}

static void
rotate_head(float *head, const struct engine_shape *shape, const float *rotations)
{
    uint32_t half = shape->rope_dim / 2;
    for (uint32_t i = 0; i < half; i++) {
        float *a = head + (shape->rope_halves ? i : 2 * i);
        float *b = shape->rope_halves ? a + half : a + 1;
        float cosine = rotations[2 * i], sine = rotations[2 * i + 1], before = *a;
        *a = before * cosine - *b * sine;
        *b = before * sine + *b * cosine;
    }
}

static void
add_biases(const struct engine *engine, uint32_t layer, uint32_t t, uint32_t kv_head)
{
    const struct engine_shape *shape = &engine->model->shape;
    const float *biases = engine->biases + layer * attention_width(shape);
    uint32_t size = shape->head_dim, width = shape->heads / shape->kv_heads * size;
    const float *of_key = biases + shape->heads * size, *of_value = of_key + shape->kv_heads * size;
    add(engine->query[t] + kv_head * width, biases + kv_head * width, width);
    add(engine->key[t] + kv_head * size, of_key + kv_head * size, size);
    add(engine->value[t] + kv_head * size, of_value + kv_head * size, size);
}

void
attention_turn(const struct engine *engine, uint32_t layer, uint32_t t, uint32_t kv_head)
{
    const struct engine_shape *shape = &engine->model->shape;
    const float *rotations = engine->rotations + (size_t)t * shape->rope_dim;
    uint32_t heads = shape->heads / shape->kv_heads;
    if (engine->biases != NULL)
        add_biases(engine, layer, t, kv_head);
    for (uint32_t head = kv_head * heads; head < (kv_head + 1) * heads; head++)
        rotate_head(engine->query[t] + head * shape->head_dim, shape, rotations);
    rotate_head(engine->key[t] + kv_head * shape->head_dim, shape, rotations);
}

static float
dot(const float *a, const float *b, uint32_t count)
{
    float sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum += a[i] * b[i];
    return sum;
}

static void
softmax(float *scores, uint32_t count)
{
    float most = scores[0], sum = 0;
    for (uint32_t i = 1; i < count; i++)
        if (scores[i] > most)
            most = scores[i];
    for (uint32_t i = 0; i < count; i++)
        sum += scores[i] = real_exp(scores[i] - most);
    for (uint32_t i = 0; i < count; i++)
        scores[i] /= sum;
}

void
attention_head(const struct engine *engine, uint32_t layer, uint32_t t, uint32_t head,
               const struct step_mix *mix)
{
    float *scores = mix->scores;
    const struct engine_shape *shape = &engine->model->shape;
    const struct step_token *token = &engine->tokens[t];
    uint32_t size = shape->head_dim, end = token->position + 1;
    uint32_t first = shape->window != 0 && end > shape->window ? end - shape->window : 0;
    uint32_t kv_start = head / (shape->heads / shape->kv_heads) * size;
    size_t stride = (size_t)shape->kv_heads * size;
    const float *query = engine->query[t] + (size_t)head * size;
    const float *keys = sequence_row(engine, token->sequence, layer, 0, 0) + kv_start;
    const float *values = sequence_row(engine, token->sequence, layer, 1, 0) + kv_start;
    float *mixed = engine->mixed[t] + (size_t)head * size, root = real_sqrt((float)size);

    for (uint32_t p = first; p < end; p++)
        scores[p] = dot(query, keys + p * stride, size) / root;
    softmax(scores + first, end - first);
    for (uint32_t i = 0; i < size; i++)
        mixed[i] = 0;
    for (uint32_t p = first; p < end; p++)
        for (uint32_t i = 0; i < size; i++)
            mixed[i] += scores[p] * values[p * stride + i];
}

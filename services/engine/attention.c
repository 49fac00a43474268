/* Rotary positions and grouped-query attention, in floats. */
#include "engine_private.h"
#include "real.h"

static void
rotate_heads(float *heads, uint32_t count, uint32_t head_dim, const float *rotations)
{
    for (uint32_t i = 0; i < count * head_dim; i += 2) {
        float cosine = rotations[i % head_dim], sine = rotations[i % head_dim + 1];
        float a = heads[i], b = heads[i + 1];
        heads[i] = a * cosine - b * sine;
        heads[i + 1] = a * sine + b * cosine;
    }
}

void
attention_rotate(const struct engine *engine, uint32_t t)
{
    const struct engine_shape *shape = &engine->model->shape;
    const float *rotations = engine->rotations + (size_t)t * shape->head_dim;
    rotate_heads(engine->query[t], shape->heads, shape->head_dim, rotations);
    rotate_heads(engine->key[t], shape->kv_heads, shape->head_dim, rotations);
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
    uint32_t size = shape->head_dim, count = token->position + 1;
    uint32_t kv_start = head / (shape->heads / shape->kv_heads) * size;
    size_t stride = (size_t)shape->kv_heads * size;
    const float *query = engine->query[t] + (size_t)head * size;
    const float *keys = sequence_row(engine, token->sequence, layer, 0, 0) + kv_start;
    const float *values = sequence_row(engine, token->sequence, layer, 1, 0) + kv_start;
    float *mixed = engine->mixed[t] + (size_t)head * size, root = real_sqrt((float)size);

    for (uint32_t p = 0; p < count; p++)
        scores[p] = dot(query, keys + p * stride, size) / root;
    softmax(scores, count);
    for (uint32_t i = 0; i < size; i++)
        mixed[i] = 0;
    for (uint32_t p = 0; p < count; p++)
        for (uint32_t i = 0; i < size; i++)
            mixed[i] += scores[p] * values[p * stride + i];
}

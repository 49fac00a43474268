#include "random_model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_V0 28
#define HEADER_V2 256
#define MAGIC     0x616b3432u

struct writer {
    uint8_t *file;
    size_t at;
    uint64_t state; /* of the random numbers */
};

static float
random_within(struct writer *writer, float limit)
{
    uint64_t s = writer->state;
    s ^= s << 13;
    s ^= s >> 7;
    s ^= s << 17;
    writer->state = s;
    float unit = (float)(uint32_t)(s >> 40) * (1.0f / 16777216.0f);
    return (unit * 2.0f - 1.0f) * limit;
}

static void
put(struct writer *writer, const void *bytes, size_t count)
{
    memcpy(writer->file + writer->at, bytes, count);
    writer->at += count;
}

static void
put_random(struct writer *writer, size_t count, float limit)
{
    for (size_t i = 0; i < count; i++) {
        float value = random_within(writer, limit);
        put(writer, &value, sizeof value);
    }
}

static void
put_ones(struct writer *writer, size_t count)
{
    const float one = 1;
    for (size_t i = 0; i < count; i++)
        put(writer, &one, sizeof one);
}

static size_t
kv_dim(const struct random_shape *shape)
{
    return (size_t)shape->dim / shape->heads * shape->kv_heads;
}

/* Numbers of a layer's matrices. */
static size_t
layer_numbers(const struct random_shape *shape)
{
    size_t dim = shape->dim;
    return 2 * dim * dim + 2 * dim * kv_dim(shape) + 3 * dim * shape->hidden;
}

/* Numbers of all matrices. */
static size_t
matrix_numbers(const struct random_shape *shape)
{
    return (size_t)shape->vocabulary * shape->dim * (shape->untied ? 2 : 1) +
           shape->layers * layer_numbers(shape);
}

static size_t
norm_numbers(const struct random_shape *shape)
{
    return (2 * (size_t)shape->layers + 1) * shape->dim;
}

/* Cosines and sines of positions, which stand in files of version 0 and which nobody reads. */
static size_t
table_numbers(const struct random_shape *shape)
{
    return (size_t)shape->context * (shape->dim / shape->heads);
}

static void
put_weights(struct writer *writer, const struct random_shape *shape)
{
    size_t dim = shape->dim, layers = shape->layers, ffn = dim * shape->hidden;
    float by_dim = sqrtf(3.0f / (float)dim), by_hidden = sqrtf(3.0f / (float)shape->hidden);
    put_random(writer, (size_t)shape->vocabulary * dim, 0.08f);
    put_ones(writer, layers * dim);
    put_random(writer, layers * (2 * dim * dim + 2 * dim * kv_dim(shape)), by_dim);
    put_ones(writer, layers * dim);
    put_random(writer, layers * ffn, by_dim);
    put_random(writer, layers * ffn, by_hidden);
    put_random(writer, layers * ffn, by_dim);
    put_ones(writer, dim);
    memset(writer->file + writer->at, 0, table_numbers(shape) * 4);
    writer->at += table_numbers(shape) * 4;
    if (shape->untied)
        put_random(writer, (size_t)shape->vocabulary * dim, by_dim);
}

uint8_t *
random_model(const struct random_shape *shape, uint64_t seed, size_t *bytes)
{
    int32_t vocabulary = (int32_t)shape->vocabulary;
    const int32_t header[] = {(int32_t)shape->dim,      (int32_t)shape->hidden,
                              (int32_t)shape->layers,   (int32_t)shape->heads,
                              (int32_t)shape->kv_heads, shape->untied ? -vocabulary : vocabulary,
                              (int32_t)shape->context};
    struct writer writer = {.state = seed * 0x9e3779b97f4a7c15ull + 1};
    *bytes = HEADER_V0 + 4 * (matrix_numbers(shape) + norm_numbers(shape) + table_numbers(shape));
    writer.file = malloc(*bytes);
    put(&writer, header, sizeof header);
    put_weights(&writer, shape);
    return writer.file;
}

static void
put_quantised(struct writer *writer, const float *values, size_t count, uint32_t group)
{
    int8_t *quants = (int8_t *)writer->file + writer->at;
    float *scales = (float *)(void *)(writer->file + writer->at + count);
    for (size_t start = 0; start < count; start += group) {
        float most = 0;
        for (uint32_t i = 0; i < group; i++)
            most = fmaxf(most, fabsf(values[start + i]));
        float scale = most / 127.0f;
        scales[start / group] = scale;
        for (uint32_t i = 0; i < group; i++)
            quants[start + i] = (int8_t)(scale > 0 ? rintf(values[start + i] / scale) : 0);
    }
    writer->at += count + count / group * 4;
}

/* One tensor of each layer, `each` numbers long; returns what follows them. */
static const float *
put_layers(struct writer *writer, const struct random_shape *shape, const float *from, size_t each,
           uint32_t group)
{
    for (uint32_t i = 0; i < shape->layers; i++)
        put_quantised(writer, from + i * each, each, group);
    return from + shape->layers * each;
}

static struct random_shape
shape_of(const uint8_t *model)
{
    int32_t h[7];
    memcpy(h, model, sizeof h);
    return (struct random_shape){(uint32_t)h[0], (uint32_t)h[1],    (uint32_t)h[2],
                                 (uint32_t)h[3], (uint32_t)h[4],    (uint32_t)abs(h[5]),
                                 (uint32_t)h[6], .untied = h[5] < 0};
}

static void
put_header_v2(struct writer *writer, const struct random_shape *shape, uint32_t group)
{
    const uint32_t words[] = {MAGIC,           2,
                              shape->dim,      shape->hidden,
                              shape->layers,   shape->heads,
                              shape->kv_heads, shape->vocabulary,
                              shape->context};
    const uint8_t tied = !shape->untied;
    memset(writer->file, 0, HEADER_V2);
    put(writer, words, sizeof words);
    put(writer, &tied, 1);
    put(writer, &group, 4);
    writer->at = HEADER_V2;
}

static size_t
quantised_bytes(const struct random_shape *shape, uint32_t group)
{
    return HEADER_V2 + 4 * norm_numbers(shape) + matrix_numbers(shape) +
           matrix_numbers(shape) / group * 4;
}

uint8_t *
model_head(const struct random_shape *shape, uint32_t group, size_t *head_bytes, size_t *bytes)
{
    struct writer writer = {.file = malloc(HEADER_V2 + 4 * norm_numbers(shape))};
    put_header_v2(&writer, shape, group);
    put_ones(&writer, norm_numbers(shape));
    *head_bytes = writer.at;
    *bytes = quantised_bytes(shape, group);
    return writer.file;
}

uint8_t *
random_model_quantised(const uint8_t *model, uint32_t group, size_t *bytes)
{
    struct random_shape shape = shape_of(model);
    size_t dim = shape.dim, layers = shape.layers, ffn = dim * shape.hidden;
    size_t words = shape.vocabulary * dim;
    const float *embedding = (const float *)(const void *)(model + HEADER_V0);
    const float *attention_norms = embedding + words, *attention = attention_norms + layers * dim;
    const float *ffn_norms = attention + layers * (2 * dim * dim + 2 * dim * kv_dim(&shape));
    const float *final_norm = ffn_norms + layers * (dim + 3 * ffn);
    struct writer writer = {0};
    *bytes = quantised_bytes(&shape, group);
    writer.file = malloc(*bytes);
    put_header_v2(&writer, &shape, group);
    put(&writer, attention_norms, layers * dim * 4);
    put(&writer, ffn_norms, layers * dim * 4);
    put(&writer, final_norm, dim * 4);
    put_quantised(&writer, embedding, words, group);
    const float *at = put_layers(&writer, &shape, attention, dim * dim, group);
    at = put_layers(&writer, &shape, at, dim * kv_dim(&shape), group);
    at = put_layers(&writer, &shape, at, dim * kv_dim(&shape), group);
    put_layers(&writer, &shape, at, dim * dim, group);
    at = ffn_norms + layers * dim;
    for (int i = 0; i < 3; i++)
        at = put_layers(&writer, &shape, at, ffn, group);
    if (shape.untied)
        put_quantised(&writer, final_norm + dim + table_numbers(&shape), words, group);
    return writer.file;
}

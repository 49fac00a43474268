/*
 * The comparison for the host build: decoding as a straightforward C program does it, with weights
 * in 8 bits in groups of 32 columns and floats for the rest, in one thread, built with gcc -O3
 * -march=native. Weights are numbers of chance: the time does not depend on them.
 *
 *   plain-loop DIM HIDDEN LAYERS HEADS KV_HEADS VOCABULARY CONTEXT [FIRST [COUNT]]
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define GROUP 32

struct matrix {
    int rows, columns;
    int8_t *quants;
    float *scales;
};

struct layer {
    struct matrix query, key, value, output, gate, up, down;
    float *keys, *values;
};

static int dim, hidden, layer_count, heads, kv_heads, vocabulary, context, head_dim, kv_dim;
static struct layer *layers;
static struct matrix classifier;
static float *x, *normed, *query, *gate, *up, *down, *scores, *logits;
static int8_t *quants;
static float *scales;

static void *
take(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (memory == NULL)
        exit(1);
    return memory;
}

static struct matrix
new_matrix(int rows, int columns)
{
    size_t count = (size_t)rows * (size_t)columns;
    struct matrix m = {rows, columns, take(count, 1), take(count / GROUP, sizeof(float))};
    for (size_t i = 0; i < count; i++)
        m.quants[i] = (int8_t)(rand() % 255 - 127);
    for (size_t i = 0; i < count / GROUP; i++)
        m.scales[i] = 0.0005f * (float)(rand() % 10 + 1) / 10;
    return m;
}

static void
quantise(const float *from, int count)
{
    for (int g = 0; g < count / GROUP; g++) {
        float most = 0;
        for (int i = 0; i < GROUP; i++)
            most = fmaxf(most, fabsf(from[g * GROUP + i]));
        float scale = most / 127;
        scales[g] = scale;
        for (int i = 0; i < GROUP; i++)
            quants[g * GROUP + i] = (int8_t)(scale > 0 ? roundf(from[g * GROUP + i] / scale) : 0);
    }
}

static void
multiply(float *out, const struct matrix *m)
{
    for (int r = 0; r < m->rows; r++) {
        float sum = 0;
        size_t row = (size_t)r * (size_t)m->columns;
        for (int g = 0; g < m->columns; g += GROUP) {
            int32_t part = 0;
            for (int i = 0; i < GROUP; i++)
                part += m->quants[row + (size_t)(g + i)] * quants[g + i];
            sum += (float)part * m->scales[(row + (size_t)g) / GROUP] * scales[g / GROUP];
        }
        out[r] = sum;
    }
}

static void
norm(float *out)
{
    float sum = 0;
    for (int i = 0; i < dim; i++)
        sum += x[i] * x[i];
    float scale = 1 / sqrtf(sum / (float)dim + 1e-5f);
    for (int i = 0; i < dim; i++)
        out[i] = x[i] * scale;
    quantise(out, dim);
}

static void
rotate(float *vector, int count, int position)
{
    for (int i = 0; i < count; i += 2) {
        float angle = (float)position / powf(10000, (float)(i % head_dim) / (float)head_dim);
        float c = cosf(angle), s = sinf(angle), a = vector[i], b = vector[i + 1];
        vector[i] = a * c - b * s;
        vector[i + 1] = a * s + b * c;
    }
}

static void
attend(const struct layer *layer, int head, int position)
{
    const float *q = query + head * head_dim;
    float *out = normed + head * head_dim, most = -1e30f, sum = 0;
    int kv = head / (heads / kv_heads) * head_dim;
    for (int p = 0; p <= position; p++) {
        float score = 0;
        for (int i = 0; i < head_dim; i++)
            score += q[i] * layer->keys[p * kv_dim + kv + i];
        scores[p] = score / sqrtf((float)head_dim);
        most = fmaxf(most, scores[p]);
    }
    for (int p = 0; p <= position; p++)
        sum += scores[p] = expf(scores[p] - most);
    memset(out, 0, (size_t)head_dim * sizeof *out);
    for (int p = 0; p <= position; p++)
        for (int i = 0; i < head_dim; i++)
            out[i] += scores[p] / sum * layer->values[p * kv_dim + kv + i];
}

static void
step(int position)
{
    for (int i = 0; i < dim; i++)
        x[i] = (float)(rand() % 2001 - 1000) / 1000;
    for (int l = 0; l < layer_count; l++) {
        struct layer *layer = &layers[l];
        norm(normed);
        multiply(query, &layer->query);
        multiply(layer->keys + position * kv_dim, &layer->key);
        multiply(layer->values + position * kv_dim, &layer->value);
        rotate(query, dim, position);
        rotate(layer->keys + position * kv_dim, kv_dim, position);
        for (int h = 0; h < heads; h++)
            attend(layer, h, position);
        quantise(normed, dim);
        multiply(down, &layer->output);
        for (int i = 0; i < dim; i++)
            x[i] += down[i];
        norm(normed);
        multiply(gate, &layer->gate);
        multiply(up, &layer->up);
        for (int i = 0; i < hidden; i++)
            gate[i] = gate[i] / (1 + expf(-gate[i])) * up[i];
        quantise(gate, hidden);
        multiply(down, &layer->down);
        for (int i = 0; i < dim; i++)
            x[i] += down[i];
    }
    norm(normed);
    multiply(logits, &classifier);
}

static void
open_model(void)
{
    layers = take((size_t)layer_count, sizeof *layers);
    for (int l = 0; l < layer_count; l++)
        layers[l] = (struct layer){new_matrix(dim, dim),
                                   new_matrix(kv_dim, dim),
                                   new_matrix(kv_dim, dim),
                                   new_matrix(dim, dim),
                                   new_matrix(hidden, dim),
                                   new_matrix(hidden, dim),
                                   new_matrix(dim, hidden),
                                   take((size_t)(context * kv_dim), 4),
                                   take((size_t)(context * kv_dim), 4)};
    classifier = new_matrix(vocabulary, dim);
    size_t widest = (size_t)(hidden > dim ? hidden : dim);
    float **vectors[] = {&x, &normed, &query, &gate, &up, &down, &scales};
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
        *vectors[i] = take(widest, sizeof(float));
    scores = take((size_t)context, sizeof *scores);
    logits = take((size_t)vocabulary, sizeof *logits);
    quants = take(widest, 1);
}

static double
now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

int
main(int argc, char **argv)
{
    int *const shape[] = {&dim, &hidden, &layer_count, &heads, &kv_heads, &vocabulary, &context};
    if (argc < 8)
        return 2;
    for (int i = 0; i < 7; i++)
        *shape[i] = atoi(argv[i + 1]);
    int first = argc > 8 ? atoi(argv[8]) : 128, count = argc > 9 ? atoi(argv[9]) : 64;
    head_dim = dim / heads;
    kv_dim = kv_heads * head_dim;
    open_model();
    for (int p = 0; p < 4; p++)
        step(first + p);
    double start = now();
    for (int p = first; p < first + count; p++)
        step(p);
    double seconds = now() - start;
    printf("plain loop: %d tokens from position %d: %.0f ms, %.1f tok/s (logit 0: %g)\n", count,
           first, seconds * 1e3, count / seconds, (double)logits[0]);
    return 0;
}

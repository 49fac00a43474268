#include "evaluate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC     0x616b3432u
#define HEADER_V0 28
#define HEADER_V2 256

/* A matrix of the file: floats, or int8 and scales. */
struct matrix {
    const float *floats, *scales;
    const int8_t *quants;
    uint32_t rows, columns;
};

enum { EMBEDDING, QUERY, KEY, VALUE, OUTPUT, GATE, DOWN, UP, CLASSIFIER, ROLES };

struct evaluation {
    uint32_t dim, hidden, layers, heads, kv_heads, vocabulary, context, group, head, kv_dim;
    bool quantised, quantises, tied;
    const float *attention_norms, *ffn_norms, *final_norm;
    const uint8_t *roles[ROLES]; /* where the first layer's is */
    uint32_t position;
    double *keys, *values; /* [layer][position][kv_dim] */
    double *x, *normed, *query, *mixed, *gate, *up, *out, *scores, *logits;
};

static size_t
matrix_bytes(const struct evaluation *e, size_t count)
{
    return e->quantised ? count + count / e->group * 4 : count * 4;
}

static struct matrix
matrix_of(const struct evaluation *e, int role, uint32_t layer, uint32_t rows, uint32_t columns)
{
    size_t count = (size_t)rows * columns;
    const uint8_t *at = e->roles[role] + layer * matrix_bytes(e, count);
    struct matrix matrix = {.rows = rows, .columns = columns};
    if (e->quantised) {
        matrix.quants = (const int8_t *)at;
        matrix.scales = (const float *)(const void *)(at + count);
    } else {
        matrix.floats = (const float *)(const void *)at;
    }
    return matrix;
}

static double
weight(const struct evaluation *e, const struct matrix *m, size_t i)
{
    return e->quantised ? (double)m->quants[i] * m->scales[i / e->group] : m->floats[i];
}

static void
read_header(struct evaluation *e, const uint8_t *model)
{
    int32_t h[9];
    memcpy(h, model, sizeof h);
    e->quantised = (uint32_t)h[0] == MAGIC;
    const int32_t *n = e->quantised ? h + 2 : h;
    e->dim = (uint32_t)n[0];
    e->hidden = (uint32_t)n[1];
    e->layers = (uint32_t)n[2];
    e->heads = (uint32_t)n[3];
    e->kv_heads = (uint32_t)n[4];
    e->vocabulary = (uint32_t)abs(n[5]);
    e->context = (uint32_t)n[6];
    e->tied = e->quantised ? model[36] == 1 : n[5] > 0;
    memcpy(&e->group, model + 37, 4);
    e->head = e->dim / e->heads;
    e->kv_dim = e->head * e->kv_heads;
}

static const uint8_t *
place(struct evaluation *e, int role, const uint8_t *at, size_t rows, size_t columns)
{
    e->roles[role] = at;
    return at + (role == EMBEDDING || role == CLASSIFIER ? 1 : e->layers) *
                    matrix_bytes(e, rows * columns);
}

static const uint8_t *
place_norms(const float **norms, const uint8_t *at, size_t count)
{
    *norms = (const float *)(const void *)at;
    return at + count * 4;
}

static const uint8_t *
place_attention(struct evaluation *e, const uint8_t *at)
{
    at = place(e, QUERY, at, e->dim, e->dim);
    at = place(e, KEY, at, e->kv_dim, e->dim);
    at = place(e, VALUE, at, e->kv_dim, e->dim);
    return place(e, OUTPUT, at, e->dim, e->dim);
}

static const uint8_t *
place_ffn(struct evaluation *e, const uint8_t *at)
{
    at = place(e, GATE, at, e->hidden, e->dim);
    at = place(e, DOWN, at, e->dim, e->hidden);
    return place(e, UP, at, e->hidden, e->dim);
}

static void
place_all(struct evaluation *e, const uint8_t *model)
{
    size_t norms = (size_t)e->layers * e->dim;
    const uint8_t *at = model + (e->quantised ? HEADER_V2 : HEADER_V0);
    if (e->quantised) {
        at = place_norms(&e->attention_norms, at, norms);
        at = place_norms(&e->ffn_norms, at, norms);
        at = place_norms(&e->final_norm, at, e->dim);
        at = place(e, EMBEDDING, at, e->vocabulary, e->dim);
        at = place_ffn(e, place_attention(e, at));
    } else {
        at = place(e, EMBEDDING, at, e->vocabulary, e->dim);
        at = place_norms(&e->attention_norms, at, norms);
        at = place_attention(e, at);
        at = place_norms(&e->ffn_norms, at, norms);
        at = place_ffn(e, at);
        at = place_norms(&e->final_norm, at, e->dim);
        at += (size_t)e->context * e->head * 4;
    }
    e->roles[CLASSIFIER] = e->tied ? e->roles[EMBEDDING] : at;
}

struct evaluation *
evaluate_begin(const uint8_t *model, bool quantises)
{
    struct evaluation *e = calloc(1, sizeof *e);
    read_header(e, model);
    place_all(e, model);
    e->quantises = quantises && e->quantised;
    size_t cache = (size_t)e->layers * e->context * e->kv_dim;
    e->keys = calloc(cache, sizeof(double));
    e->values = calloc(cache, sizeof(double));
    double **vectors[] = {&e->x, &e->normed, &e->query, &e->mixed, &e->gate, &e->up, &e->out};
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
        *vectors[i] = calloc((size_t)e->dim + e->hidden, sizeof(double));
    e->scores = calloc(e->context, sizeof(double));
    e->logits = calloc(e->vocabulary, sizeof(double));
    return e;
}

void
evaluate_end(struct evaluation *e)
{
    double *all[] = {e->keys, e->values, e->x,   e->normed, e->query, e->mixed,
                     e->gate, e->up,     e->out, e->scores, e->logits};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
    free(e);
}

/* To the nearest multiple of each group's greatest number / 127. */
static void
round_groups(const struct evaluation *e, double *x, uint32_t count)
{
    for (uint32_t start = 0; start < count; start += e->group) {
        double most = 0;
        for (uint32_t i = 0; i < e->group; i++)
            most = fmax(most, fabs(x[start + i]));
        double scale = most / 127;
        for (uint32_t i = 0; scale > 0 && i < e->group; i++)
            x[start + i] = round(x[start + i] / scale) * scale;
    }
}

static void
multiply(const struct evaluation *e, struct matrix m, const double *x, double *out)
{
    for (uint32_t r = 0; r < m.rows; r++) {
        double sum = 0;
        for (uint32_t c = 0; c < m.columns; c++)
            sum += weight(e, &m, (size_t)r * m.columns + c) * x[c];
        out[r] = sum;
    }
}

static void
norm(const struct evaluation *e, const float *weights)
{
    double sum = 0;
    for (uint32_t i = 0; i < e->dim; i++)
        sum += e->x[i] * e->x[i];
    double scale = 1 / sqrt(sum / e->dim + 1e-5);
    for (uint32_t i = 0; i < e->dim; i++)
        e->normed[i] = weights[i] * e->x[i] * scale;
    if (e->quantises)
        round_groups(e, e->normed, e->dim);
}

static void
rotate(const struct evaluation *e, double *heads, uint32_t count)
{
    for (uint32_t i = 0; i < count; i += 2) {
        double angle = e->position * pow(10000, -(double)(i % e->head) / e->head);
        double a = heads[i], b = heads[i + 1];
        heads[i] = a * cos(angle) - b * sin(angle);
        heads[i + 1] = a * sin(angle) + b * cos(angle);
    }
}

static void
attend_head(const struct evaluation *e, uint32_t head, const double *keys, const double *values)
{
    uint32_t kv = head / (e->heads / e->kv_heads) * e->head, count = e->position + 1;
    const double *query = e->query + head * e->head;
    double *mixed = e->mixed + head * e->head, most = -INFINITY, sum = 0;
    for (uint32_t p = 0; p < count; p++) {
        e->scores[p] = 0;
        for (uint32_t i = 0; i < e->head; i++)
            e->scores[p] += query[i] * keys[(size_t)p * e->kv_dim + kv + i];
        e->scores[p] /= sqrt(e->head);
        most = fmax(most, e->scores[p]);
    }
    for (uint32_t p = 0; p < count; p++)
        sum += e->scores[p] = exp(e->scores[p] - most);
    for (uint32_t i = 0; i < e->head; i++) {
        mixed[i] = 0;
        for (uint32_t p = 0; p < count; p++)
            mixed[i] += e->scores[p] / sum * values[(size_t)p * e->kv_dim + kv + i];
    }
}

static void
attend(struct evaluation *e, uint32_t layer)
{
    size_t start = (size_t)layer * e->context * e->kv_dim;
    double *keys = e->keys + start, *values = e->values + start;
    double *key = keys + (size_t)e->position * e->kv_dim;
    norm(e, e->attention_norms + (size_t)layer * e->dim);
    multiply(e, matrix_of(e, QUERY, layer, e->dim, e->dim), e->normed, e->query);
    multiply(e, matrix_of(e, KEY, layer, e->kv_dim, e->dim), e->normed, key);
    multiply(e, matrix_of(e, VALUE, layer, e->kv_dim, e->dim), e->normed,
             values + (size_t)e->position * e->kv_dim);
    rotate(e, e->query, e->dim);
    rotate(e, key, e->kv_dim);
    for (uint32_t head = 0; head < e->heads; head++)
        attend_head(e, head, keys, values);
    if (e->quantises)
        round_groups(e, e->mixed, e->dim);
    multiply(e, matrix_of(e, OUTPUT, layer, e->dim, e->dim), e->mixed, e->out);
    for (uint32_t i = 0; i < e->dim; i++)
        e->x[i] += e->out[i];
}

static void
feed_forward(struct evaluation *e, uint32_t layer)
{
    norm(e, e->ffn_norms + (size_t)layer * e->dim);
    multiply(e, matrix_of(e, GATE, layer, e->hidden, e->dim), e->normed, e->gate);
    multiply(e, matrix_of(e, UP, layer, e->hidden, e->dim), e->normed, e->up);
    for (uint32_t i = 0; i < e->hidden; i++)
        e->gate[i] *= e->up[i] / (1 + exp(-e->gate[i]));
    if (e->quantises)
        round_groups(e, e->gate, e->hidden);
    multiply(e, matrix_of(e, DOWN, layer, e->dim, e->hidden), e->gate, e->out);
    for (uint32_t i = 0; i < e->dim; i++)
        e->x[i] += e->out[i];
}

const double *
evaluate_token(struct evaluation *e, uint32_t token)
{
    struct matrix embedding = matrix_of(e, EMBEDDING, 0, e->vocabulary, e->dim);
    for (uint32_t i = 0; i < e->dim; i++)
        e->x[i] = weight(e, &embedding, (size_t)token * e->dim + i);
    for (uint32_t layer = 0; layer < e->layers; layer++) {
        attend(e, layer);
        feed_forward(e, layer);
    }
    norm(e, e->final_norm);
    multiply(e, matrix_of(e, CLASSIFIER, 0, e->vocabulary, e->dim), e->normed, e->logits);
    e->position++;
    return e->logits;
}

/* The architectures, as they were published, in double precision. */
#include <math.h>
#include <stdio.h>

#include "variant_private.h"

/* Of a text: keys and values of each layer and position. */
struct text {
    const struct variant *v;
    uint32_t position, context;
    double *x, *normed, *query, *mixed, *gate, *up, *out, *scores;
    double *keys, *values;
};

static const struct matrix *
find(const struct variant *v, const char *name)
{
    for (uint32_t i = 0; i < v->count; i++)
        if (strcmp(v->matrices[i].name, name) == 0)
            return &v->matrices[i];
    return NULL;
}

static const struct matrix *
find_part(const struct variant *v, uint32_t layer, const char *part)
{
    char name[64];
    snprintf(name, sizeof name, "blk.%u.%s", layer, part);
    return find(v, name);
}

/* out = `rows` rows of `m` from `first` on, times x. */
static void
multiply(const struct matrix *m, uint32_t first, uint32_t rows, const double *x, double *out)
{
    for (uint32_t r = 0; r < rows; r++) {
        out[r] = 0;
        for (uint32_t c = 0; c < m->columns; c++)
            out[r] += m->values[(size_t)(first + r) * m->columns + c] * x[c];
    }
}

static void
norm(const struct text *t, const struct matrix *weights)
{
    double sum = 0;
    for (uint32_t i = 0; i < weights->columns; i++)
        sum += t->x[i] * t->x[i];
    for (uint32_t i = 0; i < weights->columns; i++)
        t->normed[i] =
            weights->values[i] * t->x[i] / sqrt(sum / weights->columns + (double)EPSILON);
}

static double
angle(const struct text *t, uint32_t i)
{
    const struct variant_shape *s = &t->v->shape;
    double base = s->rope_base != 0 ? s->rope_base : 10000;
    double frequency = pow(base, -2.0 * i / s->rope_dim);
    const char *list = s->factors == VARIANT_ONE_LIST     ? "rope_freqs.weight"
                       : t->context > s->original_context ? "rope_factors_long.weight"
                                                          : "rope_factors_short.weight";
    if (s->factors != VARIANT_NO_FACTORS)
        frequency /= find(t->v, list)->values[i];
    if (s->rope_linear != 0)
        frequency /= s->rope_linear;
    return t->position * frequency;
}

static void
rotate(const struct text *t, double *heads, uint32_t count)
{
    const struct variant_shape *s = &t->v->shape;
    double magnitude = s->factors == VARIANT_TWO_LISTS ? s->magnitude : 1;
    for (uint32_t h = 0; h < count; h++)
        for (uint32_t i = 0; i < s->rope_dim / 2; i++) {
            double *head = heads + h * s->head_dim;
            double *a = s->halves ? &head[i] : &head[2 * i];
            double *b = s->halves ? &head[i + s->rope_dim / 2] : &head[2 * i + 1];
            double cosine = magnitude * cos(angle(t, i)), sine = magnitude * sin(angle(t, i));
            double first = *a, second = *b;
            *a = first * cosine - second * sine;
            *b = first * sine + second * cosine;
        }
}

static void
project(const struct text *t, uint32_t layer, double *key, double *value)
{
    const struct variant_shape *s = &t->v->shape;
    uint32_t sizes[] = {s->heads * s->head_dim, s->kv_heads * s->head_dim,
                        s->kv_heads * s->head_dim};
    static const char *const weights[] = {"attn_q.weight", "attn_k.weight", "attn_v.weight"};
    static const char *const biases[] = {"attn_q.bias", "attn_k.bias", "attn_v.bias"};
    double *to[] = {t->query, key, value};
    for (uint32_t i = 0, first = 0; i < 3; first += sizes[i], i++) {
        multiply(find_part(t->v, layer, s->fused ? "attn_qkv.weight" : weights[i]),
                 s->fused ? first : 0, sizes[i], t->normed, to[i]);
        for (uint32_t j = 0; s->biases && j < sizes[i]; j++)
            to[i][j] += find_part(t->v, layer, biases[i])->values[j];
    }
}

static void
attend_head(const struct text *t, uint32_t head, const double *keys, const double *values)
{
    const struct variant_shape *s = &t->v->shape;
    uint32_t kv_dim = s->kv_heads * s->head_dim, kv = head / (s->heads / s->kv_heads) * s->head_dim;
    const double *query = t->query + head * s->head_dim;
    double sum = 0, most = -INFINITY, *mixed = t->mixed + head * s->head_dim;
    memset(mixed, 0, s->head_dim * sizeof *mixed);
    for (uint32_t p = 0; p <= t->position; p++) {
        t->scores[p] = 0;
        for (uint32_t i = 0; i < s->head_dim; i++)
            t->scores[p] += query[i] * keys[(size_t)p * kv_dim + kv + i];
        t->scores[p] /= sqrt(s->head_dim);
        if (s->window != 0 && t->position - p >= s->window)
            t->scores[p] = -INFINITY;
        most = fmax(most, t->scores[p]);
    }
    for (uint32_t p = 0; p <= t->position; p++)
        sum += t->scores[p] = exp(t->scores[p] - most);
    for (uint32_t p = 0; p <= t->position; p++)
        for (uint32_t i = 0; i < s->head_dim; i++)
            mixed[i] += t->scores[p] / sum * values[(size_t)p * kv_dim + kv + i];
}

static void
attend(const struct text *t, uint32_t layer)
{
    const struct variant_shape *s = &t->v->shape;
    uint32_t kv_dim = s->kv_heads * s->head_dim;
    double *keys = t->keys + (size_t)layer * t->context * kv_dim;
    double *values = t->values + (size_t)layer * t->context * kv_dim;
    double *key = keys + (size_t)t->position * kv_dim;
    norm(t, find_part(t->v, layer, "attn_norm.weight"));
    project(t, layer, key, values + (size_t)t->position * kv_dim);
    rotate(t, t->query, s->heads);
    rotate(t, key, s->kv_heads);
    for (uint32_t head = 0; head < s->heads; head++)
        attend_head(t, head, keys, values);
    multiply(find_part(t->v, layer, "attn_output.weight"), 0, s->dim, t->mixed, t->out);
    for (uint32_t i = 0; i < s->dim; i++)
        t->x[i] += t->out[i];
}

static void
feed_forward(const struct text *t, uint32_t layer)
{
    const struct variant_shape *s = &t->v->shape;
    const struct matrix *up = find_part(t->v, layer, "ffn_up.weight");
    const struct matrix *gate = s->fused ? up : find_part(t->v, layer, "ffn_gate.weight");
    norm(t, find_part(t->v, layer, "ffn_norm.weight"));
    multiply(gate, 0, s->hidden, t->normed, t->gate);
    multiply(up, s->fused ? s->hidden : 0, s->hidden, t->normed, t->up);
    for (uint32_t i = 0; i < s->hidden; i++)
        t->gate[i] *= t->up[i] / (1 + exp(-t->gate[i]));
    multiply(find_part(t->v, layer, "ffn_down.weight"), 0, s->dim, t->gate, t->out);
    for (uint32_t i = 0; i < s->dim; i++)
        t->x[i] += t->out[i];
}

static void
take(const struct text *t, uint32_t token)
{
    const struct variant_shape *s = &t->v->shape;
    const struct matrix *words = find(t->v, "token_embd.weight");
    memcpy(t->x, words->values + (size_t)token * s->dim, s->dim * sizeof *t->x);
    for (uint32_t layer = 0; layer < s->layers; layer++) {
        attend(t, layer);
        feed_forward(t, layer);
    }
}

void
variant_evaluate(const struct variant *v, uint32_t context, const uint32_t *tokens, uint32_t count,
                 double *logits)
{
    const struct variant_shape *s = &v->shape;
    struct text t = {.v = v, .context = context};
    size_t cache = (size_t)s->layers * context * s->kv_heads * s->head_dim;
    size_t most = (size_t)s->dim + s->hidden + (size_t)s->heads * s->head_dim + context;
    double **vectors[] = {&t.x, &t.normed, &t.query, &t.mixed, &t.gate, &t.up, &t.out, &t.scores};
    double *memory = calloc(2 * cache + 8 * most, sizeof *memory);
    for (uint32_t i = 0; i < 8; i++)
        *vectors[i] = memory + i * most;
    t.keys = memory + 8 * most;
    t.values = t.keys + cache;
    for (; t.position < count; t.position++)
        take(&t, tokens[t.position]);
    norm(&t, find(v, "output_norm.weight"));
    multiply(find(v, s->untied ? "output.weight" : "token_embd.weight"), 0, s->vocabulary, t.normed,
             logits);
    free(memory);
}

#include <math.h>
#include <stdio.h>

#include "variant_private.h"

#define ALIGNMENT 32

static void
fill_floats(struct variant *v, struct matrix *m, double around, double size)
{
    for (size_t i = 0; i < (size_t)m->rows * m->columns; i++) {
        float value = (float)(around + size * (variant_random(v) / 2147483648.0 - 1));
        m->values[i] = value;
        put(&m->bytes, &value, 4);
    }
}

/* --- The model -----------------------------------------------------------------------------------
 */

static enum variant_type
type_of(const struct variant_shape *shape, const char *name, uint32_t rows)
{
    bool second = strstr(name, "attn_k") != NULL || strstr(name, "attn_v") != NULL ||
                  strstr(name, "ffn_up") != NULL;
    if (rows == 1)
        return VARIANT_F32;
    return second && shape->second != 0 ? shape->second : shape->type;
}

/* Numbers around `around`, up to `size` away; matrices in the model's type. */
static void
add(struct variant *v, const char *name, uint32_t rows, uint32_t columns, double around,
    double size)
{
    struct matrix *m = &v->matrices[v->count++];
    snprintf(m->name, sizeof m->name, "%s", name);
    m->rows = rows;
    m->columns = columns;
    m->values = calloc((size_t)rows * columns, sizeof *m->values);
    m->type = type_of(&v->shape, name, rows);
    if (variant_has_blocks(m->type))
        variant_fill(v, m, size);
    else
        fill_floats(v, m, around, size);
}

static void
add_to_layer(struct variant *v, uint32_t layer, const char *part, uint32_t rows, uint32_t columns,
             double around, double size)
{
    char name[64];
    snprintf(name, sizeof name, "blk.%u.%s", layer, part);
    add(v, name, rows, columns, around, size);
}

static void
add_layer(struct variant *v, uint32_t l)
{
    const struct variant_shape *s = &v->shape;
    uint32_t q = s->heads * s->head_dim, kv = s->kv_heads * s->head_dim;
    double by_dim = 1.5 / sqrt(s->dim);
    add_to_layer(v, l, "attn_norm.weight", 1, s->dim, 1, 0.2);
    if (s->fused) {
        add_to_layer(v, l, "attn_qkv.weight", q + 2 * kv, s->dim, 0, by_dim);
    } else {
        add_to_layer(v, l, "attn_q.weight", q, s->dim, 0, by_dim);
        add_to_layer(v, l, "attn_k.weight", kv, s->dim, 0, by_dim);
        add_to_layer(v, l, "attn_v.weight", kv, s->dim, 0, by_dim);
    }
    if (s->biases) {
        add_to_layer(v, l, "attn_q.bias", 1, q, 0, 0.5);
        add_to_layer(v, l, "attn_k.bias", 1, kv, 0, 0.5);
        add_to_layer(v, l, "attn_v.bias", 1, kv, 0, 0.5);
    }
    add_to_layer(v, l, "attn_output.weight", s->dim, q, 0, 1.5 / sqrt(q));
    add_to_layer(v, l, "ffn_norm.weight", 1, s->dim, 1, 0.2);
    if (!s->fused)
        add_to_layer(v, l, "ffn_gate.weight", s->hidden, s->dim, 0, by_dim);
    add_to_layer(v, l, "ffn_up.weight", s->fused ? 2 * s->hidden : s->hidden, s->dim, 0, by_dim);
    add_to_layer(v, l, "ffn_down.weight", s->dim, s->hidden, 0, 1.5 / sqrt(s->hidden));
}

static void
add_all(struct variant *v)
{
    const struct variant_shape *s = &v->shape;
    add(v, "token_embd.weight", s->vocabulary, s->dim, 0, 0.5);
    add(v, "output_norm.weight", 1, s->dim, 1, 0.2);
    if (s->factors == VARIANT_ONE_LIST)
        add(v, "rope_freqs.weight", 1, s->rope_dim / 2, 3, 2);
    if (s->factors == VARIANT_TWO_LISTS) {
        add(v, "rope_factors_short.weight", 1, s->rope_dim / 2, 1.5, 0.5);
        add(v, "rope_factors_long.weight", 1, s->rope_dim / 2, 8, 4);
    }
    for (uint32_t l = 0; l < s->layers; l++)
        add_layer(v, l);
    if (s->untied)
        add(v, "output.weight", s->vocabulary, s->dim, 0, 1.5 / sqrt(s->dim));
}

/* --- The file ------------------------------------------------------------------------------------
 */

struct pairs {
    struct writer bytes;
    const char *architecture;
    uint32_t count;
};

static const char *
key(struct pairs *p, const char *what)
{
    static char text[128];
    snprintf(text, sizeof text, "%s.%s", p->architecture, what);
    p->count++;
    return text;
}

static void
put_positions(struct pairs *p, const struct variant_shape *s)
{
    if (s->rope_dim != s->head_dim)
        put_number(&p->bytes, key(p, "rope.dimension_count"), s->rope_dim);
    if (s->rope_base != 0)
        put_real(&p->bytes, key(p, "rope.freq_base"), s->rope_base);
    if (s->rope_linear != 0) {
        put_string(&p->bytes, key(p, "rope.scaling.type"), "linear");
        put_real(&p->bytes, key(p, "rope.scaling.factor"), s->rope_linear);
    }
    if (s->factors == VARIANT_TWO_LISTS) {
        put_string(&p->bytes, key(p, "rope.scaling.type"), "longrope");
        put_real(&p->bytes, key(p, "rope.scaling.attn_factor"), s->magnitude);
        put_number(&p->bytes, key(p, "rope.scaling.original_context_length"), s->original_context);
    }
}

static void
put_pairs(struct pairs *p, const struct variant_shape *s)
{
    put_string(&p->bytes, "general.architecture", s->architecture);
    p->count++;
    put_number(&p->bytes, key(p, "embedding_length"), s->dim);
    put_number(&p->bytes, key(p, "feed_forward_length"), s->hidden);
    put_number(&p->bytes, key(p, "block_count"), s->layers);
    put_number(&p->bytes, key(p, "attention.head_count"), s->heads);
    put_number(&p->bytes, key(p, "attention.head_count_kv"), s->kv_heads);
    put_number(&p->bytes, key(p, "context_length"), s->context);
    put_real(&p->bytes, key(p, "attention.layer_norm_rms_epsilon"), EPSILON);
    if (s->head_dim != s->dim / s->heads) {
        put_number(&p->bytes, key(p, "attention.key_length"), s->head_dim);
        put_number(&p->bytes, key(p, "attention.value_length"), s->head_dim);
    }
    if (s->window != 0)
        put_number(&p->bytes, key(p, "attention.sliding_window"), s->window);
    put_positions(p, s);
}

static void
pad(struct writer *w)
{
    while (w->at % ALIGNMENT != 0)
        put(w, "", 1);
}

static void
put_descriptions(struct variant *v)
{
    uint64_t offset = 0;
    for (uint32_t i = 0; i < v->count; i++) {
        const struct matrix *m = &v->matrices[i];
        put_text(&v->file, m->name);
        put_u32(&v->file, m->rows > 1 ? 2 : 1);
        put_u64(&v->file, m->columns);
        if (m->rows > 1)
            put_u64(&v->file, m->rows);
        put_u32(&v->file, m->type);
        put_u64(&v->file, offset);
        offset += (m->bytes.at + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }
}

static void
write_file(struct variant *v)
{
    struct pairs pairs = {.architecture = v->shape.architecture};
    put_pairs(&pairs, &v->shape);
    put(&v->file, "GGUF", 4);
    put_u32(&v->file, 3);
    put_u64(&v->file, v->count);
    put_u64(&v->file, pairs.count);
    put(&v->file, pairs.bytes.file, pairs.bytes.at);
    free(pairs.bytes.file);
    put_descriptions(v);
    for (uint32_t i = 0; i < v->count; i++) {
        pad(&v->file);
        put(&v->file, v->matrices[i].bytes.file, v->matrices[i].bytes.at);
    }
}

struct variant *
variant_make(const struct variant_shape *shape, uint64_t seed)
{
    struct variant *v = calloc(1, sizeof *v);
    v->shape = *shape;
    v->state = seed;
    if (shape->rope_dim == 0)
        v->shape.rope_dim = shape->head_dim;
    add_all(v);
    write_file(v);
    return v;
}

void
variant_free(struct variant *v)
{
    for (uint32_t i = 0; i < v->count; i++) {
        free(v->matrices[i].values);
        free(v->matrices[i].bytes.file);
    }
    free(v->file.file);
    free(v);
}

const uint8_t *
variant_file(const struct variant *v, size_t *bytes)
{
    *bytes = v->file.at;
    return v->file.file;
}

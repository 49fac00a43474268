/* Architecture and shape of the model in a GGUF file, from its metadata. */
#include "gguf_model.h"

#include <string.h>

static const struct gguf_architecture architectures[] = {
    {.name = "llama", .kind = "GGUF version 3 (llama)"}, /* and mistral, whose files say so */
    {.name = "mistral", .kind = "GGUF version 3 (mistral)"},
    {.name = "qwen2", .kind = "GGUF version 3 (qwen2)", .halves = true, .biases = true},
    {.name = "phi3", .kind = "GGUF version 3 (phi3)", .halves = true, .fused = true},
};

struct key {
    char text[GGUF_NAME_BYTES];
};

/* "qwen2.context_length" */
static struct key
key_of(const struct gguf_reader *reader, const char *what)
{
    struct engine_error text;
    struct key key;
    engine_fail(&text, 0, "%s.%s", reader->architecture->name, what);
    memcpy(key.text, text.text, sizeof key.text - 1);
    key.text[sizeof key.text - 1] = '\0';
    return key;
}

static int
number_of(const struct gguf_reader *reader, const char *what, const uint32_t *missing,
          uint32_t *number)
{
    return gguf_number(reader->gguf, key_of(reader, what).text, missing, number, reader->error);
}

static int
real_of(const struct gguf_reader *reader, const char *what, const float *missing, float *number)
{
    return gguf_real(reader->gguf, key_of(reader, what).text, missing, number, reader->error);
}

static int
find_architecture(struct gguf_reader *reader)
{
    uint32_t type;
    struct gguf *gguf = reader->gguf;
    if (!gguf_find(gguf, "general.architecture", &type) || type != GGUF_STRING)
        return engine_fail(reader->error, ENGINE_E_FILE, "gguf: general.architecture is missing");
    struct gguf_text name = gguf_string(gguf);
    for (size_t i = 0; i < sizeof architectures / sizeof *architectures; i++)
        if (gguf_is(name, architectures[i].name)) {
            reader->architecture = &architectures[i];
            return ENGINE_OK;
        }
    return engine_fail(reader->error, ENGINE_E_UNSUPPORTED,
                       "gguf: the architecture is %s, not llama, mistral, qwen2 or phi3",
                       gguf_show(name).text);
}

/* Numbers that have to be there, and at least 1. */
static int
read_counts(struct gguf_reader *reader)
{
    struct engine_shape *shape = &reader->model->shape;
    const struct {
        const char *what;
        uint32_t max, *number;
    } counts[] = {
        {"embedding_length", ENGINE_DIM_MAX, &shape->dim},
        {"feed_forward_length", ENGINE_DIM_MAX, &shape->hidden},
        {"block_count", ENGINE_LAYERS_MAX, &shape->layers},
        {"attention.head_count", ENGINE_DIM_MAX, &shape->heads},
        {"context_length", ENGINE_CONTEXT_MAX, &shape->context},
    };
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        int status = number_of(reader, counts[i].what, NULL, counts[i].number);
        if (status != ENGINE_OK)
            return status;
        if (*counts[i].number == 0 || *counts[i].number > counts[i].max)
            return engine_fail(reader->error, ENGINE_E_FILE, "gguf: %s is %u, not 1 to %u",
                               key_of(reader, counts[i].what).text, *counts[i].number,
                               counts[i].max);
    }
    return ENGINE_OK;
}

static int
read_heads(struct gguf_reader *reader)
{
    struct engine_shape *shape = &reader->model->shape;
    uint32_t usual = shape->dim / shape->heads, values;
    int status = number_of(reader, "attention.head_count_kv", &shape->heads, &shape->kv_heads);
    if (status == ENGINE_OK)
        status = number_of(reader, "attention.key_length", &usual, &shape->head_dim);
    if (status == ENGINE_OK)
        status = number_of(reader, "attention.value_length", &shape->head_dim, &values);
    if (status != ENGINE_OK)
        return status;
    if (shape->kv_heads == 0 || shape->heads % shape->kv_heads != 0 ||
        (shape->head_dim == usual && shape->dim % shape->heads != 0) || shape->head_dim == 0 ||
        shape->head_dim % 2 != 0 || shape->head_dim > ENGINE_DIM_MAX / shape->heads)
        return engine_fail(reader->error, ENGINE_E_FILE,
                           "gguf: dim %u, %u heads and %u kv heads of %u do not go together",
                           shape->dim, shape->heads, shape->kv_heads, shape->head_dim);
    if (values != shape->head_dim)
        return engine_fail(reader->error, ENGINE_E_UNSUPPORTED,
                           "gguf: keys have %u dimensions, values %u", shape->head_dim, values);
    return ENGINE_OK;
}

/* The number of words is that of the embedding's rows. */
static int
read_vocabulary(struct gguf_reader *reader)
{
    struct gguf_description d;
    if (!gguf_find_tensor(reader, "token_embd.weight", &d))
        return engine_fail(reader->error, ENGINE_E_FILE, "gguf: token_embd.weight is missing");
    if (d.sizes[1] == 0 || d.sizes[1] > ENGINE_VOCABULARY_MAX)
        return engine_fail(reader->error, ENGINE_E_FILE, "gguf: a vocabulary of %lu words",
                           d.sizes[1]);
    reader->model->shape.vocabulary = (uint32_t)d.sizes[1];
    return ENGINE_OK;
}

/* A window that is no shorter than the context is none. */
static int
read_window(struct gguf_reader *reader)
{
    struct engine_shape *shape = &reader->model->shape;
    const uint32_t none = 0;
    int status = number_of(reader, "attention.sliding_window", &none, &shape->window);
    if (shape->window >= shape->context)
        shape->window = 0;
    return status;
}

/* Of the ways to scale positions: none, linear, and factors for each frequency. */
static int
read_scaling(struct gguf_reader *reader)
{
    struct engine_shape *shape = &reader->model->shape;
    struct key key = key_of(reader, "rope.scaling.type");
    struct gguf_text way;
    uint32_t type;
    if (!gguf_find(reader->gguf, key.text, &type))
        return ENGINE_OK;
    way = type == GGUF_STRING ? gguf_string(reader->gguf) : (struct gguf_text){NULL, 0};
    if (type == GGUF_STRING && gguf_is(way, "linear"))
        return real_of(reader, "rope.scaling.factor", NULL, &shape->rope_scale);
    if (type == GGUF_STRING && gguf_is(way, "longrope")) {
        const float one = 1;
        int status = real_of(reader, "rope.scaling.attn_factor", &one, &shape->rope_magnitude);
        return status == ENGINE_OK ? number_of(reader, "rope.scaling.original_context_length", NULL,
                                               &shape->rope_context)
                                   : status;
    }
    if (type == GGUF_STRING && gguf_is(way, "none"))
        return ENGINE_OK;
    return engine_fail(reader->error, ENGINE_E_UNSUPPORTED,
                       "gguf: %s is %s, not none, linear or longrope", key.text,
                       gguf_show(way).text);
}

static int
read_positions(struct gguf_reader *reader)
{
    struct engine_shape *shape = &reader->model->shape;
    const float rope_base = 10000;
    shape->rope_halves = reader->architecture->halves;
    shape->rope_scale = shape->rope_magnitude = 1;
    int status = number_of(reader, "rope.dimension_count", &shape->head_dim, &shape->rope_dim);
    if (status == ENGINE_OK)
        status = real_of(reader, "rope.freq_base", &rope_base, &shape->rope_base);
    if (status == ENGINE_OK)
        status = read_scaling(reader);
    if (status == ENGINE_OK &&
        (shape->rope_dim == 0 || shape->rope_dim % 2 != 0 || shape->rope_dim > shape->head_dim))
        return engine_fail(reader->error, ENGINE_E_FILE,
                           "gguf: %u of a head's %u dimensions are rotated", shape->rope_dim,
                           shape->head_dim);
    return status;
}

int
gguf_read_shape(struct gguf_reader *reader)
{
    static int (*const steps[])(struct gguf_reader *) = {
        find_architecture, read_counts, read_heads, read_vocabulary, read_window, read_positions,
    };
    int status = ENGINE_OK;
    for (size_t i = 0; status == ENGINE_OK && i < sizeof steps / sizeof *steps; i++)
        status = steps[i](reader);
    return status == ENGINE_OK ? real_of(reader, "attention.layer_norm_rms_epsilon", NULL,
                                         &reader->model->shape.norm_epsilon)
                               : status;
}

/* Models of the architecture llama in GGUF files. */
#include "gguf.h"

#include <string.h>

#define NAME_MAX_BYTES 64

struct reader {
    struct gguf *gguf;
    struct engine_model *model;
    struct engine_error *error;
    uint64_t tensors_at; /* the first tensor's description */
    uint64_t data_at;    /* where offsets count from */
};

/* Types of tensors, as they are numbered in files. */
static const struct {
    uint32_t number;
    enum engine_format format;
    uint32_t group;
} types[] = {
    {0, ENGINE_F32, 1},   {1, ENGINE_F16, 1},   {2, ENGINE_Q4_0, 32},
    {8, ENGINE_Q8_0, 32}, {30, ENGINE_BF16, 1},
};

/* A tensor as the file describes it. */
struct description {
    struct gguf_text name;
    uint32_t dimensions, type;
    uint64_t sizes[4];
    uint64_t offset;
};

static struct description
read_description(struct gguf *gguf)
{
    struct description d = {.name = gguf_string(gguf)};
    d.dimensions = gguf_u32(gguf);
    for (uint32_t i = 0; i < 4; i++)
        d.sizes[i] = 1;
    if (d.dimensions > 4)
        gguf->ok = false;
    for (uint32_t i = 0; gguf->ok && i < d.dimensions; i++)
        d.sizes[i] = gguf_u64(gguf);
    d.type = gguf_u32(gguf);
    d.offset = gguf_u64(gguf);
    return d;
}

static bool
find_tensor(struct gguf *gguf, uint64_t tensors_at, const char *name, struct description *d)
{
    gguf->at = tensors_at;
    gguf->ok = true;
    for (uint64_t i = 0; i < gguf->tensor_count; i++) {
        *d = read_description(gguf);
        if (gguf->ok && gguf_is(d->name, name))
            return true;
    }
    return false;
}

static int
set_type(struct reader *reader, struct engine_tensor *tensor, const char *name, uint32_t number)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].number == number) {
            tensor->format = types[i].format;
            tensor->group = types[i].group;
            if (tensor->columns % tensor->group == 0)
                return ENGINE_OK;
            return engine_fail(reader->error, ENGINE_E_FILE,
                               "gguf: %s has %u columns, no multiple of 32", name, tensor->columns);
        }
    return engine_fail(reader->error, ENGINE_E_UNSUPPORTED, "gguf: %s is of type %u", name, number);
}

static int
place(struct reader *reader, struct engine_tensor *tensor, const char *name, uint64_t offset)
{
    uint64_t bytes = (uint64_t)tensor->rows * engine_row_bytes(tensor->format, tensor->columns);
    uint64_t left = reader->gguf->bytes - reader->data_at;
    if (offset % 4 != 0 || offset > left || bytes > left - offset)
        return engine_fail(reader->error, ENGINE_E_FILE,
                           "gguf: %s, %lu bytes at %lu, is outside of the file's %lu", name, bytes,
                           offset, left);
    tensor->offset = reader->data_at + offset;
    return ENGINE_OK;
}

/* Adds the tensor of that name, which has to be there and of that shape; `part` is for people. */
static int
add(struct reader *reader, const char *name, const char *part, uint32_t layer, uint32_t rows,
    uint32_t columns, struct engine_tensor **added)
{
    struct engine_model *model = reader->model;
    struct engine_tensor *tensor = &model->tensors[model->tensor_count];
    struct description d;
    if (!find_tensor(reader->gguf, reader->tensors_at, name, &d))
        return engine_fail(reader->error, ENGINE_E_FILE, "gguf: %s is missing", name);
    if (d.sizes[0] != columns || d.sizes[1] != rows || d.sizes[2] != 1 || d.sizes[3] != 1)
        return engine_fail(reader->error, ENGINE_E_FILE, "gguf: %s is %lu by %lu, not %u by %u",
                           name, d.sizes[1], d.sizes[0], rows, columns);
    *tensor = (struct engine_tensor){.name = part,
                                     .layer = layer,
                                     .rows = rows,
                                     .columns = columns,
                                     .index = model->tensor_count};
    int status = set_type(reader, tensor, name, d.type);
    if (status == ENGINE_OK)
        status = place(reader, tensor, name, d.offset);
    if (status == ENGINE_OK) {
        model->tensor_count++;
        *added = tensor;
    }
    return status;
}

/* "blk.17.attn_q.weight" */
static void
layer_name(char name[NAME_MAX_BYTES], uint32_t layer, const char *part)
{
    struct engine_error text;
    engine_fail(&text, 0, "blk.%u.%s.weight", layer, part);
    memcpy(name, text.text, NAME_MAX_BYTES - 1);
    name[NAME_MAX_BYTES - 1] = '\0';
}

static int
add_layer(struct reader *reader, uint32_t index)
{
    const struct engine_shape *shape = &reader->model->shape;
    struct engine_layer *layer = &reader->model->layers[index];
    uint32_t dim = shape->dim, kv_dim = shape->kv_heads * shape->head_dim;
    const struct {
        const char *name;
        uint32_t rows, columns;
        struct engine_tensor **tensor;
    } parts[] = {
        {"attn_norm", 1, dim, &layer->attention_norm},
        {"attn_q", dim, dim, &layer->query},
        {"attn_k", kv_dim, dim, &layer->key},
        {"attn_v", kv_dim, dim, &layer->value},
        {"attn_output", dim, dim, &layer->output},
        {"ffn_norm", 1, dim, &layer->ffn_norm},
        {"ffn_gate", shape->hidden, dim, &layer->gate},
        {"ffn_down", dim, shape->hidden, &layer->down},
        {"ffn_up", shape->hidden, dim, &layer->up},
    };
    int status = ENGINE_OK;
    for (size_t i = 0; status == ENGINE_OK && i < sizeof parts / sizeof *parts; i++) {
        char name[NAME_MAX_BYTES];
        layer_name(name, index, parts[i].name);
        status = add(reader, name, parts[i].name, index, parts[i].rows, parts[i].columns,
                     parts[i].tensor);
    }
    return status;
}

static int
add_tensors(struct reader *reader)
{
    struct engine_model *model = reader->model;
    const struct engine_shape *shape = &model->shape;
    struct description d;
    int status = add(reader, "token_embd.weight", "token_embd", 0, shape->vocabulary, shape->dim,
                     &model->embedding);
    if (status == ENGINE_OK)
        status =
            add(reader, "output_norm.weight", "output_norm", 0, 1, shape->dim, &model->final_norm);
    for (uint32_t i = 0; status == ENGINE_OK && i < shape->layers; i++)
        status = add_layer(reader, i);
    if (status != ENGINE_OK)
        return status;
    model->classifier = model->embedding;
    if (find_tensor(reader->gguf, reader->tensors_at, "output.weight", &d))
        status = add(reader, "output.weight", "output", 0, shape->vocabulary, shape->dim,
                     &model->classifier);
    if (status == ENGINE_OK && model->tensor_count != reader->gguf->tensor_count)
        return engine_fail(reader->error, ENGINE_E_UNSUPPORTED,
                           "gguf: %lu tensors, of which the architecture llama knows %u",
                           reader->gguf->tensor_count, model->tensor_count);
    return status;
}

static int
check_architecture(struct reader *reader)
{
    uint32_t type;
    struct gguf *gguf = reader->gguf;
    if (!gguf_find(gguf, "general.architecture", &type) || type != GGUF_STRING)
        return engine_fail(reader->error, ENGINE_E_FILE, "gguf: general.architecture is missing");
    if (!gguf_is(gguf_string(gguf), "llama"))
        return engine_fail(reader->error, ENGINE_E_UNSUPPORTED,
                           "gguf: the architecture is not llama");
    if (gguf_find(gguf, "llama.rope.scaling.type", &type) &&
        !(type == GGUF_STRING && gguf_is(gguf_string(gguf), "none")))
        return engine_fail(reader->error, ENGINE_E_UNSUPPORTED, "gguf: positions are scaled");
    return ENGINE_OK;
}

/* Numbers that have to be there, and at least 1. */
static int
read_counts(struct reader *reader)
{
    struct engine_shape *shape = &reader->model->shape;
    const struct {
        const char *key;
        uint32_t max, *number;
    } counts[] = {
        {"llama.embedding_length", ENGINE_DIM_MAX, &shape->dim},
        {"llama.feed_forward_length", ENGINE_DIM_MAX, &shape->hidden},
        {"llama.block_count", ENGINE_LAYERS_MAX, &shape->layers},
        {"llama.attention.head_count", ENGINE_DIM_MAX, &shape->heads},
        {"llama.context_length", ENGINE_CONTEXT_MAX, &shape->context},
    };
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        int status =
            gguf_number(reader->gguf, counts[i].key, NULL, counts[i].number, reader->error);
        if (status != ENGINE_OK)
            return status;
        if (*counts[i].number == 0 || *counts[i].number > counts[i].max)
            return engine_fail(reader->error, ENGINE_E_FILE, "gguf: %s is %u, not 1 to %u",
                               counts[i].key, *counts[i].number, counts[i].max);
    }
    return ENGINE_OK;
}

static int
check_heads(struct reader *reader)
{
    struct engine_shape *shape = &reader->model->shape;
    uint32_t rotated;
    int status = gguf_number(reader->gguf, "llama.attention.head_count_kv", &shape->heads,
                             &shape->kv_heads, reader->error);
    if (status != ENGINE_OK)
        return status;
    if (shape->kv_heads == 0 || shape->heads % shape->kv_heads != 0 ||
        shape->dim % shape->heads != 0 || shape->dim / shape->heads % 2 != 0)
        return engine_fail(reader->error, ENGINE_E_FILE,
                           "gguf: dim %u, %u heads and %u kv heads do not go together", shape->dim,
                           shape->heads, shape->kv_heads);
    shape->head_dim = shape->dim / shape->heads;
    status = gguf_number(reader->gguf, "llama.rope.dimension_count", &shape->head_dim, &rotated,
                         reader->error);
    if (status == ENGINE_OK && rotated != shape->head_dim)
        return engine_fail(reader->error, ENGINE_E_UNSUPPORTED,
                           "gguf: %u of a head's %u dimensions are rotated", rotated,
                           shape->head_dim);
    return status;
}

/* The number of words is that of the embedding's rows. */
static int
read_vocabulary(struct reader *reader)
{
    struct description d;
    if (!find_tensor(reader->gguf, reader->tensors_at, "token_embd.weight", &d))
        return engine_fail(reader->error, ENGINE_E_FILE, "gguf: token_embd.weight is missing");
    if (d.sizes[1] == 0 || d.sizes[1] > ENGINE_VOCABULARY_MAX)
        return engine_fail(reader->error, ENGINE_E_FILE, "gguf: a vocabulary of %lu words",
                           d.sizes[1]);
    reader->model->shape.vocabulary = (uint32_t)d.sizes[1];
    return ENGINE_OK;
}

static int
read_shape(struct reader *reader)
{
    struct engine_shape *shape = &reader->model->shape;
    const float rope_base = 10000;
    int status = check_architecture(reader);
    if (status == ENGINE_OK)
        status = read_counts(reader);
    if (status == ENGINE_OK)
        status = check_heads(reader);
    if (status == ENGINE_OK)
        status = read_vocabulary(reader);
    if (status == ENGINE_OK)
        status = gguf_real(reader->gguf, "llama.attention.layer_norm_rms_epsilon", NULL,
                           &shape->norm_epsilon, reader->error);
    if (status == ENGINE_OK)
        status = gguf_real(reader->gguf, "llama.rope.freq_base", &rope_base, &shape->rope_base,
                           reader->error);
    return status;
}

/* Where the data begins: behind the descriptions, aligned as the file says. */
static int
find_data(struct reader *reader)
{
    struct gguf *gguf = reader->gguf;
    const uint32_t usual = 32;
    uint32_t alignment;
    int status = gguf_number(gguf, "general.alignment", &usual, &alignment, reader->error);
    if (status != ENGINE_OK)
        return status;
    if (alignment < 8 || alignment > 65536 || (alignment & (alignment - 1)) != 0)
        return engine_fail(reader->error, ENGINE_E_FILE, "gguf: an alignment of %u", alignment);
    gguf_go_to_tensors(gguf);
    reader->tensors_at = gguf->at;
    for (uint64_t i = 0; gguf->ok && i < gguf->tensor_count; i++)
        (void)read_description(gguf);
    reader->data_at = (gguf->at + alignment - 1) & ~(uint64_t)(alignment - 1);
    if (!gguf->ok || reader->data_at > gguf->bytes)
        return engine_fail(reader->error, ENGINE_E_FILE,
                           "gguf: cut short in the descriptions of its %lu tensors",
                           gguf->tensor_count);
    return ENGINE_OK;
}

int
engine_gguf_read(struct engine_model *model, const void *file, uint64_t file_bytes,
                 struct engine_arena *arena, struct engine_error *error)
{
    struct gguf gguf;
    struct reader reader = {.gguf = &gguf, .model = model, .error = error};
    memset(model, 0, sizeof *model);
    int status = gguf_open(&gguf, file, file_bytes, error);
    if (status == ENGINE_OK)
        status = find_data(&reader);
    if (status == ENGINE_OK)
        status = read_shape(&reader);
    if (status != ENGINE_OK)
        return status;
    model->kind = "GGUF version 3 (llama)";
    model->file_bytes = file_bytes;
    model->layers = engine_arena_take(arena, model->shape.layers, sizeof *model->layers);
    model->tensors =
        engine_arena_take(arena, 3 + 9 * (size_t)model->shape.layers, sizeof *model->tensors);
    if (model->layers == NULL || model->tensors == NULL)
        return engine_fail(error, ENGINE_E_SPACE, "gguf: no memory for %u layers",
                           model->shape.layers);
    return add_tensors(&reader);
}

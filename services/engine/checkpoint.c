/*
 * llama2.c checkpoints. Version 0: seven numbers and fp32 tensors. Version 2: a header of 256
 * bytes, fp32 norms, and matrices of int8 with their scales behind them.
 */
#include "engine/model.h"

#include <string.h>

#define MAGIC        0x616b3432u /* "ak42" */
#define HEADER_V0    28
#define HEADER_V2    256
#define NUMBERS      7
#define NORM_EPSILON 1e-5f /* both versions leave it and the base to the program */
#define ROPE_BASE    10000.0f

/* What the header says. */
struct header {
    uint32_t version;
    int32_t numbers[NUMBERS]; /* dim, hidden, layers, heads, kv_heads, vocabulary, context */
    bool tied;
    uint32_t group;
};

struct layout {
    struct engine_model *model;
    struct header header;
    uint64_t at; /* the next tensor's offset in the file */
};

static int32_t
read_number(const uint8_t *at)
{
    return (int32_t)((uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
                     (uint32_t)at[3] << 24);
}

static void
read_numbers(struct header *header, const uint8_t *at)
{
    for (int i = 0; i < NUMBERS; i++)
        header->numbers[i] = read_number(at + 4 * i);
}

static void
read_v0(struct header *header, const uint8_t *file)
{
    *header = (struct header){.version = 0, .group = 1};
    read_numbers(header, file);
    int32_t *vocabulary = &header->numbers[5];
    header->tied = *vocabulary > 0; /* a negative size means a classifier of its own */
    if (*vocabulary < 0 && *vocabulary != INT32_MIN)
        *vocabulary = -*vocabulary;
}

static int
read_v2(struct header *header, const uint8_t *file, uint64_t bytes, struct engine_error *error)
{
    if (bytes < HEADER_V2)
        return engine_fail(error, ENGINE_E_FILE, "checkpoint: %lu bytes, shorter than its header",
                           bytes);
    *header = (struct header){.version = 2};
    read_numbers(header, file + 8);
    if (file[36] > 1)
        return engine_fail(error, ENGINE_E_FILE,
                           "checkpoint: the flag for a shared classifier is %u",
                           (uint32_t)file[36]);
    header->tied = file[36] == 1;
    header->group = (uint32_t)read_number(file + 37);
    return ENGINE_OK;
}

static int
read_header(struct header *header, const uint8_t *file, uint64_t bytes, struct engine_error *error)
{
    if (bytes < HEADER_V0)
        return engine_fail(error, ENGINE_E_FILE, "checkpoint: %lu bytes, shorter than its header",
                           bytes);
    if ((uint32_t)read_number(file) != MAGIC) {
        read_v0(header, file);
        return ENGINE_OK;
    }
    uint32_t version = (uint32_t)read_number(file + 4);
    if (version != 2)
        return engine_fail(error, ENGINE_E_UNSUPPORTED,
                           "checkpoint: version %u; 0 and 2 are supported", version);
    return read_v2(header, file, bytes, error);
}

static const struct {
    const char *name;
    uint32_t max;
} number_limits[NUMBERS] = {
    {"dim", ENGINE_DIM_MAX},
    {"hidden dim", ENGINE_DIM_MAX},
    {"number of layers", ENGINE_LAYERS_MAX},
    {"number of heads", ENGINE_DIM_MAX},
    {"number of kv heads", ENGINE_DIM_MAX},
    {"size of the vocabulary", ENGINE_VOCABULARY_MAX},
    {"context", ENGINE_CONTEXT_MAX},
};

static int
check_numbers(const struct header *header, struct engine_error *error)
{
    for (int i = 0; i < NUMBERS; i++) {
        int32_t number = header->numbers[i];
        if (number <= 0 || (uint32_t)number > number_limits[i].max)
            return engine_fail(error, ENGINE_E_FILE, "checkpoint: %s is %d, not 1 to %u",
                               number_limits[i].name, number, number_limits[i].max);
    }
    return ENGINE_OK;
}

static int
check_shape(const struct engine_shape *shape, struct engine_error *error)
{
    if (shape->dim % shape->heads != 0 || shape->head_dim % 2 != 0)
        return engine_fail(error, ENGINE_E_FILE,
                           "checkpoint: dim %u cannot be cut into %u heads of an even size",
                           shape->dim, shape->heads);
    if (shape->heads % shape->kv_heads != 0)
        return engine_fail(error, ENGINE_E_FILE,
                           "checkpoint: %u heads cannot share %u kv heads evenly", shape->heads,
                           shape->kv_heads);
    return ENGINE_OK;
}

/* Scales are floats behind rows of int8: groups of fours keep them aligned. */
static int
check_group(const struct header *header, const struct engine_shape *shape,
            struct engine_error *error)
{
    uint32_t group = header->group;
    if (header->version == 0)
        return ENGINE_OK;
    if (group == 0 || group % 4 != 0 || shape->dim % group != 0 || shape->hidden % group != 0)
        return engine_fail(error, ENGINE_E_FILE,
                           "checkpoint: groups of %d do not divide dim %u and hidden dim %u in "
                           "multiples of four",
                           (int)group, shape->dim, shape->hidden);
    return ENGINE_OK;
}

static void
set_shape(struct engine_shape *shape, const struct header *header)
{
    const int32_t *n = header->numbers;
    *shape = (struct engine_shape){
        .dim = (uint32_t)n[0],
        .hidden = (uint32_t)n[1],
        .layers = (uint32_t)n[2],
        .heads = (uint32_t)n[3],
        .kv_heads = (uint32_t)n[4],
        .head_dim = (uint32_t)n[0] / (uint32_t)n[3],
        .vocabulary = (uint32_t)n[5],
        .context = (uint32_t)n[6],
        .norm_epsilon = NORM_EPSILON,
        .rope_base = ROPE_BASE,
        .rope_dim = (uint32_t)n[0] / (uint32_t)n[3],
        .rope_scale = 1,
        .rope_magnitude = 1,
    };
}

static struct engine_tensor *
add_tensor(struct layout *layout, struct engine_tensor tensor)
{
    uint64_t count = (uint64_t)tensor.rows * tensor.columns;
    tensor.index = layout->model->tensor_count++;
    tensor.offset = layout->at;
    if (tensor.format == ENGINE_Q8_SPLIT) {
        tensor.scales_offset = layout->at + count;
        layout->at += count + count / tensor.group * 4;
    } else {
        layout->at += count * 4;
    }
    layout->model->tensors[tensor.index] = tensor;
    return &layout->model->tensors[tensor.index];
}

static struct engine_tensor *
add_norm(struct layout *layout, const char *name, uint32_t layer)
{
    return add_tensor(layout, (struct engine_tensor){.name = name,
                                                     .format = ENGINE_F32,
                                                     .layer = layer,
                                                     .rows = 1,
                                                     .columns = layout->model->shape.dim,
                                                     .group = 1});
}

static struct engine_tensor *
add_matrix(struct layout *layout, const char *name, uint32_t layer, uint32_t rows, uint32_t columns)
{
    return add_tensor(
        layout,
        (struct engine_tensor){.name = name,
                               .format = layout->header.version == 0 ? ENGINE_F32 : ENGINE_Q8_SPLIT,
                               .layer = layer,
                               .rows = rows,
                               .columns = columns,
                               .group = layout->header.group});
}

/* One tensor of every layer after the other: that is how the files have them. */
#define ADD_NORMS(layout, field, name)                                \
    for (uint32_t layer_ = 0; layer_ < model->shape.layers; layer_++) \
    model->layers[layer_].field = add_norm(layout, name, layer_)
#define ADD_MATRICES(layout, field, name, rows, columns)              \
    for (uint32_t layer_ = 0; layer_ < model->shape.layers; layer_++) \
    model->layers[layer_].field = add_matrix(layout, name, layer_, rows, columns)

static void
add_attention(struct layout *layout)
{
    struct engine_model *model = layout->model;
    uint32_t dim = model->shape.dim;
    uint32_t kv_dim = model->shape.kv_heads * model->shape.head_dim;
    ADD_MATRICES(layout, query, "wq", dim, dim);
    ADD_MATRICES(layout, key, "wk", kv_dim, dim);
    ADD_MATRICES(layout, value, "wv", kv_dim, dim);
    ADD_MATRICES(layout, output, "wo", dim, dim);
}

static void
add_ffn(struct layout *layout)
{
    struct engine_model *model = layout->model;
    uint32_t dim = model->shape.dim, hidden = model->shape.hidden;
    ADD_MATRICES(layout, gate, "w1", hidden, dim);
    ADD_MATRICES(layout, down, "w2", dim, hidden);
    ADD_MATRICES(layout, up, "w3", hidden, dim);
}

static void
add_v0(struct layout *layout)
{
    struct engine_model *model = layout->model;
    const struct engine_shape *shape = &model->shape;
    model->embedding = add_matrix(layout, "embedding", 0, shape->vocabulary, shape->dim);
    ADD_NORMS(layout, attention_norm, "attention norm");
    add_attention(layout);
    ADD_NORMS(layout, ffn_norm, "ffn norm");
    add_ffn(layout);
    model->final_norm = add_norm(layout, "final norm", 0);
    /* Cosines and sines of the positions: made anew by whoever needs them. */
    layout->at += (uint64_t)shape->context * shape->head_dim * 4;
}

static void
add_v2(struct layout *layout)
{
    struct engine_model *model = layout->model;
    const struct engine_shape *shape = &model->shape;
    layout->at = HEADER_V2;
    ADD_NORMS(layout, attention_norm, "attention norm");
    ADD_NORMS(layout, ffn_norm, "ffn norm");
    model->final_norm = add_norm(layout, "final norm", 0);
    model->embedding = add_matrix(layout, "embedding", 0, shape->vocabulary, shape->dim);
    add_attention(layout);
    add_ffn(layout);
}

static void
add_tensors(struct layout *layout)
{
    struct engine_model *model = layout->model;
    layout->at = HEADER_V0;
    if (layout->header.version == 0)
        add_v0(layout);
    else
        add_v2(layout);
    model->classifier = layout->header.tied ? model->embedding
                                            : add_matrix(layout, "classifier", 0,
                                                         model->shape.vocabulary, model->shape.dim);
}

static bool
take_lists(struct engine_model *model, struct engine_arena *arena)
{
    uint32_t layers = model->shape.layers;
    model->layers = engine_arena_take(arena, layers, sizeof *model->layers);
    model->tensors = engine_arena_take(arena, 3 + 9 * (size_t)layers, sizeof *model->tensors);
    if (model->layers == NULL || model->tensors == NULL)
        return false;
    memset(model->layers, 0, layers * sizeof *model->layers);
    return true;
}

static int
check_size(const struct layout *layout, struct engine_error *error)
{
    if (layout->at == layout->model->file_bytes)
        return ENGINE_OK;
    return engine_fail(error, ENGINE_E_FILE,
                       "checkpoint: %lu bytes, but its shape asks for %lu (version %u)",
                       layout->model->file_bytes, layout->at, layout->header.version);
}

int
engine_checkpoint_read(struct engine_model *model, const void *file, uint64_t header_bytes,
                       uint64_t file_bytes, struct engine_arena *arena, struct engine_error *error)
{
    struct layout layout = {.model = model};
    uint64_t bytes = header_bytes < file_bytes ? header_bytes : file_bytes;
    memset(model, 0, sizeof *model);
    int status = read_header(&layout.header, file, bytes, error);
    if (status == ENGINE_OK)
        status = check_numbers(&layout.header, error);
    if (status != ENGINE_OK)
        return status;
    set_shape(&model->shape, &layout.header);
    model->kind =
        layout.header.version == 0 ? "llama2.c version 0 (fp32)" : "llama2.c version 2 (Q8_0)";
    model->file_bytes = file_bytes;
    if ((status = check_shape(&model->shape, error)) != ENGINE_OK ||
        (status = check_group(&layout.header, &model->shape, error)) != ENGINE_OK)
        return status;
    if (!take_lists(model, arena))
        return engine_fail(error, ENGINE_E_SPACE, "checkpoint: no memory for %u layers",
                           model->shape.layers);
    add_tensors(&layout);
    return check_size(&layout, error);
}

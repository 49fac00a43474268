/* Models in GGUF files: which tensors they are made of. */
#include "gguf_model.h"

#include <string.h>

/* A tensor that belongs to no layer. */
static int
add_whole(struct gguf_reader *reader, const char *name, const char *part, uint32_t row_count,
          uint32_t columns, struct engine_tensor **tensor)
{
    const struct gguf_rows rows = {.name = name,
                                   .part = part,
                                   .all = row_count,
                                   .rows = row_count,
                                   .columns = columns,
                                   .tensor = tensor};
    return gguf_add_rows(reader, &rows);
}

/* "blk.17.attn_q.weight" */
static void
layer_name(char name[GGUF_NAME_BYTES], uint32_t layer, const char *part)
{
    struct engine_error text;
    engine_fail(&text, 0, "blk.%u.%s", layer, part);
    memcpy(name, text.text, GGUF_NAME_BYTES - 1);
    name[GGUF_NAME_BYTES - 1] = '\0';
}

/* Adds parts of a layer; their names have its number in front. */
static int
add_parts(struct gguf_reader *reader, uint32_t layer, const struct gguf_rows *parts, size_t count)
{
    int status = ENGINE_OK;
    for (size_t i = 0; status == ENGINE_OK && i < count; i++) {
        char name[GGUF_NAME_BYTES];
        struct gguf_rows part = parts[i];
        layer_name(name, layer, part.name);
        part.name = name;
        part.layer = layer;
        status = gguf_add_rows(reader, &part);
    }
    return status;
}

#define COUNT(parts) (sizeof(parts) / sizeof *(parts))

static int
add_attention(struct gguf_reader *reader, uint32_t index)
{
    const struct engine_shape *shape = &reader->model->shape;
    struct engine_layer *layer = &reader->model->layers[index];
    uint32_t dim = shape->dim, q = shape->heads * shape->head_dim;
    uint32_t kv = shape->kv_heads * shape->head_dim, all = q + 2 * kv;
    const char *fused = "attn_qkv.weight";
    const struct gguf_rows apart[] = {
        {"attn_q.weight", "attn_q", 0, q, 0, q, dim, &layer->query},
        {"attn_k.weight", "attn_k", 0, kv, 0, kv, dim, &layer->key},
        {"attn_v.weight", "attn_v", 0, kv, 0, kv, dim, &layer->value},
    };
    const struct gguf_rows together[] = {
        {fused, "attn_q", 0, all, 0, q, dim, &layer->query},
        {fused, "attn_k", 0, all, q, kv, dim, &layer->key},
        {fused, "attn_v", 0, all, q + kv, kv, dim, &layer->value},
    };
    const struct gguf_rows biases[] = {
        {"attn_q.bias", "attn_q.bias", 0, 1, 0, 1, q, &layer->query_bias},
        {"attn_k.bias", "attn_k.bias", 0, 1, 0, 1, kv, &layer->key_bias},
        {"attn_v.bias", "attn_v.bias", 0, 1, 0, 1, kv, &layer->value_bias},
    };
    int status = add_parts(reader, index, reader->architecture->fused ? together : apart, 3);
    return status == ENGINE_OK && reader->architecture->biases ? add_parts(reader, index, biases, 3)
                                                               : status;
}

static int
add_layer(struct gguf_reader *reader, uint32_t index)
{
    const struct engine_shape *shape = &reader->model->shape;
    struct engine_layer *layer = &reader->model->layers[index];
    uint32_t dim = shape->dim, hidden = shape->hidden, q = shape->heads * shape->head_dim;
    bool fused = reader->architecture->fused;
    const char *gate = fused ? "ffn_up.weight" : "ffn_gate.weight";
    uint32_t all = fused ? 2 * hidden : hidden, up = fused ? hidden : 0;
    const struct gguf_rows before[] = {
        {"attn_norm.weight", "attn_norm", 0, 1, 0, 1, dim, &layer->attention_norm},
    };
    const struct gguf_rows behind[] = {
        {"attn_output.weight", "attn_output", 0, dim, 0, dim, q, &layer->output},
        {"ffn_norm.weight", "ffn_norm", 0, 1, 0, 1, dim, &layer->ffn_norm},
        {gate, "ffn_gate", 0, all, 0, hidden, dim, &layer->gate},
        {"ffn_down.weight", "ffn_down", 0, dim, 0, dim, hidden, &layer->down},
        {"ffn_up.weight", "ffn_up", 0, all, up, hidden, dim, &layer->up},
    };
    int status = add_parts(reader, index, before, COUNT(before));
    if (status == ENGINE_OK)
        status = add_attention(reader, index);
    return status == ENGINE_OK ? add_parts(reader, index, behind, COUNT(behind)) : status;
}

/* A list of factors of the frequencies, if the file has it. */
static int
add_factors(struct gguf_reader *reader, const char *name, struct engine_tensor **factors)
{
    struct gguf_description d;
    return gguf_find_tensor(reader, name, &d)
               ? add_whole(reader, name, "rope_factors", 1, reader->model->shape.rope_dim / 2,
                           factors)
               : ENGINE_OK;
}

/* One list for all contexts, or one for short ones and one for long ones. */
static int
add_all_factors(struct gguf_reader *reader)
{
    struct engine_tensor **factors = reader->model->rope_factors;
    int status = add_factors(reader, "rope_freqs.weight", &factors[0]);
    if (factors[0] != NULL || status != ENGINE_OK) {
        factors[1] = factors[0];
        return status;
    }
    status = add_factors(reader, "rope_factors_short.weight", &factors[0]);
    if (status == ENGINE_OK)
        status = add_factors(reader, "rope_factors_long.weight", &factors[1]);
    bool wanted = reader->model->shape.rope_context != 0;
    if (status == ENGINE_OK && (wanted != (factors[0] != NULL) || wanted != (factors[1] != NULL)))
        return engine_fail(
            reader->error, ENGINE_E_FILE,
            wanted ? "gguf: %s.rope.scaling.type is longrope, and a list of factors "
                     "is missing"
                   : "gguf: a list of factors, and %s.rope.scaling.type is not longrope",
            reader->architecture->name);
    return status;
}

static int
add_tensors(struct gguf_reader *reader)
{
    struct engine_model *model = reader->model;
    const struct engine_shape *shape = &model->shape;
    struct gguf_description d;
    int status = add_whole(reader, "token_embd.weight", "token_embd", shape->vocabulary, shape->dim,
                           &model->embedding);
    if (status == ENGINE_OK)
        status = add_whole(reader, "output_norm.weight", "output_norm", 1, shape->dim,
                           &model->final_norm);
    if (status == ENGINE_OK)
        status = add_all_factors(reader);
    for (uint32_t i = 0; status == ENGINE_OK && i < shape->layers; i++)
        status = add_layer(reader, i);
    if (status != ENGINE_OK)
        return status;
    model->classifier = model->embedding;
    if (gguf_find_tensor(reader, "output.weight", &d))
        status = add_whole(reader, "output.weight", "output", shape->vocabulary, shape->dim,
                           &model->classifier);
    if (status == ENGINE_OK && reader->tensors_used != reader->gguf->tensor_count)
        return engine_fail(reader->error, ENGINE_E_UNSUPPORTED,
                           "gguf: %lu tensors, of which the architecture %s knows %lu",
                           reader->gguf->tensor_count, reader->architecture->name,
                           reader->tensors_used);
    return status;
}

/* Where the data begins: behind the descriptions, aligned as the file says. */
static int
find_data(struct gguf_reader *reader)
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
        (void)gguf_description(gguf);
    reader->data_at = (gguf->at + alignment - 1) & ~(uint64_t)(alignment - 1);
    if (!gguf->ok || (gguf->tensor_count > 0 && reader->data_at > gguf->file_bytes))
        return gguf_fail_short(gguf, "descriptions of tensors", reader->error);
    return ENGINE_OK;
}

/* A file must not have more tensors than can be meant. */
static int
take_lists(struct gguf_reader *reader, struct engine_arena *arena)
{
    struct engine_model *model = reader->model;
    size_t layers = model->shape.layers, most = 5 + 12 * layers;
    if (reader->gguf->tensor_count > most)
        return engine_fail(reader->error, ENGINE_E_UNSUPPORTED,
                           "gguf: %lu tensors, more than the architecture %s has in %u layers",
                           reader->gguf->tensor_count, reader->architecture->name,
                           model->shape.layers);
    model->layers = engine_arena_take(arena, layers, sizeof *model->layers);
    model->tensors = engine_arena_take(arena, most, sizeof *model->tensors);
    bool indexed = gguf_index_tensors(reader, arena);
    if (model->layers == NULL || model->tensors == NULL || !indexed)
        return engine_fail(reader->error, ENGINE_E_SPACE, "gguf: no memory for %u layers",
                           model->shape.layers);
    memset(model->layers, 0, layers * sizeof *model->layers);
    return ENGINE_OK;
}

int
engine_gguf_read_head(struct engine_model *model, const void *file, uint64_t head_bytes,
                      uint64_t file_bytes, struct engine_arena *arena, struct engine_error *error)
{
    struct gguf gguf;
    struct gguf_reader reader = {.gguf = &gguf, .model = model, .error = error};
    memset(model, 0, sizeof *model);
    int status = gguf_open(&gguf, file, head_bytes, file_bytes, error);
    if (status == ENGINE_OK)
        status = find_data(&reader);
    if (status == ENGINE_OK)
        status = gguf_read_shape(&reader);
    if (status == ENGINE_OK)
        status = take_lists(&reader, arena);
    if (status != ENGINE_OK)
        return status;
    model->kind = reader.architecture->kind;
    model->file_bytes = file_bytes;
    return add_tensors(&reader);
}

int
engine_gguf_read(struct engine_model *model, const void *file, uint64_t file_bytes,
                 struct engine_arena *arena, struct engine_error *error)
{
    return engine_gguf_read_head(model, file, file_bytes, file_bytes, arena, error);
}

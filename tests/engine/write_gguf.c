#include "write_gguf.h"

#include <math.h>
#include <stdio.h>

#include "gguf_writer.h"

#define ALIGNMENT 32

static void
put_vocabulary(struct writer *w, uint32_t count)
{
    put_string(w, "tokenizer.ggml.model", "llama");
    put_array(w, "tokenizer.ggml.tokens", 8, count);
    for (uint32_t i = 0; i < count; i++) {
        char text[16];
        if (i < 3)
            snprintf(text, sizeof text, "<%u>", i);
        else if (i < 259)
            snprintf(text, sizeof text, "<0x%02X>", i - 3);
        else
            snprintf(text, sizeof text, "%s%c%c", i % 2 ? "\xe2\x96\x81" : "", 'a' + i % 26,
                     'a' + i / 26 % 26);
        put_text(w, text);
    }
    put_array(w, "tokenizer.ggml.scores", 6, count);
    for (uint32_t i = 0; i < count; i++) {
        float score = -(float)i;
        put(w, &score, 4);
    }
    put_array(w, "tokenizer.ggml.token_type", 5, count);
    for (uint32_t i = 0; i < count; i++)
        put_u32(w, i == 0 ? 2 : i < 3 ? 3 : i < 259 ? 6 : 1);
}

static void
put_shape(struct writer *w, const struct engine_shape *shape)
{
    put_string(w, "general.architecture", "llama");
    put_number(w, "llama.embedding_length", shape->dim);
    put_number(w, "llama.feed_forward_length", shape->hidden);
    put_number(w, "llama.block_count", shape->layers);
    put_number(w, "llama.attention.head_count", shape->heads);
    put_number(w, "llama.attention.head_count_kv", shape->kv_heads);
    put_number(w, "llama.context_length", shape->context);
    put_real(w, "llama.attention.layer_norm_rms_epsilon", shape->norm_epsilon);
}
#define SHAPE_PAIRS      8
#define VOCABULARY_PAIRS 4

/* Not shared with the tool that converts, on purpose: a name that was wrong there would be so here,
 * and nothing would show it. */
static void
tensor_name(char name[64], const struct engine_model *model, const struct engine_tensor *tensor)
{
    static const char *const names[][2] = {
        {"attention norm", "attn_norm"},
        {"ffn norm", "ffn_norm"},
        {"wq", "attn_q"},
        {"wk", "attn_k"},
        {"wv", "attn_v"},
        {"wo", "attn_output"},
        {"w1", "ffn_gate"},
        {"w2", "ffn_down"},
        {"w3", "ffn_up"},
    };
    if (tensor == model->embedding)
        strcpy(name, "token_embd.weight");
    else if (tensor == model->final_norm)
        strcpy(name, "output_norm.weight");
    else if (tensor == model->classifier)
        strcpy(name, "output.weight");
    else
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            if (strcmp(tensor->name, names[i][0]) == 0)
                snprintf(name, 64, "blk.%u.%s.weight", tensor->layer, names[i][1]);
}

/* Norms are always floats. */
static uint32_t
type_of(const struct engine_tensor *tensor, uint32_t type)
{
    return tensor->rows == 1 ? GGUF_F32 : type;
}

static size_t
data_bytes(const struct engine_tensor *tensor, uint32_t type)
{
    size_t count = (size_t)tensor->rows * tensor->columns;
    switch (type_of(tensor, type)) {
    case GGUF_F32: return count * 4;
    case GGUF_Q8_0: return count / 32 * 34;
    case GGUF_Q4_0: return count / 32 * 18;
    default: return count * 2;
    }
}

/* To half precision, cutting off; the numbers of the tests are all normal halves, or 0. */
static uint16_t
to_half(float *value)
{
    uint32_t bits;
    memcpy(&bits, value, 4);
    int32_t exponent = (int32_t)(bits >> 23 & 255) - 112;
    uint16_t half = (uint16_t)(exponent <= 0 ? bits >> 31 << 15
                                             : bits >> 31 << 15 | (uint32_t)exponent << 10 |
                                                   (bits >> 13 & 1023));
    bits = exponent <= 0 ? bits & 0x80000000u : bits & 0xffffe000u;
    memcpy(value, &bits, 4);
    return half;
}

static uint16_t
to_bf16(float *value)
{
    uint32_t bits;
    memcpy(&bits, value, 4);
    bits &= 0xffff0000u;
    memcpy(value, &bits, 4);
    return (uint16_t)(bits >> 16);
}

static void
put_floats(struct writer *w, float *values, size_t count, uint32_t type)
{
    for (size_t i = 0; i < count; i++) {
        uint16_t half = type == GGUF_F16    ? to_half(&values[i])
                        : type == GGUF_BF16 ? to_bf16(&values[i])
                                            : 0;
        put(w, type == GGUF_F32 ? (const void *)&values[i] : &half, type == GGUF_F32 ? 4 : 2);
    }
}

static void
put_quants(struct writer *w, int8_t *quants, float *scales, size_t count, uint32_t type)
{
    for (size_t start = 0; start < count; start += 32) {
        uint16_t half = to_half(&scales[start / 32]);
        uint8_t nibbles[16];
        put(w, &half, 2);
        for (size_t i = start; type == GGUF_Q4_0 && i < start + 32; i++)
            quants[i] = (int8_t)(quants[i] >> 4);
        for (size_t i = 0; i < 16; i++)
            nibbles[i] = (uint8_t)(((uint32_t)quants[start + i] + 8) |
                                   ((uint32_t)quants[start + i + 16] + 8) << 4);
        put(w, type == GGUF_Q4_0 ? (const void *)nibbles : &quants[start],
            type == GGUF_Q4_0 ? 16 : 32);
    }
}

static void
put_data(struct writer *w, const struct engine_tensor *tensor, uint8_t *checkpoint, uint32_t type)
{
    size_t count = (size_t)tensor->rows * tensor->columns;
    void *at = checkpoint + tensor->offset;
    if (tensor->format == ENGINE_Q8_SPLIT)
        put_quants(w, at, (void *)(checkpoint + tensor->scales_offset), count, type);
    else
        put_floats(w, at, count, type_of(tensor, type));
}

static void
pad(struct writer *w)
{
    while (w->at % ALIGNMENT != 0)
        put(w, "", 1);
}

uint8_t *
write_gguf(const struct engine_model *model, uint8_t *checkpoint, uint32_t type, size_t *bytes)
{
    struct writer w = {NULL, 0, 0};
    uint64_t offset = 0;
    put(&w, "GGUF", 4);
    put_u32(&w, 3);
    put_u64(&w, model->tensor_count);
    put_u64(&w, SHAPE_PAIRS + VOCABULARY_PAIRS);
    put_shape(&w, &model->shape);
    put_vocabulary(&w, model->shape.vocabulary);
    for (uint32_t i = 0; i < model->tensor_count; i++) {
        const struct engine_tensor *tensor = &model->tensors[i];
        char name[64] = "";
        tensor_name(name, model, tensor);
        put_text(&w, name);
        put_u32(&w, tensor->rows == 1 ? 1 : 2);
        put_u64(&w, tensor->columns);
        if (tensor->rows != 1)
            put_u64(&w, tensor->rows);
        put_u32(&w, type_of(tensor, type));
        put_u64(&w, offset);
        offset += (data_bytes(tensor, type) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }
    for (uint32_t i = 0; i < model->tensor_count; i++) {
        pad(&w);
        put_data(&w, &model->tensors[i], checkpoint, type);
    }
    *bytes = w.at;
    return w.file;
}

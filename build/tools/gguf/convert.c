/* A llama2.c checkpoint and its tokenizer.bin as one GGUF file. */
#include "tool.h"

#include "engine/file.h"

#include <stdlib.h>
#include <string.h>

#define ALIGNMENT 32

static const char space[] = "\xe2\x96\x81"; /* U+2581 stands for a space */

/* Both are read a first time with an arena that only counts. Return the memory that they are in. */
static void *
read_model(struct engine_model *model, const struct input *input)
{
    struct engine_arena arena = {.base = NULL};
    struct engine_error error = {""};
    for (int status = ENGINE_E_SPACE; status != ENGINE_OK;) {
        if (arena.used_bytes > 0)
            arena = (struct engine_arena){take_memory(1, arena.used_bytes), arena.used_bytes, 0};
        status =
            engine_checkpoint_read(model, input->bytes, input->count, input->count, &arena, &error);
        if (status != ENGINE_OK && status != ENGINE_E_SPACE)
            fail("%s: %s", input->path, error.text);
    }
    return arena.base;
}

static void *
read_tokenizer(struct engine_tokenizer *tokenizer, const struct input *input, uint32_t words)
{
    struct engine_arena arena = {.base = NULL};
    struct engine_error error = {""};
    for (int status = ENGINE_E_SPACE; status != ENGINE_OK;) {
        if (arena.used_bytes > 0)
            arena = (struct engine_arena){take_memory(1, arena.used_bytes), arena.used_bytes, 0};
        status =
            engine_tokenizer_read(tokenizer, input->bytes, input->count, words, &arena, &error);
        if (status != ENGINE_OK && status != ENGINE_E_SPACE)
            fail("%s: %s", input->path, error.text);
    }
    return arena.base;
}

/* --- Pairs ------------------------------------------------------------------------------------ */

static void
put_key(struct output *output, const char *key, uint32_t type)
{
    put_text(output, key, strlen(key));
    put_u32(output, type);
}

static void
put_string(struct output *output, const char *key, const char *value)
{
    put_key(output, key, GGUF_STRING);
    put_text(output, value, strlen(value));
}

static void
put_number(struct output *output, const char *key, uint32_t number)
{
    put_key(output, key, GGUF_UINT32);
    put_u32(output, number);
}

static void
put_real(struct output *output, const char *key, float number)
{
    put_key(output, key, GGUF_FLOAT32);
    output_write(output, &number, sizeof number);
}

static void
put_array(struct output *output, const char *key, uint32_t type, uint64_t count)
{
    put_key(output, key, GGUF_ARRAY);
    put_u32(output, type);
    put_u64(output, count);
}

#define SHAPE_PAIRS 11
static void
put_shape(struct output *output, const struct engine_shape *shape, const struct target *target)
{
    put_string(output, "general.architecture", "llama");
    put_number(output, "general.file_type", target->file_type);
    put_number(output, "llama.embedding_length", shape->dim);
    put_number(output, "llama.feed_forward_length", shape->hidden);
    put_number(output, "llama.block_count", shape->layers);
    put_number(output, "llama.attention.head_count", shape->heads);
    put_number(output, "llama.attention.head_count_kv", shape->kv_heads);
    put_number(output, "llama.context_length", shape->context);
    put_number(output, "llama.rope.dimension_count", shape->rope_dim);
    put_real(output, "llama.rope.freq_base", shape->rope_base);
    put_real(output, "llama.attention.layer_norm_rms_epsilon", shape->norm_epsilon);
}

/* With spaces as SentencePiece writes them; the pieces that begin and end a text by their names. */
static void
put_piece(struct output *output, const struct engine_tokenizer *tokenizer, uint32_t index)
{
    const struct engine_piece *piece = &tokenizer->pieces[index];
    uint64_t spaces = 0;
    if (index == tokenizer->begin || index == tokenizer->end) {
        const char *name = index == tokenizer->begin ? "<s>" : "</s>";
        put_text(output, name, strlen(name));
        return;
    }
    for (uint32_t i = 0; i < piece->length_bytes; i++)
        spaces += piece->text[i] == ' ';
    put_u64(output, piece->length_bytes + spaces * (sizeof space - 2));
    for (uint32_t i = 0; i < piece->length_bytes; i++)
        if (piece->text[i] == ' ')
            output_write(output, space, sizeof space - 1);
        else
            output_write(output, &piece->text[i], 1);
}

/* As files number kinds of pieces. */
static uint32_t
kind_of(const struct engine_tokenizer *tokenizer, uint32_t index)
{
    const uint8_t kind = tokenizer->pieces[index].kind;
    return index == 0 ? 2 : kind == ENGINE_PIECE_CONTROL ? 3 : kind == ENGINE_PIECE_BYTE ? 6 : 1;
}

#define VOCABULARY_PAIRS 7
static void
put_vocabulary(struct output *output, const struct engine_tokenizer *tokenizer)
{
    put_string(output, "tokenizer.ggml.model", "llama");
    put_array(output, "tokenizer.ggml.tokens", GGUF_STRING, tokenizer->count);
    for (uint32_t i = 0; i < tokenizer->count; i++)
        put_piece(output, tokenizer, i);
    put_array(output, "tokenizer.ggml.scores", GGUF_FLOAT32, tokenizer->count);
    for (uint32_t i = 0; i < tokenizer->count; i++)
        output_write(output, &tokenizer->pieces[i].score, sizeof tokenizer->pieces[i].score);
    put_array(output, "tokenizer.ggml.token_type", GGUF_INT32, tokenizer->count);
    for (uint32_t i = 0; i < tokenizer->count; i++)
        put_u32(output, kind_of(tokenizer, i));
    put_number(output, "tokenizer.ggml.bos_token_id", tokenizer->begin);
    put_number(output, "tokenizer.ggml.eos_token_id", tokenizer->end);
    put_number(output, "tokenizer.ggml.unknown_token_id", 0);
}

/* --- Tensors ---------------------------------------------------------------------------------- */

static void
name_entry(struct entry *entry, const struct engine_model *model,
           const struct engine_tensor *tensor)
{
    static const char *const parts[][2] = {
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
        strcpy(entry->name, "token_embd.weight");
    else if (tensor == model->final_norm)
        strcpy(entry->name, "output_norm.weight");
    else if (tensor == model->classifier)
        strcpy(entry->name, "output.weight");
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strcmp(tensor->name, parts[i][0]) == 0)
            (void)snprintf(entry->name, sizeof entry->name, "blk.%u.%s.weight", tensor->layer,
                           parts[i][1]);
}

static struct entry *
make_entries(const struct engine_model *model, const struct target *target)
{
    struct entry *entries = take_memory(model->tensor_count, sizeof *entries);
    for (uint32_t i = 0; i < model->tensor_count; i++) {
        const struct engine_tensor *tensor = &model->tensors[i];
        entries[i] = (struct entry){.dimensions = tensor->rows == 1 ? 1 : 2,
                                    .type = 0,
                                    .sizes = {tensor->columns, tensor->rows},
                                    .tensor = *tensor};
        name_entry(&entries[i], model, tensor);
        entry_set_target(&entries[i], target);
    }
    return entries;
}

void
command_convert(char **paths, const struct target *target)
{
    struct input checkpoint = map_input(paths[0]), words = map_input(paths[1]);
    struct engine_tokenizer tokenizer;
    struct engine_model model;
    struct output output;
    void *lists = read_model(&model, &checkpoint);
    void *pieces = read_tokenizer(&tokenizer, &words, model.shape.vocabulary);
    struct entry *entries = make_entries(&model, target);
    output_begin(&output, paths[2], 0644);
    output_write(&output, "GGUF", 4);
    put_u32(&output, 3);
    put_u64(&output, model.tensor_count);
    put_u64(&output, SHAPE_PAIRS + VOCABULARY_PAIRS);
    put_shape(&output, &model.shape, target);
    put_vocabulary(&output, &tokenizer);
    put_entries(&output, &checkpoint, entries, model.tensor_count, ALIGNMENT);
    output_end(&output);
    free(entries);
    free(pieces);
    free(lists);
}

/* Tensors of GGUF files: their descriptions, types and places. */
#include "gguf_model.h"

#include <string.h>

/* Types of tensors, as they are numbered in files. */
static const struct {
    uint32_t number;
    enum engine_format format;
    uint32_t group;
} types[] = {
    {0, ENGINE_F32, 1},     {1, ENGINE_F16, 1},   {2, ENGINE_Q4_0, 32},   {3, ENGINE_Q4_1, 32},
    {6, ENGINE_Q5_0, 32},   {8, ENGINE_Q8_0, 32}, {12, ENGINE_Q4_K, 256}, {13, ENGINE_Q5_K, 256},
    {14, ENGINE_Q6_K, 256}, {30, ENGINE_BF16, 1},
};

struct gguf_description
gguf_description(struct gguf *gguf)
{
    struct gguf_description d = {.name = gguf_string(gguf)};
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

/* All descriptions were walked over: they are inside of the file. */
static struct index_key
name_of(const void *context, uint32_t number)
{
    const struct gguf_reader *reader = context;
    struct gguf at = {.file = reader->gguf->file,
                      .at = reader->each_at[number],
                      .bytes = reader->gguf->bytes,
                      .ok = true};
    struct gguf_text name = gguf_string(&at);
    return (struct index_key){name.text, name.length_bytes};
}

bool
gguf_index_tensors(struct gguf_reader *reader, struct engine_arena *arena)
{
    struct gguf *gguf = reader->gguf;
    uint32_t count = (uint32_t)gguf->tensor_count; /* which the header's reader has bounded */
    uint64_t *each_at = engine_arena_take(arena, count, sizeof *each_at);
    if (!index_take(&reader->names, count, arena) || each_at == NULL)
        return false;
    gguf->at = reader->tensors_at;
    gguf->ok = true;
    for (uint32_t i = 0; i < count; i++) {
        each_at[i] = gguf->at;
        (void)gguf_description(gguf);
    }
    reader->each_at = each_at;
    index_fill(&reader->names, count, name_of, reader);
    return true;
}

static bool
find_indexed(struct gguf_reader *reader, const char *name, struct gguf_description *d)
{
    const struct index_key key = {name, strlen(name)};
    uint32_t found = index_find(&reader->names, key, name_of, reader);
    if (found == INDEX_NONE)
        return false;
    reader->gguf->at = reader->each_at[found];
    reader->gguf->ok = true;
    *d = gguf_description(reader->gguf);
    return true;
}

bool
gguf_find_tensor(struct gguf_reader *reader, const char *name, struct gguf_description *d)
{
    struct gguf *gguf = reader->gguf;
    if (reader->each_at != NULL)
        return find_indexed(reader, name, d);
    gguf->at = reader->tensors_at;
    gguf->ok = true;
    for (uint64_t i = 0; i < gguf->tensor_count; i++) {
        *d = gguf_description(gguf);
        if (gguf->ok && gguf_is(d->name, name))
            return true;
    }
    return false;
}

bool
gguf_type(uint32_t number, enum engine_format *format, uint32_t *group)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].number == number) {
            *format = types[i].format;
            *group = types[i].group;
            return true;
        }
    return false;
}

static int
set_type(struct gguf_reader *reader, struct engine_tensor *tensor, const char *name,
         uint32_t number)
{
    if (!gguf_type(number, &tensor->format, &tensor->group))
        return engine_fail(reader->error, ENGINE_E_UNSUPPORTED, "gguf: %s is of type %u", name,
                           number);
    if (tensor->columns % tensor->group != 0)
        return engine_fail(reader->error, ENGINE_E_FILE,
                           "gguf: %s has %u columns, no multiple of %u", name, tensor->columns,
                           tensor->group);
    return ENGINE_OK;
}

static int
place(struct gguf_reader *reader, struct engine_tensor *tensor, const char *name, uint64_t offset)
{
    uint64_t bytes = (uint64_t)tensor->rows * engine_row_bytes(tensor->format, tensor->columns);
    uint64_t left = reader->gguf->file_bytes - reader->data_at;
    if (offset % 4 != 0 || offset > left || bytes > left - offset)
        return engine_fail(reader->error, ENGINE_E_FILE,
                           "gguf: %s, %lu bytes at %lu, is outside of the file's %lu", name, bytes,
                           offset, left);
    tensor->offset = reader->data_at + offset;
    return ENGINE_OK;
}

int
gguf_add_rows(struct gguf_reader *reader, const struct gguf_rows *rows)
{
    struct engine_model *model = reader->model;
    struct engine_tensor *tensor = &model->tensors[model->tensor_count];
    struct gguf_description d;
    if (!gguf_find_tensor(reader, rows->name, &d))
        return engine_fail(reader->error, ENGINE_E_FILE, "gguf: %s is missing", rows->name);
    if (d.sizes[0] != rows->columns || d.sizes[1] != rows->all || d.sizes[2] != 1 ||
        d.sizes[3] != 1)
        return engine_fail(reader->error, ENGINE_E_FILE, "gguf: %s is %lu by %lu, not %u by %u",
                           rows->name, d.sizes[1], d.sizes[0], rows->all, rows->columns);
    *tensor = (struct engine_tensor){.name = rows->part,
                                     .layer = rows->layer,
                                     .rows = rows->all,
                                     .columns = rows->columns,
                                     .index = model->tensor_count};
    int status = set_type(reader, tensor, rows->name, d.type);
    if (status == ENGINE_OK)
        status = place(reader, tensor, rows->name, d.offset);
    if (status != ENGINE_OK)
        return status;
    tensor->rows = rows->rows;
    tensor->offset += rows->first * engine_row_bytes(tensor->format, tensor->columns);
    model->tensor_count++;
    reader->tensors_used += rows->first == 0;
    *rows->tensor = tensor;
    return ENGINE_OK;
}

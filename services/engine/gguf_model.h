/* What reads a model's shape and what reads its tensors, of one GGUF file. */
#ifndef GGUF_MODEL_H
#define GGUF_MODEL_H

#include "gguf.h"
#include "index.h"

#define GGUF_NAME_BYTES 64 /* of a key or a tensor, with its zero */

/* What architectures differ in. */
struct gguf_architecture {
    const char *name; /* in front of its keys */
    const char *kind; /* for people */
    bool halves;      /* as engine_shape.rope_halves */
    bool biases;      /* of query, key and value */
    bool fused;       /* query, key and value are one tensor, and so are gate and up */
};

struct gguf_reader {
    struct gguf *gguf;
    struct engine_model *model;
    struct engine_error *error;
    const struct gguf_architecture *architecture;
    uint64_t tensors_at; /* the first tensor's description */
    uint64_t *each_at;   /* all of them, once they are indexed; NULL: they are not */
    struct engine_index names;
    uint64_t data_at;      /* where offsets count from */
    uint64_t tensors_used; /* of those that the file has */
};

/* A tensor as the file describes it. */
struct gguf_description {
    struct gguf_text name;
    uint32_t dimensions, type;
    uint64_t sizes[4];
    uint64_t offset;
};

/* A type of tensors, by its number in files. False: it is none that is read. */
bool gguf_type(uint32_t number, enum engine_format *format, uint32_t *group);

/* The next description; gguf->ok ends where there is none. */
struct gguf_description gguf_description(struct gguf *gguf);

/* The description of that name. False: there is none. Looks at all, unless they are indexed. */
bool gguf_find_tensor(struct gguf_reader *reader, const char *name, struct gguf_description *d);

/* Indexes them by their names. False: there is no memory for that in `arena`. */
bool gguf_index_tensors(struct gguf_reader *reader, struct engine_arena *arena);

/* Rows of a tensor of the file, as a tensor of the model's; `part` is for people. */
struct gguf_rows {
    const char *name;
    const char *part;
    uint32_t layer;
    uint32_t all;         /* rows that the file's tensor has */
    uint32_t first, rows; /* those that are meant */
    uint32_t columns;
    struct engine_tensor **tensor;
};

/* Adds such a tensor to the model; its type and place are checked. */
int gguf_add_rows(struct gguf_reader *reader, const struct gguf_rows *rows);

/* Which architecture it is, and reader->model->shape; tensors_at is known. */
int gguf_read_shape(struct gguf_reader *reader);

#endif

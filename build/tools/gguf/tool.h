/*
 * The host tool for GGUF files: docs/guides/gguf.md. Models are read by the engine's readers. A
 * failure ends the program with one line that names the file.
 */
#ifndef GGUF_TOOL_H
#define GGUF_TOOL_H

#include <limits.h>
#include <stdint.h>
#include <stdio.h>

#include "gguf.h"

#include "engine/kernel.h"

#include "output.h"

/* A file that is read: mapped as a whole, to the end of the program. */
struct input {
    const char *path;
    const uint8_t *bytes;
    uint64_t count;
};
struct input map_input(const char *path);

/* Memory of zeros, which the caller frees. */
void *take_memory(uint64_t count, uint64_t piece_bytes);

void put_u32(struct output *output, uint32_t number);
void put_u64(struct output *output, uint64_t number);
void put_text(struct output *output, const void *text, uint64_t length_bytes);
/* Zeros up to a multiple of `alignment`. */
void put_padding(struct output *output, uint64_t alignment);

/* What matrices are made into. */
struct target {
    const char *name;
    uint32_t type;      /* of a tensor, as files number it */
    uint32_t file_type; /* general.file_type, for people */
    enum engine_format format;
    uint32_t group; /* columns come in multiples of it */
};
/* The one of that name; fails if there is none. */
const struct target *find_target(const char *name);

/* A row of `columns` numbers; fails, with `what`, where one is no number or too large for it. */
void put_row(struct output *output, const struct target *target, const float *row, uint32_t columns,
             const char *what);

/* A tensor that is to be written: rows of the source's, as the target, or as they are (NULL). */
struct entry {
    char name[64];
    uint32_t dimensions, type;
    uint64_t sizes[4];
    struct engine_tensor tensor; /* in the source */
    const struct target *target;
    uint64_t offset; /* behind the metadata */
};

/* Chooses `target` for a matrix whose columns it fits, and for others that they stay. */
void entry_set_target(struct entry *entry, const struct target *target);

/* Descriptions, padding, and the data of all entries. */
void put_entries(struct output *output, const struct input *input, struct entry *entries,
                 uint64_t count, uint32_t alignment);

/* CHECKPOINT TOKENIZER OUT */
void command_convert(char **paths, const struct target *target);
/* IN OUT */
void command_quantise(char **paths, const struct target *target);

#endif

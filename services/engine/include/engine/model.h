/*
 * What a model file holds: the shape, and where each tensor's bytes are. Reading a file looks at
 * its header only; the weights are reached through a source (weights.h), block by block.
 *
 * A file is untrusted: each count, size and offset is checked before it is used, and a model that
 * was read has every tensor inside the file.
 */
#ifndef ENGINE_MODEL_H
#define ENGINE_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/arena.h"
#include "engine/error.h"

/* Rows of a tensor that are asked for, verified, packed and multiplied together. */
#define ENGINE_BLOCK_ROWS 32

/* How the numbers of a tensor are laid out in the file. */
enum engine_format {
    ENGINE_F32,      /* little-endian floats, row by row */
    ENGINE_Q8_SPLIT, /* llama2.c version 2: int8, row by row, and behind all of them the scales */
    ENGINE_F16,      /* IEEE half precision, row by row */
    ENGINE_BF16,     /* the upper halves of floats, row by row */
    ENGINE_Q8_0,     /* GGUF: groups of 32 columns, each a half as its scale and 32 int8 */
    ENGINE_Q4_0,     /* GGUF: the same with 16 bytes: column i low, i + 16 high; less 8 */
    ENGINE_Q4_1,     /* GGUF: the same with a half behind the scale that is added, and not less 8 */
    ENGINE_Q5_0,     /* GGUF: with the fifth bits in 4 bytes behind the scale; less 16 */
    ENGINE_Q4_K,     /* GGUF: 256 columns in 8 groups, scales and minima of 6 bits */
    ENGINE_Q5_K,     /* GGUF: the same with the fifth bits in 32 bytes */
    ENGINE_Q6_K,     /* GGUF: 256 columns in 16 groups of 6 bits, scales of 8 */
    ENGINE_FORMATS,
};

struct engine_tensor {
    const char *name; /* "wq"; for people, with the layer */
    enum engine_format format;
    uint32_t layer; /* 0 for those that belong to none */
    uint32_t rows, columns;
    uint32_t group;         /* columns that share a scale; 1 where there are no scales */
    uint32_t index;         /* in the model's list */
    uint64_t offset;        /* in the file, of the first row */
    uint64_t scales_offset; /* ENGINE_Q8_SPLIT: in the file, of the first row's scales */
};

/* Ranges of the file that one block of rows is made of: one, or two where scales are apart. */
struct engine_range {
    uint64_t offset, length_bytes;
};

struct engine_layer {
    struct engine_tensor *attention_norm, *query, *key, *value, *output;
    struct engine_tensor *query_bias, *key_bias, *value_bias; /* all or none; NULL: none */
    struct engine_tensor *ffn_norm, *gate, *down, *up;
};

/*
 * The architecture of llama and its relatives: rotary positions, grouped-query attention, SwiGLU,
 * RMSNorm.
 */
struct engine_shape {
    uint32_t dim, hidden, layers, heads, kv_heads, head_dim, vocabulary;
    uint32_t context; /* positions that the model was trained for */
    uint32_t window;  /* positions that a token sees, itself among them; 0: all in front of it */
    float norm_epsilon, rope_base;
    uint32_t rope_dim;     /* of a head's dimensions the first so many are rotated; even */
    bool rope_halves;      /* dimension i with i + rope_dim / 2; else 2 i with 2 i + 1 */
    float rope_scale;      /* positions are divided by it */
    float rope_magnitude;  /* what rotated numbers are multiplied with */
    uint32_t rope_context; /* up to this context frequencies are divided by the first factors */
};

/* Limits of what is read: products of any three of them, times 8, fit 64 bits. */
#define ENGINE_DIM_MAX        (1u << 16)
#define ENGINE_LAYERS_MAX     (1u << 10)
#define ENGINE_VOCABULARY_MAX (1u << 20)
#define ENGINE_CONTEXT_MAX    (1u << 20)

struct engine_model {
    struct engine_shape shape;
    const char *kind; /* for people: "llama2.c version 0 (fp32)" */
    uint64_t file_bytes;
    struct engine_tensor *tensors; /* all of them, in the order of the file */
    uint32_t tensor_count;
    struct engine_tensor *embedding, *final_norm, *classifier; /* tied: both are one tensor */
    struct engine_tensor *rope_factors[2]; /* for short contexts and long ones; NULL: all are 1 */
    struct engine_layer *layers;
};

/*
 * Reads the header of a llama2.c checkpoint, version 0 or version 2. `file` are the first
 * `header_bytes` of a file of `file_bytes`; 256 are always enough. The lists are taken from
 * `arena`. ENGINE_E_FILE, ENGINE_E_UNSUPPORTED, ENGINE_E_SPACE; the model is then not usable.
 */
int engine_checkpoint_read(struct engine_model *model, const void *file, uint64_t header_bytes,
                           uint64_t file_bytes, struct engine_arena *arena,
                           struct engine_error *error);

/* Bytes of a row in a file; of ENGINE_Q8_SPLIT without the scales. */
uint64_t engine_row_bytes(enum engine_format format, uint32_t columns);

/* The number of blocks of a tensor, and of rows in one of them (the last may be short). */
uint32_t engine_tensor_blocks(const struct engine_tensor *tensor);
uint32_t engine_block_rows(const struct engine_tensor *tensor, uint32_t block);

/* Where block `block` lies in the file. Returns the number of ranges, 1 or 2. */
unsigned engine_block_ranges(const struct engine_tensor *tensor, uint32_t block,
                             struct engine_range ranges[2]);

#endif

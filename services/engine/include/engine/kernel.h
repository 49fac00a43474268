/*
 * Kernels: how a block of rows is multiplied with vectors. A kernel reads rows in one layout and
 * vectors in one form; the table has all of them, with what they need of the CPU.
 */
#ifndef ENGINE_KERNEL_H
#define ENGINE_KERNEL_H

#include "engine/weights.h"

#define ENGINE_INTEGER_GROUP 32

/* What a vector is made into before it is multiplied: bits, since several kernels may read it. */
enum engine_form {
    ENGINE_FLOATS = 0,        /* as it is */
    ENGINE_QUANTS = 1 << 0,   /* int8 in groups, each with a float as its scale */
    ENGINE_INTEGERS = 1 << 1, /* 16-bit integers, in pairs: engine_quantise_integers */
    ENGINE_SINGLES = 1 << 2,  /* the same, each as it is: engine_single_quants */
    ENGINE_FINE = 1 << 3,     /* pairs, with what they leave: engine_quantise_fine */
    ENGINE_ANY_INTEGERS = ENGINE_INTEGERS | ENGINE_SINGLES | ENGINE_FINE,
};

/* A group of ENGINE_SINGLES. */
struct engine_single_group {
    int16_t quants[ENGINE_INTEGER_GROUP];
    /* What sums begin with that quants of 4 bits plus 8 go into, where the one has 16 times the
       next in it: -8 times the sum of the group's quants, times 4369, 273, 17 and 1. */
    int16_t begin[4];
    int16_t none[4];
};

/* The vectors that rows are multiplied with: `count` of `columns` numbers each, back to back. */
struct engine_vectors {
    uint32_t count, columns;
    uint32_t group;                            /* columns that share a scale */
    const float *values;                       /* ENGINE_FLOATS */
    const int8_t *quants;                      /* ENGINE_QUANTS */
    const float *scales;                       /* of the quants: [count][columns / group] */
    const int16_t *integers;                   /* ENGINE_INTEGERS, ENGINE_FINE */
    const int16_t *fine;                       /* ENGINE_FINE: as many */
    const struct engine_single_group *singles; /* ENGINE_SINGLES: [count][columns / 32] */
    const int32_t *integer_scales;             /* of all: [count][columns / 32], 0 to 4095 */
    const float *bases;                        /* [count]: what a scale of 1 stands for */
};

/*
 * How rows lie in memory. Packing is done once for each block, whenever its source likes; a layout
 * that needs none is that of the file.
 */
struct engine_layout {
    const char *name;          /* as in a bundle's manifest */
    enum engine_format format; /* of the file that it is made from */
    uint32_t group;            /* it is for tensors in groups of a multiple of this; 0: of any */
    /* NULL where nothing is packed, as in the file. */
    size_t (*block_bytes)(uint32_t row_count, uint32_t columns);
    /* From the rows of a file to `to`, aligned to 64, block_bytes long. */
    void (*pack)(const struct engine_rows *rows, uint32_t row_count, uint32_t columns, void *to);
};

/* What kernels need of a CPU, from its ID registers. */
enum engine_feature {
    ENGINE_NEON = 1 << 0,    /* ID_AA64PFR0_EL1.AdvSIMD */
    ENGINE_SVE2 = 1 << 1,    /* ID_AA64ZFR0_EL1.SVEver at least 1 */
    ENGINE_DOTPROD = 1 << 2, /* ID_AA64ISAR0_EL1.DP */
    ENGINE_I8MM = 1 << 3,    /* ID_AA64ISAR1_EL1.I8MM */
};

struct engine_kernel {
    const char *name;
    const struct engine_layout *layout;
    enum engine_form form;
    uint32_t features;     /* enum engine_feature: all of them */
    uint32_t vector_bytes; /* the vector length that has to be set; 0: any */
    uint32_t lanes;        /* that one instruction multiplies */
    uint32_t vectors;      /* that it multiplies at once, at most; fewer are no error */
    /*
     * out[v][first_row + r] = row r of `rows` times vector v, for `row_count` rows (at most
     * ENGINE_BLOCK_ROWS) and all vectors. Vectors and rows are of the same group.
     */
    void (*multiply)(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
                     const struct engine_vectors *vectors, float *const *out);
    /*
     * For attention: strips of 16 rows in the layout rows16-q8, `strip_bytes` apart, whose scales
     * are all one, times one vector of 15 bits. out[16 * s + r] = sum over groups of
     * ((dot * scale) >> 11), where dot is the sum over pairs of w0 * x0 + w1 * x1 and of the same
     * with `fine`, in parts of 2^-ENGINE_FINE_BITS and rounded. Behind the first `halves` halves of
     * groups the vector is zero up to a whole group. NULL where the kernel has no such thing.
     */
    void (*sums)(const void *strips, const int16_t *integers, const int16_t *fine,
                 const int32_t *scales, uint64_t halves, int32_t *out, uint64_t strip_bytes,
                 uint64_t strip_count);
    /* Row `row` of the block as floats: the embedding of a word. */
    void (*expand)(const struct engine_rows *rows, uint32_t row, uint32_t columns, uint32_t group,
                   float *out);
};

/*
 * Whether rows of a tensor can be packed into a layout: of its format, in groups that it takes, in
 * whole groups of ENGINE_INTEGER_GROUP columns. Single rows are no matrices: they are read as
 * floats.
 */
bool engine_layout_fits(const struct engine_layout *layout, const struct engine_tensor *tensor);

/* The scalar kernel for a format as it is in the file: the words of the reference programs. */
const struct engine_kernel *engine_kernel_reference(enum engine_format format);

/* All kernels that this build has, by layouts: the first of each is its scalar one. */
const struct engine_kernel *const *engine_kernels(uint32_t *count);

/*
 * Quantises `columns` numbers in groups: scale = max |x| / 127, quant = round(x / scale), half away
 * from zero (as llama2.c does).
 */
void engine_quantise(const float *values, uint32_t columns, uint32_t group, int8_t *quants,
                     float *scales);

/*
 * The same in integers, in groups of ENGINE_INTEGER_GROUP: a quant times its group's scale times
 * the base, which is a power of two. Quants are -127 to 127, and stand in pairs: the first as it
 * is, the second less 256 times the first (modulo 2^16), which saves kernels the unpacking of
 * weights that stand in pairs, too. The error of a number is at most 1/200 of the sum of its
 * group's greatest and of 1/2047 of the greatest of all. With a number that is none, or greater
 * than 2^58, the base is none; vectors below 2^-56 are zero.
 */
#define ENGINE_SCALE_MAX 4095
void engine_quantise_integers(const float *values, uint32_t columns, int16_t *quants,
                              int32_t *scales, float *base);

/* The second quant of a pair, once more as it is. */
static inline int16_t
engine_second_quant(const int16_t *pair)
{
    return (int16_t)(pair[1] + 256 * pair[0]);
}

/* From the pairs of `columns` quants the same as ENGINE_SINGLES. */
void engine_single_quants(const int16_t *quants, uint32_t columns,
                          struct engine_single_group *singles);

/*
 * With ENGINE_FINE_BITS more: `fine` has what the quants leave, in parts of a quant of
 * 2^-ENGINE_FINE_BITS, at most half a quant. Two products then take the place of one.
 */
#define ENGINE_FINE_BITS 7
void engine_quantise_fine(const float *values, uint32_t columns, int16_t *quants, int16_t *fine,
                          int32_t *scales, float *base);

#endif

/* What the files that make and evaluate a variant share. */
#ifndef TESTS_ENGINE_VARIANT_PRIVATE_H
#define TESTS_ENGINE_VARIANT_PRIVATE_H

#include "gguf_writer.h"
#include "variant.h"

#define EPSILON  1e-5f
#define MATRICES 256

/* A tensor of the file, as the numbers that its bytes stand for. */
struct matrix {
    char name[64];
    uint32_t rows, columns, type;
    double *values;
    struct writer bytes;
};

struct variant {
    struct variant_shape shape;
    uint64_t state; /* of the random numbers */
    struct matrix matrices[MATRICES];
    uint32_t count;
    struct writer file;
};

/* A random number, and random bytes of the matrix's type, of numbers of a usual size. */
uint32_t variant_random(struct variant *variant);
void variant_fill(struct variant *variant, struct matrix *matrix, double size);

/* Whether matrices of that type are made of blocks. */
bool variant_has_blocks(enum variant_type type);

#endif

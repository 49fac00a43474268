/* Walking through a GGUF file: shared by what reads models and vocabularies. */
#ifndef GGUF_H
#define GGUF_H

#include "engine/gguf.h"

enum gguf_type {
    GGUF_UINT32 = 4,
    GGUF_INT32 = 5,
    GGUF_FLOAT32 = 6,
    GGUF_BOOL = 7,
    GGUF_STRING = 8,
    GGUF_ARRAY = 9,
};

#define GGUF_PAIRS_KNOWN 64

/* A place in the file; `ok` ends with the first step outside of it. */
struct gguf {
    const uint8_t *file;
    uint64_t at, bytes;  /* `bytes` are there to be read ... */
    uint64_t file_bytes; /* ... of so many that the file has */
    bool ok;
    uint64_t tensor_count, pair_count;
    uint64_t pairs_at; /* behind the header */
    /* Where the first pairs are, and how many of them are known: arrays are walked over once. */
    uint64_t pair_at[GGUF_PAIRS_KNOWN], pairs_known, tensors_at;
};

struct gguf_text {
    const uint8_t *text;
    uint64_t length_bytes;
};

/* Reads the header, and walks once through all pairs. */
int gguf_open(struct gguf *gguf, const void *file, uint64_t head_bytes, uint64_t file_bytes,
              struct engine_error *error);

/* Says that the file is cut short in `what`, or that more of it has to be there. */
int gguf_fail_short(const struct gguf *gguf, const char *what, struct engine_error *error);

/* Little-endian numbers and texts; 0 and nothing where the file ends. */
uint32_t gguf_u32(struct gguf *gguf);
uint64_t gguf_u64(struct gguf *gguf);
float gguf_f32(struct gguf *gguf);
struct gguf_text gguf_string(struct gguf *gguf);
bool gguf_is(struct gguf_text text, const char *expected);

/* The beginning of a text as an error has room for it, with '?' for what cannot be printed. */
struct gguf_shown {
    char text[40];
};
struct gguf_shown gguf_show(struct gguf_text text);

/*
 * Goes to the value of a key and says its type. False: there is no such key, or the file is cut
 * short in front of it.
 */
bool gguf_find(struct gguf *gguf, const char *key, uint32_t *type);

/* Goes to the first tensor: behind all pairs. */
void gguf_go_to_tensors(struct gguf *gguf);

/*
 * A number that has to be there, or else is `missing`; NULL `missing`: it has to. ENGINE_E_FILE
 * says which key is missing or of another type.
 */
int gguf_number(struct gguf *gguf, const char *key, const uint32_t *missing, uint32_t *number,
                struct engine_error *error);
int gguf_real(struct gguf *gguf, const char *key, const float *missing, float *number,
              struct engine_error *error);

/* The same for a truth. */
int gguf_flag(struct gguf *gguf, const char *key, bool missing, bool *flag,
              struct engine_error *error);

/* Goes to the first element of an array of `count` elements of a type. */
int gguf_array(struct gguf *gguf, const char *key, uint32_t type, uint64_t *count,
               struct engine_error *error);

#endif

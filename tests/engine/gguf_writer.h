/* Bytes of a GGUF file, one behind the other, in memory from malloc. */
#ifndef TESTS_ENGINE_GGUF_WRITER_H
#define TESTS_ENGINE_GGUF_WRITER_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct writer {
    uint8_t *file;
    size_t at, room;
};

static inline void
put(struct writer *w, const void *bytes, size_t count)
{
    if (w->at + count > w->room) {
        w->room = 2 * (w->at + count);
        w->file = realloc(w->file, w->room);
    }
    memcpy(w->file + w->at, bytes, count);
    w->at += count;
}

static inline void
put_u32(struct writer *w, uint32_t number)
{
    put(w, &number, 4);
}

static inline void
put_u64(struct writer *w, uint64_t number)
{
    put(w, &number, 8);
}

static inline void
put_text(struct writer *w, const char *text)
{
    put_u64(w, strlen(text));
    put(w, text, strlen(text));
}

static inline void
put_number(struct writer *w, const char *key, uint32_t number)
{
    put_text(w, key);
    put_u32(w, 4);
    put_u32(w, number);
}

static inline void
put_string(struct writer *w, const char *key, const char *value)
{
    put_text(w, key);
    put_u32(w, 8);
    put_text(w, value);
}

static inline void
put_real(struct writer *w, const char *key, float number)
{
    put_text(w, key);
    put_u32(w, 6);
    put(w, &number, 4);
}

static inline void
put_array(struct writer *w, const char *key, uint32_t type, uint64_t count)
{
    put_text(w, key);
    put_u32(w, 9);
    put_u32(w, type);
    put_u64(w, count);
}

#endif

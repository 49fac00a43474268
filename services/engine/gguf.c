#include "gguf.h"

#include <string.h>

#define MAGIC     "GGUF"
#define COUNT_MAX 65536 /* of keys, of tensors */

/* Bytes of a value of each type; 0: of no fixed size, or no type. */
static const uint8_t type_bytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

bool
engine_is_gguf(const void *file, uint64_t file_bytes)
{
    return file_bytes >= 4 && memcmp(file, MAGIC, 4) == 0;
}

static const uint8_t *
take(struct gguf *gguf, uint64_t bytes)
{
    static const uint8_t nothing[8];
    if (!gguf->ok || bytes > gguf->bytes - gguf->at) {
        gguf->ok = false;
        return nothing;
    }
    gguf->at += bytes;
    return gguf->file + gguf->at - bytes;
}

uint32_t
gguf_u32(struct gguf *gguf)
{
    const uint8_t *at = take(gguf, 4);
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

uint64_t
gguf_u64(struct gguf *gguf)
{
    uint64_t low = gguf_u32(gguf);
    return low | (uint64_t)gguf_u32(gguf) << 32;
}

float
gguf_f32(struct gguf *gguf)
{
    uint32_t bits = gguf_u32(gguf);
    float number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

struct gguf_text
gguf_string(struct gguf *gguf)
{
    uint64_t length = gguf_u64(gguf);
    const uint8_t *text = take(gguf, length);
    return (struct gguf_text){text, gguf->ok ? length : 0};
}

bool
gguf_is(struct gguf_text text, const char *expected)
{
    return text.length_bytes == strlen(expected) &&
           memcmp(text.text, expected, text.length_bytes) == 0;
}

struct gguf_shown
gguf_show(struct gguf_text text)
{
    struct gguf_shown shown = {""};
    for (size_t i = 0; i < sizeof shown.text - 1 && i < text.length_bytes; i++)
        shown.text[i] = text.text[i] >= ' ' && text.text[i] < 127 ? (char)text.text[i] : '?';
    return shown;
}

static void
skip_array(struct gguf *gguf)
{
    uint32_t type = gguf_u32(gguf);
    uint64_t count = gguf_u64(gguf), bytes;
    if (type == GGUF_STRING) {
        for (uint64_t i = 0; gguf->ok && i < count; i++)
            (void)gguf_string(gguf);
    } else if (type < sizeof type_bytes && type_bytes[type] != 0 &&
               !__builtin_mul_overflow(count, type_bytes[type], &bytes)) {
        (void)take(gguf, bytes);
    } else {
        gguf->ok = false; /* arrays of arrays: nobody has them */
    }
}

static void
skip_value(struct gguf *gguf, uint32_t type)
{
    if (type == GGUF_STRING)
        (void)gguf_string(gguf);
    else if (type == GGUF_ARRAY)
        skip_array(gguf);
    else if (type < sizeof type_bytes)
        (void)take(gguf, type_bytes[type]);
    else
        gguf->ok = false;
}

/* Goes to a pair that is known, and says its type. */
static bool
is_at(struct gguf *gguf, uint64_t pair_at, const char *key, uint32_t *type)
{
    gguf->at = pair_at;
    gguf->ok = true;
    struct gguf_text name = gguf_string(gguf);
    *type = gguf_u32(gguf);
    return gguf->ok && gguf_is(name, key);
}

bool
gguf_find(struct gguf *gguf, const char *key, uint32_t *type)
{
    for (uint64_t i = 0; i < gguf->pairs_known; i++)
        if (is_at(gguf, gguf->pair_at[i], key, type))
            return true;
    if (gguf->pairs_known > 0)
        skip_value(gguf, *type); /* of the last one that is known */
    for (uint64_t i = gguf->pairs_known; gguf->ok && i < gguf->pair_count; i++) {
        if (is_at(gguf, gguf->at, key, type))
            return true;
        skip_value(gguf, *type);
    }
    return false;
}

void
gguf_go_to_tensors(struct gguf *gguf)
{
    gguf->at = gguf->tensors_at;
    gguf->ok = true;
}

static bool
walk_pairs(struct gguf *gguf)
{
    for (uint64_t i = 0; gguf->ok && i < gguf->pair_count; i++) {
        if (i < GGUF_PAIRS_KNOWN)
            gguf->pair_at[gguf->pairs_known++] = gguf->at;
        (void)gguf_string(gguf);
        skip_value(gguf, gguf_u32(gguf));
    }
    gguf->tensors_at = gguf->at;
    return gguf->ok;
}

int
gguf_fail_short(const struct gguf *gguf, const char *what, struct engine_error *error)
{
    if (gguf->bytes < gguf->file_bytes)
        return engine_fail(error, ENGINE_E_HEAD, "gguf: the first %lu bytes end in its %s",
                           gguf->bytes, what);
    return engine_fail(error, ENGINE_E_FILE, "gguf: cut short in its %s", what);
}

int
gguf_open(struct gguf *gguf, const void *file, uint64_t head_bytes, uint64_t file_bytes,
          struct engine_error *error)
{
    uint64_t bytes = head_bytes < file_bytes ? head_bytes : file_bytes;
    *gguf = (struct gguf){.file = file, .bytes = bytes, .file_bytes = file_bytes, .ok = true};
    if (!engine_is_gguf(file, bytes))
        return engine_fail(error, ENGINE_E_FILE, "gguf: the file does not begin with " MAGIC);
    gguf->at = 4;
    uint32_t version = gguf_u32(gguf);
    gguf->tensor_count = gguf_u64(gguf);
    gguf->pair_count = gguf_u64(gguf);
    gguf->pairs_at = gguf->at;
    if (!gguf->ok)
        return gguf_fail_short(gguf, "header", error);
    if (version != 3)
        return engine_fail(error, ENGINE_E_UNSUPPORTED, "gguf: version %u; 3 is supported",
                           version);
    if (gguf->tensor_count > COUNT_MAX || gguf->pair_count > COUNT_MAX)
        return engine_fail(error, ENGINE_E_FILE, "gguf: %lu tensors and %lu keys, more than %u",
                           gguf->tensor_count, gguf->pair_count, (uint32_t)COUNT_MAX);
    if (!walk_pairs(gguf))
        return gguf_fail_short(gguf, "keys", error);
    return ENGINE_OK;
}

int
gguf_number(struct gguf *gguf, const char *key, const uint32_t *missing, uint32_t *number,
            struct engine_error *error)
{
    uint32_t type;
    if (gguf_find(gguf, key, &type)) {
        *number = gguf_u32(gguf);
        if ((type == GGUF_UINT32 || type == GGUF_INT32) && gguf->ok)
            return ENGINE_OK;
        return engine_fail(error, ENGINE_E_FILE, "gguf: %s is no 32-bit number", key);
    }
    if (missing == NULL)
        return engine_fail(error, ENGINE_E_FILE, "gguf: %s is missing", key);
    *number = *missing;
    return ENGINE_OK;
}

int
gguf_real(struct gguf *gguf, const char *key, const float *missing, float *number,
          struct engine_error *error)
{
    uint32_t type;
    if (gguf_find(gguf, key, &type)) {
        *number = gguf_f32(gguf);
        if (type == GGUF_FLOAT32 && gguf->ok && *number > 0 && *number <= __FLT_MAX__)
            return ENGINE_OK;
        return engine_fail(error, ENGINE_E_FILE, "gguf: %s is no positive float", key);
    }
    if (missing == NULL)
        return engine_fail(error, ENGINE_E_FILE, "gguf: %s is missing", key);
    *number = *missing;
    return ENGINE_OK;
}

int
gguf_flag(struct gguf *gguf, const char *key, bool missing, bool *flag, struct engine_error *error)
{
    uint32_t type;
    *flag = missing;
    if (!gguf_find(gguf, key, &type))
        return ENGINE_OK;
    uint8_t byte = *take(gguf, 1);
    if (type != GGUF_BOOL || byte > 1)
        return engine_fail(error, ENGINE_E_FILE, "gguf: %s is neither true nor false", key);
    *flag = byte != 0;
    return ENGINE_OK;
}

int
gguf_array(struct gguf *gguf, const char *key, uint32_t type, uint64_t *count,
           struct engine_error *error)
{
    uint32_t found;
    if (!gguf_find(gguf, key, &found))
        return engine_fail(error, ENGINE_E_FILE, "gguf: %s is missing", key);
    uint32_t element = gguf_u32(gguf);
    *count = gguf_u64(gguf);
    if (found != GGUF_ARRAY || element != type || !gguf->ok)
        return engine_fail(error, ENGINE_E_FILE, "gguf: %s is no array of type %u", key, type);
    return ENGINE_OK;
}

/* Memory and strings (rt/string.h). Words where both sides are aligned, bytes otherwise. */
#include <rt/string.h>
#include <stdint.h>

#undef memcpy

typedef uint64_t __attribute__((may_alias)) word;

static int
are_aligned(const void *a, const void *b)
{
    return (((uintptr_t)a | (uintptr_t)b) & 7) == 0;
}

void *
memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
    char *d = to;
    const char *s = from;
    if (are_aligned(d, s))
        for (; bytes >= 8; bytes -= 8, d += 8, s += 8)
            *(word *)(void *)d = *(const word *)(const void *)s;
    for (; bytes > 0; bytes--)
        *d++ = *s++;
    return to;
}

void *
memmove(void *to, const void *from, size_t bytes)
{
    char *d = to;
    const char *s = from;
    if ((uintptr_t)d - (uintptr_t)s >= bytes)
        return memcpy(to, from, bytes);
    while (bytes-- > 0)
        d[bytes] = s[bytes];
    return to;
}

int
memcmp(const void *a, const void *b, size_t bytes)
{
    const uint8_t *p = a, *q = b;
    for (; bytes > 0; bytes--, p++, q++)
        if (*p != *q)
            return *p < *q ? -1 : 1;
    return 0;
}

size_t
strlen(const char *text)
{
    size_t length = 0;
    while (text[length] != '\0')
        length++;
    return length;
}

int
strncmp(const char *a, const char *b, size_t most)
{
    for (; most > 0; most--, a++, b++) {
        if (*a != *b)
            return (uint8_t)*a < (uint8_t)*b ? -1 : 1;
        if (*a == '\0')
            break;
    }
    return 0;
}

int
strcmp(const char *a, const char *b)
{
    return strncmp(a, b, SIZE_MAX);
}

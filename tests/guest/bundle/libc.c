/*
 * As much of a C library as bundles use, so that this test needs no newlib: memory that is given
 * back all at once, rt's formatter, and a few functions on strings.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libc.h"
#include "test.h"

#define ARENA_BYTES (1u << 20)

static _Alignas(16) char arena[ARENA_BYTES];
static size_t used;

void
memory_reset(void)
{
    used = 0;
}

void *
malloc(size_t bytes)
{
    size_t rounded = (bytes + 15) & ~(size_t)15;
    if (rounded < bytes || rounded > ARENA_BYTES - used)
        return NULL;
    used += rounded;
    return arena + used - rounded;
}

void
free(void *memory)
{
    (void)memory;
}

_Noreturn void
abort(void)
{
    rt_exit(1);
}

int
vsnprintf(char *to, size_t size, const char *format, va_list list)
{
    return (int)rt_format_list(to, size, format, list);
}

int
snprintf(char *to, size_t size, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int length = vsnprintf(to, size, format, list);
    va_end(list);
    return length;
}

void *
memchr(const void *bytes, int value, size_t count)
{
    const char *at = bytes;
    for (size_t i = 0; i < count; i++)
        if (at[i] == (char)value)
            return (void *)(uintptr_t)(at + i);
    return NULL;
}

char *
strchr(const char *text, int character)
{
    return memchr(text, character, strlen(text) + 1);
}

size_t
strspn(const char *text, const char *allowed)
{
    size_t length = 0;
    while (text[length] && strchr(allowed, text[length]))
        length++;
    return length;
}

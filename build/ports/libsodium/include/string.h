/* As much of C's <string.h> as libsodium uses; any C library has the functions. */
#ifndef LIBSODIUM_STRING_H
#define LIBSODIUM_STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);
int memcmp(const void *one, const void *other, size_t bytes);

#endif

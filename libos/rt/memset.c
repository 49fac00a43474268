/*
 * memset without SIMD registers, which upcall handlers must not touch: it takes the place of the C
 * library's, whose other memory functions use none (tests/tools/test_newlib.py).
 */
#include <rt/string.h>
#include <stdint.h>

#undef memset

typedef uint64_t __attribute__((may_alias)) word;

void *
memset(void *to, int value, size_t bytes)
{
    char *d = to;
    uint64_t pattern = (uint8_t)value * 0x0101010101010101ull;
    for (; bytes > 0 && ((uintptr_t)d & 7) != 0; bytes--)
        *d++ = (char)value;
    for (; bytes >= 32; bytes -= 32, d += 32) {
        word *at = (word *)(void *)d;
        at[0] = pattern;
        at[1] = pattern;
        at[2] = pattern;
        at[3] = pattern;
    }
    for (; bytes > 0; bytes--)
        *d++ = (char)value;
    return to;
}

/*
 * What every kernel file starts from: sizes, errors, small helpers. Portable: the host's unit
 * tests compile it too.
 */
#ifndef EXO_CORE_BASE_H
#define EXO_CORE_BASE_H

#include <exo/abi.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t va_t;  /* virtual address of EL0 */
typedef uint64_t pa_t;  /* physical address */
typedef uint64_t pfn_t; /* physical frame number */

/* Result of everything that can fail: EXO_OK or a negative enum exo_err. */
typedef int64_t err_t;

#define PAGE_SHIFT  EXO_PAGE_SHIFT
#define PAGE_BYTES  ((uint64_t)EXO_PAGE_BYTES)
#define BLOCK_PAGES ((uint64_t)EXO_BLOCK_PAGES)

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* The structure of type `type` whose member `member` lies at `pointer`. */
#define CONTAINER_OF(pointer, type, member) \
    ((type *)(void *)((char *)(pointer) - offsetof(type, member)))

static inline uint64_t
min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t
max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static inline bool
is_aligned(uint64_t value, uint64_t power_of_two)
{
    return (value & (power_of_two - 1)) == 0;
}

static inline uint64_t
pages_for(uint64_t bytes)
{
    return (bytes + PAGE_BYTES - 1) / PAGE_BYTES;
}

/* Whether [first, first + count) lies in [0, limit), without wrapping. */
static inline bool
range_fits(uint64_t first, uint64_t count, uint64_t limit)
{
    return first <= limit && count <= limit - first;
}

/* Prints the reason and the state of the machine, and stops it. Never for a program's input. */
_Noreturn void panic(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* States what cannot happen; stays in release builds (a kernel that goes on wrongly is worse). */
#define ensure(condition)                                       \
    do {                                                        \
        if (__builtin_expect(!(condition), 0)) {                \
            panic("%s:%d: %s", __FILE__, __LINE__, #condition); \
        }                                                       \
    } while (0)

/* Ends the function with the error of `call`, if it has one. For calls that return err_t. */
#define TRY(call)               \
    do {                        \
        err_t try_err = (call); \
        if (try_err != EXO_OK)  \
            return try_err;     \
    } while (0)

/* Doubly linked lists through the members `next` and `prev` of what they hold, newest first. */
#define LIST_PUSH(list, item)         \
    do {                              \
        (item)->prev = NULL;          \
        (item)->next = *(list);       \
        if (*(list) != NULL)          \
            (*(list))->prev = (item); \
        *(list) = (item);             \
    } while (0)

#define LIST_REMOVE(list, item)                                                \
    do {                                                                       \
        *((item)->prev == NULL ? (list) : &(item)->prev->next) = (item)->next; \
        if ((item)->next != NULL)                                              \
            (item)->next->prev = (item)->prev;                                 \
    } while (0)

/* Functions that keep what callers have in most registers, where the compiler can make such calls.
 */
#if __has_attribute(preserve_most)
#define KEEPS_REGISTERS __attribute__((preserve_most))
#else
#define KEEPS_REGISTERS
#endif

/* A register context, without memcpy's loop. */
struct exo_context;
KEEPS_REGISTERS void context_copy(struct exo_context *to, const struct exo_context *from);

void *memcpy(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);

#endif

/*
 * Ways to break the kernel on purpose, so that a test can see how it says so (panic_* in
 * tests/guest).
 */
#include "debug/audit.h"

#define FIRST 101

extern char _exo_start[];

/* The compiler must not know where this leads. */
static volatile uint32_t *
hidden(void *address)
{
    __asm__("" : "+r"(address));
    return address;
}

static void
crash_panic(uint64_t depth)
{
    panic("seed %lu, as asked for", (unsigned long)(FIRST + depth));
}

static void
crash_null(uint64_t depth)
{
    (void)hidden(NULL)[depth];
}

/* Each round has 1 KiB on the stack; there are 16. */
static void __attribute__((noinline))
crash_stack(uint64_t depth)
{
    volatile char used[1024];
    used[depth % sizeof(used)] = 1;
    if (depth < 64)
        crash_stack(depth + 1);
    used[0] = used[1];
}

static void
crash_text(uint64_t depth)
{
    hidden(_exo_start)[depth] = 0;
}

void
crash_apply(uint64_t seed)
{
    static void (*const crashes[])(uint64_t depth) = {crash_panic, crash_null, crash_stack,
                                                      crash_text};
    if (seed < FIRST || seed - FIRST >= ARRAY_LENGTH(crashes))
        return;
    crashes[seed - FIRST](0);
    panic("seed %lu did not stop the kernel", (unsigned long)seed);
}

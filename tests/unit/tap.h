/*
 * Tests that print TAP: a list of functions, each named as the property that it shows. The first
 * CHECK that fails ends its test.
 */
#ifndef TESTS_UNIT_TAP_H
#define TESTS_UNIT_TAP_H

#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>

struct tap_test {
    const char *name;
    void (*run)(void);
};
#define TAP(test) {#test, test}

/* Of TAP_MAIN: what tests share may CHECK too. */
extern jmp_buf tap_failed;
extern const char *tap_skipped; /* why, after SKIP */

/* Ends a test that lacks something which is not part of the repository. */
#define SKIP(why)               \
    do {                        \
        tap_skipped = (why);    \
        longjmp(tap_failed, 1); \
    } while (0)

#define CHECK(condition)                                             \
    do {                                                             \
        if (!(condition)) {                                          \
            printf("# %s:%d: %s\n", __FILE__, __LINE__, #condition); \
            longjmp(tap_failed, 1);                                  \
        }                                                            \
    } while (0)

/* For integers: says both. */
#define CHECK_EQ(actual, expected)                                                          \
    do {                                                                                    \
        long long actual_ = (long long)(actual), expected_ = (long long)(expected);         \
        if (actual_ != expected_) {                                                         \
            printf("# %s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #actual, actual_, \
                   expected_);                                                              \
            longjmp(tap_failed, 1);                                                         \
        }                                                                                   \
    } while (0)

static inline int
tap_run(const struct tap_test *tests, size_t count)
{
    volatile int failures = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("1..%zu\n", count);
    for (volatile size_t i = 0; i < count; i++) {
        tap_skipped = NULL;
        if (setjmp(tap_failed) == 0) {
            tests[i].run();
            printf("ok %zu - %s\n", i + 1, tests[i].name);
        } else if (tap_skipped != NULL) {
            printf("ok %zu - %s # SKIP %s\n", i + 1, tests[i].name, tap_skipped);
        } else {
            printf("not ok %zu - %s\n", i + 1, tests[i].name);
            failures++;
        }
    }
    return failures != 0;
}
#define TAP_MAIN(tests)                                            \
    jmp_buf tap_failed;                                            \
    const char *tap_skipped;                                       \
    int main(void)                                                 \
    {                                                              \
        return tap_run(tests, sizeof(tests) / sizeof((tests)[0])); \
    }

/* Numbers that are the same in each run (xorshift64*); the state is not 0. */
static inline uint32_t
tap_random(uint64_t *state, uint32_t below)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (uint32_t)((*state * 0x2545f4914f6cdd1dull) >> 33) % below;
}

/* Greatest and least numbers more often than chance has them. */
static inline int32_t
tap_extreme(uint64_t *state, int32_t least, int32_t greatest)
{
    switch (tap_random(state, 4)) {
    case 0: return least;
    case 1: return greatest;
    default: return least + (int32_t)tap_random(state, (uint32_t)(greatest - least + 1));
    }
}

#endif

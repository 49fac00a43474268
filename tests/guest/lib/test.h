/*
 * What guest tests are made of. Each tests/guest/NAME.c is init of a machine of its own and says
 *
 *   static void cell_refuses_more_than_its_limit(void) { ... check_equal(a, b); ... }
 *   static const struct test tests[] = {TEST(cell_refuses_more_than_its_limit), ...};
 *   int main(void) { return test_main(tests, sizeof(tests) / sizeof(tests[0])); }
 *
 * The output is TAP. After each test the machine's first devices are closed, everything that it
 * left in slots of rt_slot_take is dropped, the root cell is reaped, and its account has to be what
 * it was; with a debug kernel, the audit has to find nothing. So tests need not clean up, and none
 * can leak unseen.
 *
 * Handlers of upcalls may use check(); they must not wait.
 */
#ifndef TEST_H
#define TEST_H

#include <rt/call.h>
#include <rt/console.h>
#include <rt/frames.h>
#include <rt/spawn.h>
#include <rt/start.h>
#include <rt/string.h>
#include <rt/sync.h>
#include <rt/time.h>
#include <rt/upcall.h>
#include <rt/vcpu.h>

struct test {
    const char *name; /* the property that it shows */
    void (*run)(void);
};

#define TEST(function) {#function, function}

/* Runs them all; returns the exit code. */
int test_main(const struct test *tests, unsigned count);

/* The same in a program with a libOS configuration, whose parts keep what they took. */
int test_main_libos(const struct test *tests, unsigned count);

/* Whether the condition holds; otherwise the running test fails, and says where. */
#define check(condition) test_check((condition), #condition, __FILE__, __LINE__)

/* Whether two integers are equal; otherwise both are printed. */
#define check_equal(actual, expected) \
    test_check_equal((uint64_t)(actual), (uint64_t)(expected), #actual, __FILE__, __LINE__)

/* The running test counts as skipped, unless it fails as well. The reason stays valid. */
void test_skip(const char *reason);

/* The soak variable: `few` in a normal run, `many` with exo.soak=1. */
unsigned test_rounds(unsigned few, unsigned many);

/* Pseudo-random, from exo.seed; each test of a run begins at the same point of the sequence. */
uint64_t test_random(void);

/*
 * A deadline that only a hang misses, however slow the host is, and however far its clock leaps
 * when it was paused: an hour. The harness ends a machine that hangs long before, and names the
 * test that it was in; with exo.patience=SECONDS on the command line the test itself says where.
 */
uint64_t test_patience(void);

bool test_check(bool holds, const char *condition, const char *file, int line);
bool test_check_equal(uint64_t actual, uint64_t expected, const char *what, const char *file,
                      int line);

#endif

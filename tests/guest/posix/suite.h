/* A C program's view of libos/posix, the same with both variants of libos/sched. */
#ifndef TEST_POSIX_SUITE_H
#define TEST_POSIX_SUITE_H

#include "test.h"

/* Runs the tests; the exit code. */
int posix_suite(void);

#endif

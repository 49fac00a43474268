/* What test and fuzzer of the packed image have in common. */
#ifndef TESTS_PACKED_WALK_H
#define TESTS_PACKED_WALK_H

#include <vfs/packed.h>

/* Reads every name and every byte of an image that was accepted, and looks every node up: whether
 * each is found as itself. The sanitizers see what lies outside. */
int packed_walk(const struct packed *packed);

#endif

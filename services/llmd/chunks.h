/*
 * Memory for weights that are packed when they are touched: a region that grows by 2 MiB at a time,
 * mapped so where there are such frames. An eighth of what the program could still take when it was
 * opened is left to others.
 */
#ifndef LLMD_CHUNKS_H
#define LLMD_CHUNKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Addresses for `bytes`, and some more. False: there are none, and chunks_take gives nothing. */
bool chunks_open(uint64_t bytes);

/* As struct engine_packing_host says of `take`; any thread. */
void *chunks_take(void *unused, size_t bytes);

/* All of it is free; nobody uses any of it. */
void chunks_close(void);

#endif

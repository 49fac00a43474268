/*
 * Memory for weights that are packed when they are touched: a region that grows by 2 MiB at a time,
 * mapped so where there are such frames. An eighth of what the program could still take when it was
 * opened is left to others; who needs more takes what was given last, since a step uses all of it
 * in the same order: whatever else went would be missed first.
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

/*
 * Gives the last ones back until so many bytes are, but not the first `keep` bytes: how many were.
 * `forget` is told what is not there any more before it goes; nobody uses any of that.
 */
uint64_t chunks_give(uint64_t bytes, uint64_t keep, void (*forget)(const void *from, size_t bytes));

/* As many bytes as there were at most since it was opened. */
uint64_t chunks_most(void);

/* All of it is free; nobody uses any of it. */
void chunks_close(void);

#endif

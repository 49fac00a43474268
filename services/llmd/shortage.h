/* What is said where memory is too little: how much there is, and about how much would do. */
#ifndef LLMD_SHORTAGE_H
#define LLMD_SHORTAGE_H

#include <stddef.h>
#include <stdint.h>

/*
 * One line: of a machine with so many frames, of which so many are free, `bytes` were wanted and
 * could not be had.
 */
void shortage_text(char *to, size_t room, uint64_t frames, uint64_t frames_free, uint64_t bytes);

#endif

/* In steps, since it is an estimate. */
#include "shortage.h"

#include <stdio.h>

#define FRAME_BYTES 4096u
#define MIB         ((uint64_t)1 << 20)
#define MORE_MIB    8u /* for what comes behind it: connections, tables, texts */
#define STEP_MIB    8u

static uint64_t
mib_of(uint64_t bytes)
{
    return (bytes + MIB - 1) / MIB;
}

void
shortage_text(char *to, size_t room, uint64_t frames, uint64_t frames_free, uint64_t bytes)
{
    uint64_t there = frames * FRAME_BYTES / MIB, rest = frames_free * FRAME_BYTES / MIB;
    uint64_t wanted = mib_of((frames - frames_free) * FRAME_BYTES + bytes) + MORE_MIB;
    wanted = (wanted + STEP_MIB - 1) / STEP_MIB * STEP_MIB;
    (void)snprintf(
        to, room,
        "too little memory: the machine has %llu MiB, of which %llu are free; about %llu "
        "are needed (MEM=%lluM)",
        (unsigned long long)there, (unsigned long long)rest, (unsigned long long)wanted,
        (unsigned long long)wanted);
}

/*
 * The work of the benchmarks that are compared with a program on the bare machine: both sides and
 * the host's pump (tools/pump.c) take it from here, so that it is the same.
 */
#pragma once

#include <stdint.h>

/* blk_random_read: 4 KiB reads at random places of the first disk, so many in flight. The disk's
   64-bit word at each byte offset has that offset as its value (build/tools/devices.py). */
#define WORK_READS        200000u
#define WORK_READS_FLYING 32u
#define WORK_READ_BYTES   4096u

/* net_echo: WORK_FRAMES frames, at most WORK_FRAMES_FLYING on their way. They come once the machine
   prints "pump: " with their number and its MAC address, and those of this ethertype (a local
   experiment's, IEEE Std 802) go back to whence they came, with their addresses exchanged. The last
   has sequence number WORK_LAST; it is not echoed. */
#define WORK_FRAMES        400000u
#define WORK_FRAMES_FLYING 64u
#define WORK_FRAME_BYTES   64u
#define WORK_ETHERTYPE     0x88b5u
#define WORK_LAST          0xffffffffu
#define WORK_MAC           "52:54:00:00:00:01" /* net0 */

struct work_frame {
    uint8_t to[6], from[6];
    uint16_t ethertype; /* big-endian */
    uint16_t zero;      /* so that the sequence number is aligned in the frame */
    uint32_t sequence;  /* in the host's order: nobody else reads it */
    uint8_t padding[WORK_FRAME_BYTES - 20];
};

/* The next of a sequence of pseudo-random numbers (xorshift64); *state is not 0. */
static inline uint64_t
work_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

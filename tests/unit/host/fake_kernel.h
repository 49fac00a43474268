/*
 * The whole portable kernel on the host: genesis with a boot image of one page, then system calls
 * made by calling trap_call as the entry code would. Memory that calls read and write is
 * `fake_user`, which EL0 sees at FAKE_USER.
 */
#ifndef HOST_FAKE_KERNEL_H
#define HOST_FAKE_KERNEL_H

#include "fake_arch.h"

#define FAKE_USER       0x1000000ull
#define FAKE_USER_BYTES 65536u
#define FAKE_LINES      9300u
extern unsigned char fake_user[FAKE_USER_BYTES];

extern uint64_t fake_ticks;    /* the counter; moves only when a test moves it */
extern struct vcpu *fake_init; /* init's vCPU, current on CPU 0 after fake_boot */

/* The interrupt controller: what it was told of a line. Lines 32 to 63 exist, and all LPIs. */
struct fake_line {
    _Atomic bool masked;
    bool level;
    uint32_t cpu;
    uint32_t accesses; /* to its registers */
};
extern struct fake_line fake_lines[FAKE_LINES];

void fake_boot(uint64_t frames, uint32_t cpus_online);

/* One system call of the vCPU that is current on CPU `fake_cpu`; x1 and on stay in its context. */
int64_t fake_call(enum exo_call call, const uint64_t *x, unsigned count);
#define CALL(name, ...)                                                \
    fake_call(EXO_CALL_##name, (const uint64_t[]){0, __VA_ARGS__} + 1, \
              sizeof((const uint64_t[]){0, __VA_ARGS__}) / sizeof(uint64_t) - 1)

/* The same, repeated while it says EXO_E_AGAIN (a thousand times at most). */
int64_t fake_call_again(enum exo_call call, const uint64_t *x, unsigned count);
#define CALL_AGAIN(name, ...)                                                \
    fake_call_again(EXO_CALL_##name, (const uint64_t[]){0, __VA_ARGS__} + 1, \
                    sizeof((const uint64_t[]){0, __VA_ARGS__}) / sizeof(uint64_t) - 1)

uint64_t fake_result(unsigned x); /* of the vCPU that is current */

/* Writes limits of a cell, or entry `index` for `map` and the like, to fake_user. */
void fake_put_limits(uint32_t frames, uint32_t caps, uint32_t envs, uint32_t slots);
void fake_put_map(unsigned index, uint64_t va, uint32_t slot, uint32_t first, uint32_t pages,
                  uint32_t prot);

/* Accounts of the cell in that slot of init's table. */
struct exo_cell_info fake_cell_info(uint32_t slot);

#endif

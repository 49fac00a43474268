/*
 * A neighbour: a program in a cell of its own that owns slots of a CPU and always wants them.
 * Whether it got them is read from the kernel's own account (exo_cpu_info), exactly: a round is one
 * pass over the CPU's vector, and each slot has to be given once a round, and never lost.
 *
 * For machines with icount=1, where the counter does not run ahead of the guest, and without the
 * audits of debug kernels (exo.audit=0), which take longer than a slot.
 */
#ifndef TEST_NEIGHBOUR_H
#define TEST_NEIGHBOUR_H

#include "fixture.h"

#define NEIGHBOUR_SLOTS 8u

struct neighbour {
    struct rt_child child;
    uint32_t cpu;
    uint64_t round; /* when the watch began */
    struct exo_cpu_info before;
    uint64_t own_ticks;
};

/* What is run beside it, in a cell of its own. */
static inline struct rt_spawn
neighbour_offender(int (*entry)(uint64_t argument))
{
    return (struct rt_spawn){.entry = entry, .limit = {[EXO_RES_FRAMES] = 2048}};
}

/* What the simplest does. */
int spin_for_ever(uint64_t unused);

/* Starts one on that CPU; whether it did. */
bool neighbour_start(struct neighbour *neighbour, uint32_t cpu);

/* From now on its slots are counted. */
void neighbour_watch(struct neighbour *neighbour);

/*
 * After so many rounds: each of its slots was given in each of them.
 *
 * Under icount one CPU works at a time, and time passes for all. Where other CPUs are busy, too, or
 * a CPU waits for a lock that one holds which has no turn, slots pass that nobody but the emulator
 * took: `exactly` is false there, and half of them suffices.
 */
void neighbour_kept_its_slots(struct neighbour *neighbour, unsigned rounds, bool exactly);

/* All of it, with an offender that shares the neighbour's CPU and is killed at the end. */
void neighbour_keeps_its_slots_beside(const struct rt_spawn *offender, unsigned rounds);

/* Ends both. */
void neighbour_end(struct neighbour *neighbour, struct rt_child *offender);

#endif

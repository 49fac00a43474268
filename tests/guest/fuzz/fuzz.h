/*
 * The system-call fuzzer. Workers, each an environment in a cell of its own, make random calls from
 * what they know of their own state (slots, mappings), so that many succeed; init watches them,
 * takes shared objects away under their hands, and adds up what came back.
 *
 *   crew.c      init: spawns, watches and replaces workers
 *   shares.c    what they get from init, and what init takes away
 *   worker.c    a worker's life: what to do next, one call, what it gave
 *   state.c     what a worker believes about its slots and pages; choosing from it
 *   choose.c    which call comes next
 *   generate.c, generate_map.c, generate_control.c, generate_queues.c  its arguments
 *   learn.c     what a result says about the state
 *   acts.c      what is no call: touching memory, control pages, whole victims, suicides
 *   asm.S       the trap with its checks; code that victims run
 *   report.c    the coverage
 */
#ifndef FUZZ_H
#define FUZZ_H

#include "test.h"

#define FUZZ_WORKERS_MAX EXO_CPUS_MAX

/* --- Results, in memory that init shares with a worker, life after life ----------------------- */

#define FUZZ_RESULTS 19u                  /* EXO_OK, then each error by -status */
#define FUZZ_CALLS   (EXO_CALL_COUNT + 1) /* the last line: numbers that are no call */
#define FUZZ_VA      0x123450000ull       /* of struct fuzz_page in a worker */
#define FUZZ_PAGES   2u

enum fuzz_phase { FUZZ_OUTSIDE = 0, FUZZ_IN_CALL = 1 };

struct fuzz_page {
    _Atomic uint64_t calls; /* begun, in all lives */
    uint64_t seed;          /* of this life */
    uint32_t worker, cpus;
    uint32_t phase;   /* enum fuzz_phase */
    uint32_t acts;    /* that were no calls */
    uint64_t last[9]; /* number and arguments of the last call */
    uint64_t broken;  /* registers that a call did not preserve: mask of the first case */
    uint64_t broken_call[9];
    uint64_t broken_fp; /* the same for FP registers: number of checks that failed */
    uint32_t count[FUZZ_CALLS][FUZZ_RESULTS];
    uint32_t lost[FUZZ_CALLS]; /* made by a worker that ended in it */
};

_Static_assert(sizeof(struct fuzz_page) <= FUZZ_PAGES * EXO_PAGE_BYTES, "fits its pages");

static inline unsigned
fuzz_line(uint64_t number)
{
    return number < EXO_CALL_COUNT ? (unsigned)number : (unsigned)EXO_CALL_COUNT;
}

/* --- What init grants ------------------------------------------------------------------------- */

enum fuzz_slot {
    FUZZ_SLOT_PAGE = 24, /* struct fuzz_page: never used by generated calls */
    FUZZ_SLOT_CODE = 25, /* victims' code, readable and executable */
    FUZZ_SLOT_MACHINE = 26,
    FUZZ_SLOT_TRACE = 27,
    FUZZ_SLOT_SHARED = 28,   /* frames that all workers have */
    FUZZ_SLOT_ENDPOINT = 29, /* 29, 30: endpoints that all workers have */
    FUZZ_SLOT_BELL = 31,     /* 31 to 34: notifications, one a worker, with badges */
    FUZZ_SLOT_PEER = 35,     /* 35 to 37: environments of other workers */
    FUZZ_SLOT_CPU = 38,      /* 38 to 45: half of each CPU's slots */
    FUZZ_SLOT_VICTIM = 46,   /* made by the worker itself */
    FUZZ_SLOT_IRQS = 47,     /* interrupt lines that no device has */
    FUZZ_SLOT_DEVICE = 48,   /* 48 to 50: the machine's devices */
    FUZZ_SLOT_ENTROPY = FUZZ_SLOT_DEVICE,
    FUZZ_SLOT_DISK,
    FUZZ_SLOT_NIC,
    FUZZ_SLOT_FREE = 51,
};

#define FUZZ_ENDPOINTS     2u
#define FUZZ_BELLS         4u
#define FUZZ_PEERS         3u
#define FUZZ_SHARED_FRAMES 32u
#define FUZZ_IRQ_FIRST     240u
#define FUZZ_IRQS          8u
#define FUZZ_DEVICES       3u
#define FUZZ_CPU_SHARE     12u /* of a CPU's slots */

/* crew.c */
struct fuzz_totals {
    uint32_t count[FUZZ_CALLS][FUZZ_RESULTS];
    uint32_t lost[FUZZ_CALLS];
    uint64_t calls, succeeded, acts, broken, broken_fp;
    uint32_t respawns[4]; /* by enum fuzz_end */
    uint32_t audits, violations, takeaways;
};

enum fuzz_end { FUZZ_CRASHED = 0, FUZZ_STOPPED = 1, FUZZ_EXITED = 2, FUZZ_HUNG = 3 };

/* Workers make so many calls, in all; then everything is ended. Adds to *totals. */
void fuzz_round(uint64_t calls, uint64_t seed, struct fuzz_totals *totals);

/* report.c */
void fuzz_report(const struct fuzz_totals *totals);
void fuzz_judge(const struct fuzz_totals *totals);
extern const char *const fuzz_names[FUZZ_CALLS];

#endif

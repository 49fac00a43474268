/*
 * A second program from the same boot image, in a cell of its own: text and read-only data are
 * shared, data and bss are fresh copies, stack and control page lie where init's do. It is this
 * program again, and runs a function of it instead of main; or another one (rt/program.h), which
 * begins as if the kernel had started it.
 *
 * The child finds its own cell (read, write), environment, vCPU and data in the slots of enum
 * exo_boot_slot, its program in EXO_BOOT_IMAGE (another one: in RT_SLOT_PROGRAM), its parent's
 * grants in the slots that were named, and nothing else.
 */
#ifndef RT_SPAWN_H
#define RT_SPAWN_H

#include <rt/frames.h>
#include <rt/program.h>
#include <rt/service.h>
#include <stdatomic.h>

#define RT_SPAWN_FRAMES 256u /* default limits of the child's cell */
#define RT_SPAWN_CAPS   256u
#define RT_SHARED_BYTES 2048u
#define RT_GRANTS_MAX   8u

/* A capability for the child: src in this table becomes dst in the child's. */
struct rt_grant {
    uint32_t src, dst, rights;
    uint32_t count; /* with base_or_badge, as in cap_copy */
    uint64_t base_or_badge;
};

/* What the child is to be. Zero means the default. */
struct rt_spawn {
    const struct rt_program *program; /* NULL: this one, in which it runs: */
    int (*entry)(uint64_t argument);  /* what it returns is its exit code */
    uint64_t argument;
    uint32_t cpu;
    uint32_t parent_cell;          /* EXO_BOOT_CELL */
    uint32_t limit[EXO_RES_COUNT]; /* RT_SPAWN_FRAMES, RT_SPAWN_CAPS, 1, 0 */
    uint32_t supervisor;           /* slot of an endpoint that gets its faults; 0: none */
    bool console;                  /* it may print */
    bool held;                     /* made, not started: exo_vcpu_start(child.vcpu) starts it */
    struct rt_grant grant[RT_GRANTS_MAX];
};

/* Page that parent and child share, mapped in the child at EXO_BOOT_INFO_VA. */
struct rt_child_page {
    uint32_t size, version;
    struct exo_machine_info machine;
    int (*entry)(uint64_t argument);
    uint64_t argument;
    _Atomic uint32_t state; /* enum rt_child_state */
    int32_t code;
    uint64_t fault[4]; /* of RT_CHILD_FAULTED: kind, address or pc, syndrome, pc */
    char shared[RT_SHARED_BYTES] __attribute__((aligned(16)));
};

enum rt_child_state { RT_CHILD_RUNS = 0, RT_CHILD_EXITED = 1, RT_CHILD_FAULTED = 2 };

/* Slots in the parent's table: root capabilities. */
struct rt_child {
    uint32_t cell, env, vcpu, memory;
    void *shared;               /* one page, as the parent sees it: either ... */
    struct rt_child_page *page; /* ... of a child that runs a function, or, of another program: */
    struct exo_boot_info *boot; /* to fill in command line and seed before it is started, ... */
    struct rt_service *service; /* ... and what its supervisor tells it */
};

/* Makes it, and starts it. Errors of the calls; then nothing is left behind. */
int64_t rt_spawn(const struct rt_spawn *spawn, struct rt_child *child);

/* Of a function: waits until it exited or faulted: its state, or RT_CHILD_RUNS at the deadline. */
enum rt_child_state rt_child_wait(const struct rt_child *child, uint64_t deadline_ticks);

/* Ends it, whatever it is doing, and takes everything back. */
void rt_kill(struct rt_child *child);

/* RT_SHARED_BYTES that parent and child can both write: in the parent, and in the child itself. */
#define rt_shared_of(child) ((void *)(child)->page->shared)
void *rt_shared(void);

#endif

/*
 * Per-CPU data. Each CPU has its own in TPIDR_EL1; entry code knows the first members' offsets
 * (arch/offsets.h).
 */
#ifndef EXO_CORE_CPU_H
#define EXO_CORE_CPU_H

#include "arch/this_cpu.h"
#include "core/vcpu.h"

#define TRACE_EVENTS 1024 /* a CPU; a power of two */

#define EPOCH_OUTSIDE UINT64_MAX /* this CPU is in EL0 or idle: it holds no references */

struct trace_ring {
    _Atomic uint64_t written; /* events ever */
    struct exo_trace_event events[TRACE_EVENTS];
};

struct run_queue {
    struct spinlock lock;    /* RANK_RUN_QUEUE */
    struct vcpu_queue ready; /* first: who has waited longest */
    struct vcpu *deadlines;  /* root of the leftist heap */
    struct vcpu *owner[EXO_CPU_SLOTS];
    uint32_t given[EXO_CPU_SLOTS], lent[EXO_CPU_SLOTS], lost[EXO_CPU_SLOTS];
    uint64_t slot_number; /* of the running slot: ticks / slot length */
    uint64_t slot_end;    /* ticks */
    uint64_t passed_slot; /* its number when its owner yielded the rest of it */
    uint64_t chosen_slot; /* its number when the running vCPU was chosen */
    uint64_t run_since;   /* ticks */
    uint64_t idle_ticks;
};

struct cpu {
    struct cpu *self;       /* offset 0 */
    void *stack_top;        /* offset 8 */
    _Atomic uint64_t epoch; /* offset 16: EPOCH_OUTSIDE or the global epoch at entry */
    struct vcpu *current;   /* offset 24: whose context SP_EL1 points to; NULL: idle */
    uint64_t scratch[4];    /* offset 32: entry code */
    uint32_t number;
    uint64_t mpidr;
    _Atomic bool online;
    _Atomic bool reschedule;      /* asked by another CPU or an interrupt */
    struct vcpu *fp_owner;        /* whose FP registers are loaded */
    bool fp_enabled;              /* EL0 may use FP without a trap */
    struct vspace *_Atomic space; /* active in TTBR0 (vspace_activate) */
    uint64_t timer_ticks;         /* what the timer is set to */
    struct run_queue run_queue;
    struct trace_ring *trace;
    uint64_t lock_ranks; /* debug: three bits per rank held */
};

extern struct cpu cpus[EXO_CPUS_MAX];
extern uint32_t cpu_count; /* online */
extern _Atomic uint64_t global_epoch;

#endif

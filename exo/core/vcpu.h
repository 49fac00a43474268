/*
 * vCPUs: what the kernel schedules. Each belongs to one environment and one CPU for life.
 *
 * All that changes while it is scheduled (state, deadline, queues of its CPU, partner in a call)
 * is protected by the run-queue lock of its CPU, its place in an endpoint's queue by that
 * endpoint's lock (rank order: endpoint, then run queue).
 */
#ifndef EXO_CORE_VCPU_H
#define EXO_CORE_VCPU_H

#include "core/env.h"

enum vcpu_state {
    VCPU_STOPPED = 0,   /* not started, or by its supervisor */
    VCPU_READY = 1,     /* wants the CPU: on the ready list, or running */
    VCPU_WAITING = 2,   /* wait(): until an event bit or the deadline */
    VCPU_CALLING = 3,   /* call(): queued at an endpoint, or being served */
    VCPU_RECEIVING = 4, /* receive(): at an endpoint */
    VCPU_FAULTED = 5,   /* waits for its supervisor's reply */
    VCPU_DEAD = 6,
};

/* FP/SIMD/SVE registers. The small form holds vectors of 16 bytes; a longer SVE form is separate. */
struct fp_state {
    uint64_t fpsr, fpcr;
    uint8_t vectors[32 * 16] __attribute__((aligned(16)));
    uint8_t predicates[17 * 2] __attribute__((aligned(16))); /* P0..P15, FFR; only with SVE */
};

struct vcpu {
    struct origin origin;
    struct exo_context context __attribute__((aligned(64))); /* entry code stores here */
    uint64_t tpidr;               /* TPIDR_EL0 */
    struct env *env;
    struct vcpu *env_next;        /* env lock */
    struct exo_control *control;  /* by the linear map */
    va_t control_va;
    uint32_t number;              /* in its environment */
    uint32_t cpu;
    uint8_t state;                /* enum vcpu_state; run-queue lock of `cpu` */
    uint8_t priority;
    bool on_ready_list;
    bool stop_requested;
    struct vcpu *ready_next, *ready_prev;
    uint32_t cpu_slots;           /* slots of its CPU's vector that it owns */

    uint64_t deadline;            /* EXO_FOREVER: none */
    struct vcpu *heap_left, *heap_right, *heap_parent; /* leftist heap by deadline */
    uint32_t heap_rank;
    bool in_heap;

    struct endpoint *endpoint;    /* queued at; endpoint lock */
    struct vcpu *queue_next, *queue_prev;
    struct vcpu *partner;         /* CALLING: the server that serves it */
    struct vcpu *serving;         /* the caller that this vCPU has to answer */
    uint64_t badge;               /* of the capability it called through */
    uint32_t cap_send, cap_receive; /* slots named in the call under way, or EXO_NONE */

    uint64_t revoke_resource, revoke_amount, revoke_deadline; /* pending revoke upcall */
    bool revoke_pending;

    uint32_t sve_bytes;           /* vector length; 16 until configured */
    void *sve_state;              /* larger area, paid by the cell; NULL: `fp` */
    uint32_t sve_frames;
    struct fp_state fp;
};

_Static_assert(sizeof(struct vcpu) <= EXO_PAGE_BYTES, "a vCPU is one frame");
_Static_assert(sizeof(struct env) <= EXO_PAGE_BYTES, "an environment is one frame");

#endif

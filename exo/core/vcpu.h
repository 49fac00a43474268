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

/*
 * A READY vCPU is on the ready list, or `current` on its CPU, or parked: kept off by a gate
 * (`held`, its environment stopped, its cell dying) until that opens.
 */
enum vcpu_state {
    VCPU_READY = 1,     /* wants the CPU */
    VCPU_WAITING = 2,   /* wait(): until an event bit or the deadline */
    VCPU_CALLING = 3,   /* call(): queued at an endpoint, or being served */
    VCPU_RECEIVING = 4, /* receive(): at an endpoint */
    VCPU_FAULTED = 5,   /* waits for its supervisor's reply */
    VCPU_DEAD = 6,
};

/* FP/SIMD/SVE registers. The small form holds vectors of 16 bytes; a longer SVE form is separate.
 */
struct fp_state {
    uint64_t fpsr, fpcr;
    uint8_t vectors[32 * 16] __attribute__((aligned(16)));
    uint8_t predicates[17 * 2] __attribute__((aligned(16))); /* P0..P15, FFR; only with SVE */
};

/* First in, first out: who waits at an endpoint, or is ready on a CPU. */
struct vcpu_queue {
    struct vcpu *first, *last;
};

struct vcpu {
    struct origin origin;
    struct exo_context context __attribute__((aligned(64))); /* entry code stores here */
    uint64_t tpidr;                                          /* TPIDR_EL0 */
    struct env *env;
    struct vcpu *env_next;       /* env lock */
    struct exo_control *control; /* by the linear map */
    va_t control_va;
    struct run_queue *run_queue; /* of its CPU */
    uint32_t number;             /* in its environment */
    uint32_t cpu;
    uint8_t state; /* enum vcpu_state; run-queue lock of `cpu` */
    uint8_t priority;
    bool on_ready_list;
    bool preempted;     /* lost the CPU unasked: a `run` upcall when it comes back */
    bool held;          /* not started yet, or stopped by vcpu_stop */
    uint32_t cpu_slots; /* slots of its CPU's vector that it owns */

    uint64_t deadline;                                 /* EXO_FOREVER: none */
    struct vcpu *heap_left, *heap_right, *heap_parent; /* leftist heap by deadline */
    uint32_t heap_rank;
    bool in_heap;

    struct endpoint *endpoint;            /* queued at; endpoint lock */
    struct vcpu *queue_next, *queue_prev; /* there, or on its CPU's ready list */
    struct vcpu *partner;                 /* CALLING: the server that serves it */
    _Atomic(struct vcpu *) serving;       /* the caller that this vCPU has to answer */
    uint64_t message[4];                  /* of the call (or fault) under way */
    uint64_t badge;                       /* of the capability that it called through ... */
    struct cap via;                       /* ... which is that, while it is queued */
    uint32_t cap_send, cap_receive;       /* slots named in the call under way, or EXO_NONE */

    _Atomic bool revoke_pending; /* a `revoke` upcall is due; its data is the cell's `reclaim` */
    uint64_t end_epoch;          /* its end: when nothing referred to it any more */

    uint32_t sve_bytes; /* vector length; 16 until configured */
    void *sve_state;    /* larger area, paid by the cell; NULL: `fp` */
    uint32_t sve_frames;
    struct fp_state fp;
};

/* --- vcpu.c --------------------------------------------------------------------------------- */

struct vcpu_start {
    uint32_t cpu;
    va_t control_va, entry, stack;
    uint64_t argument;
};

/*
 * A new vCPU, held, `inside` set, its control page mapped at control_va. Charged to the
 * environment's cell; in the environment's list; not yet published.
 */
err_t vcpu_create(struct env *env, const struct vcpu_start *start, struct vcpu **vcpu);
/* Undoes that but for its memory: unmaps and frees the control page, leaves the environment. */
void vcpu_unequip(struct vcpu *vcpu);

/* One step of its end; EXO_E_AGAIN until nothing of the kernel refers to it. */
err_t vcpu_finish_step(struct vcpu *vcpu);

/* Opens and closes the vCPU's own gate. vcpu_hold: EXO_E_AGAIN while it still runs elsewhere. */
void vcpu_release(struct vcpu *vcpu);
err_t vcpu_hold(struct vcpu *vcpu);

/* Whether its registers are in `context`, and stay there: it runs nowhere and a gate is closed.
   Run-queue lock held. */
bool vcpu_is_still(const struct vcpu *vcpu);

err_t vcpu_set_sve(struct vcpu *vcpu, uint32_t bytes);

_Static_assert(sizeof(struct vcpu) <= EXO_PAGE_BYTES, "a vCPU is one frame");
_Static_assert(sizeof(struct env) <= EXO_PAGE_BYTES, "an environment is one frame");

#endif

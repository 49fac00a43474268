/*
 * Environments: a protection domain is an address space, a capability table, and vCPUs.
 */
#ifndef EXO_CORE_ENV_H
#define EXO_CORE_ENV_H

#include "core/cap.h"
#include "core/vspace.h"

struct vcpu;

#define ENV_VCPUS_MAX 64
#define ENV_PAC_KEYS  10 /* APIA, APIB, APDA, APDB, APGA: two words each */

#define ENV_FIRST 1 /* the number of the boot image's program */

struct env {
    struct origin origin;
    struct vspace space;
    struct cap_slot *
        *table;           /* one frame: pages of the capability table, EXO_CAP_PAGES_MAX of them */
    struct spinlock lock; /* RANK_ENV: the list of vCPUs */
    struct vcpu *vcpus;
    uint32_t vcpu_count;
    uint32_t next_vcpu;         /* number of the next one */
    uint32_t number;            /* for the trace: never used again */
    _Atomic bool stopped;       /* its vCPUs do not run: by its supervisor, a fault, or its end */
    struct cap_slot supervisor; /* endpoint for faults; a node of that endpoint's tree */
    uint64_t pac_keys[ENV_PAC_KEYS];
    uint32_t end_phase, end_page; /* progress of its end (env.c) */
    uint64_t end_epoch;
};

/* --- env.c ---------------------------------------------------------------------------------- */

/* A new environment with an empty table page 0, charged to `cell`; not yet published. */
err_t env_create(struct cell *cell, struct env **env);

/* A step back from env_create, as far as that went, but for the memory of `env` itself. */
err_t env_unmake_step(struct env *env);

/* One more table page: EXO_E_RANGE, EXO_E_OCCUPIED, EXO_E_LIMIT, EXO_E_MEMORY. */
err_t env_extend_table(struct env *env, uint32_t page);

/* One step of its end: vCPUs, then its capabilities, then its memory. EXO_E_AGAIN until done. */
err_t env_finish_step(struct env *env);

#endif

/*
 * Environments: a protection domain is an address space, a capability table, and vCPUs.
 */
#ifndef EXO_CORE_ENV_H
#define EXO_CORE_ENV_H

#include "core/cap.h"
#include "core/vspace.h"

struct vcpu;

#define ENV_VCPUS_MAX 64
#define ENV_PAC_KEYS 10 /* APIA, APIB, APDA, APDB, APGA: two words each */

struct env {
    struct origin origin;
    struct vspace space;
    struct cap_slot *pages[EXO_CAP_PAGES_MAX / 8]; /* first level: arrays of 8 ... see env.c */
    struct spinlock lock;        /* RANK_ENV: the list of vCPUs, stopped */
    struct vcpu *vcpus;
    uint32_t vcpu_count;
    uint32_t next_vcpu;          /* number of the next one */
    uint32_t number;             /* for the trace: never used again */
    _Atomic bool stopped;        /* by its supervisor; its vCPUs do not run */
    bool ended;                  /* being torn down */
    struct cap_slot supervisor;  /* endpoint for faults; part of the tree that it was copied from */
    uint64_t pac_keys[ENV_PAC_KEYS];
    uint32_t teardown_page;      /* progress of its end */
};

#endif

/*
 * Deadlines of waiting vCPUs: a leftist heap inside the vCPUs themselves, so that it needs no
 * memory; insertion and removal take O(log n) steps. All under the run-queue lock of the CPU.
 */
#ifndef EXO_CORE_DEADLINE_H
#define EXO_CORE_DEADLINE_H

#include "core/vcpu.h"

/* `vcpu->deadline` is set. *root is the earliest of all. */
void deadline_insert(struct vcpu **root, struct vcpu *vcpu);

void deadline_take_out(struct vcpu **root, struct vcpu *vcpu);

/* Nothing when it is not in the heap. */
static inline void
deadline_remove(struct vcpu **root, struct vcpu *vcpu)
{
    if (vcpu->in_heap)
        deadline_take_out(root, vcpu);
}

#endif

/*
 * Notifications: a capability whose use sets bits (its badge) in the events of the vCPU that the
 * notification is bound to.
 */
#ifndef EXO_CORE_NOTIFICATION_H
#define EXO_CORE_NOTIFICATION_H

#include "core/cap.h"

struct notification {
    struct origin origin;
    struct cap_slot binding; /* the vCPU; a node of that vCPU's tree */
};

/* Sets the bits: as sched_post; EXO_E_STATE when it is bound to nobody. */
err_t notification_signal(struct notification *notification, uint64_t bits);

/* The same by who goes on: nobody is entered, and an error tells nobody. */
void notification_raise(struct notification *notification, uint64_t bits);

#endif

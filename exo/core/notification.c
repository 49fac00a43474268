/* Notifications. Waiting and waking are the model tests/models/wait.pml. */
#include "core/notification.h"

#include "core/cap_read.h"
#include "core/sched.h"

err_t
notification_signal(struct notification *notification, uint64_t bits)
{
    struct cap cap;
    err_t err = cap_read(&notification->binding, EXO_TYPE_VCPU, 0, &cap);
    if (err != EXO_OK)
        return err == EXO_E_SLOT ? EXO_E_STATE : err;
    return sched_post((struct vcpu *)(void *)cap.origin, bits);
}

void
notification_raise(struct notification *notification, uint64_t bits)
{
    struct cap cap;
    if (cap_read(&notification->binding, EXO_TYPE_VCPU, 0, &cap) == EXO_OK)
        sched_raise(cap.object, bits);
}

/* System calls for control transfer: notifications, endpoints, protected calls. */
#include "core/cap_read.h"
#include "core/notification.h"
#include "sys/sys.h"

err_t
sys_notification_create(struct vcpu *self, uint64_t *x)
{
    void *notification;
    PLACE(cell, dst);
    TRY(cell_new_object(cell, EXO_TYPE_NOTIFICATION, sizeof(struct notification), &notification));
    return cell_publish(notification, dst);
}

err_t
sys_endpoint_create(struct vcpu *self, uint64_t *x)
{
    void *endpoint;
    PLACE(cell, dst);
    TRY(cell_new_object(cell, EXO_TYPE_ENDPOINT, sizeof(struct endpoint), &endpoint));
    lock_init(&((struct endpoint *)endpoint)->lock, RANK_ENDPOINT);
    return cell_publish(endpoint, dst);
}

err_t
sys_notification_bind(struct vcpu *self, uint64_t *x)
{
    LOOKUP(notification, x[0], EXO_TYPE_NOTIFICATION, EXO_CONTROL);
    LOOKUP(vcpu, x[1], EXO_TYPE_VCPU, EXO_CONTROL);
    return cap_derive(&vcpu, &((struct notification *)notification.object)->binding, 0, 0);
}

err_t
sys_notify(struct vcpu *self, uint64_t *x)
{
    struct cap cap;
    TRY(cap_find(self->env, x[0], EXO_TYPE_NOTIFICATION, EXO_WRITE, &cap));
    if (cap.badge == 0)
        return EXO_E_ARG; /* names no bits: copy it with a badge first */
    x[0] = EXO_OK;        /* if another is entered */
    return notification_signal(cap.object, cap.badge);
}

/* The slots that a call names: what is sent must be there, what is received into must exist. */
static err_t
name_caps(struct vcpu *self, uint64_t send, uint64_t receive)
{
    struct cap cap;
    self->cap_send = (uint32_t)send;
    self->cap_receive = (uint32_t)receive;
    if (send != EXO_NONE)
        TRY(cap_lookup(self->env, send, EXO_TYPE_NONE, EXO_COPY, &cap));
    return receive != EXO_NONE && cap_slot_at(self->env, receive) == NULL ? EXO_E_SLOT : EXO_OK;
}

static inline bool
passed(uint64_t deadline)
{
    return deadline != EXO_FOREVER && deadline <= arch_ticks();
}

static __attribute__((noinline)) err_t
call(struct vcpu *self, const uint64_t *x)
{
    struct cap cap;
    TRY(cap_find(self->env, x[0], EXO_TYPE_ENDPOINT, EXO_WRITE, &cap));
    TRY(name_caps(self, x[5], x[6]));
    if (passed(x[7]))
        return EXO_E_TIMEOUT;
    __builtin_memcpy(self->message, &x[1], sizeof(self->message));
    return endpoint_send(self, &cap, VCPU_CALLING, x[7]);
}

err_t
sys_call(struct vcpu *self, uint64_t *x)
{
    err_t entered = fast_call(self, x);
    return entered != 0 ? entered : call(self, x);
}

err_t
sys_receive(struct vcpu *self, uint64_t *x)
{
    struct cap cap;
    TRY(cap_find(self->env, x[0], EXO_TYPE_ENDPOINT, EXO_READ, &cap));
    TRY(name_caps(self, EXO_NONE, x[1]));
    if (atomic_load(&self->serving) != NULL)
        return EXO_E_STATE;
    return passed(x[2]) ? EXO_E_TIMEOUT : endpoint_receive(self, cap.object, x[2]);
}

err_t
sys_reply(struct vcpu *self, uint64_t *x)
{
    TRY(name_caps(self, x[4], EXO_NONE));
    return endpoint_reply(self, x, (uint32_t)x[4]);
}

static __attribute__((noinline)) err_t
reply_receive(struct vcpu *self, uint64_t *x)
{
    struct cap cap;
    TRY(cap_find(self->env, x[0], EXO_TYPE_ENDPOINT, EXO_READ, &cap));
    TRY(name_caps(self, x[5], x[6]));
    return endpoint_reply_receive(self, cap.object, &x[1], (uint32_t)x[5], x[7]);
}

err_t
sys_reply_receive(struct vcpu *self, uint64_t *x)
{
    err_t entered = fast_reply_receive(self, x);
    return entered != 0 ? entered : reply_receive(self, x);
}

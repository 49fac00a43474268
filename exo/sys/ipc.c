/* System calls for control transfer: notifications, endpoints, protected calls. */
#include "core/cap_read.h"
#include "core/notification.h"
#include "sys/sys.h"

/* A small object: taken, published, or given back. */
static err_t
create(struct vcpu *self, const uint64_t *x, enum exo_type type, size_t bytes,
       void (*init)(void *object))
{
    struct cell *cell;
    struct cap_slot *dst;
    void *object;
    err_t err = sys_cell(self, x[0], EXO_WRITE, &cell);
    if (err == EXO_OK)
        err = sys_slot(self->env, x[1], &dst);
    if (err == EXO_OK) {
        (void)cell_free_zombies(cell);
        err = cell_take_object(cell, bytes, &object);
    }
    if (err == EXO_OK) {
        origin_init(object, type, cell);
        init(object);
        err = cell_publish(cell, object, dst, EXO_RIGHTS_ALL);
        if (err != EXO_OK)
            cell_put_object(cell, object, bytes);
    }
    return err;
}

static void
init_notification(void *object)
{
    (void)object;
}

static void
init_endpoint(void *object)
{
    endpoint_init(object);
}

err_t
sys_notification_create(struct vcpu *self, uint64_t *x)
{
    return create(self, x, EXO_TYPE_NOTIFICATION, sizeof(struct notification), init_notification);
}

err_t
sys_endpoint_create(struct vcpu *self, uint64_t *x)
{
    return create(self, x, EXO_TYPE_ENDPOINT, sizeof(struct endpoint), init_endpoint);
}

err_t
sys_notification_bind(struct vcpu *self, uint64_t *x)
{
    struct cap notification, vcpu;
    err_t err = sys_lookup(self, x[0], EXO_TYPE_NOTIFICATION, EXO_CONTROL, &notification);
    if (err == EXO_OK)
        err = sys_lookup(self, x[1], EXO_TYPE_VCPU, EXO_CONTROL, &vcpu);
    return err == EXO_OK
               ? notification_bind((struct notification *)(void *)notification.origin, &vcpu)
               : err;
}

err_t
sys_notify(struct vcpu *self, uint64_t *x)
{
    struct cap cap;
    err_t err = sys_lookup(self, x[0], EXO_TYPE_NOTIFICATION, EXO_WRITE, &cap);
    if (err == EXO_OK && cap.badge == 0)
        err = EXO_E_ARG; /* names no bits: copy it with a badge first */
    return err == EXO_OK ? notification_signal((struct notification *)(void *)cap.origin, cap.badge)
                         : err;
}

/* The slots that a call names: what is sent must be there, what is received into must exist. */
static err_t
check_caps(struct vcpu *self, uint64_t send, uint64_t receive)
{
    struct cap cap;
    struct cap_slot *slot;
    err_t err = EXO_OK;
    if (send != EXO_NONE)
        err = sys_lookup(self, send, EXO_TYPE_NONE, EXO_COPY, &cap);
    if (err == EXO_OK && receive != EXO_NONE)
        err = sys_slot(self->env, receive, &slot);
    return err;
}

static inline err_t
name_caps(struct vcpu *self, uint64_t send, uint64_t receive)
{
    self->cap_send = (uint32_t)send;
    self->cap_receive = (uint32_t)receive;
    return send == EXO_NONE && receive == EXO_NONE ? EXO_OK : check_caps(self, send, receive);
}

/* An endpoint of the caller's; inline, for the calls that count instructions. */
static inline err_t
find_endpoint(struct vcpu *self, uint64_t slot, uint16_t rights, struct cap *cap)
{
    return slot > UINT32_MAX ? EXO_E_SLOT
                             : cap_find(self->env, (uint32_t)slot, EXO_TYPE_ENDPOINT, rights, cap);
}

static struct endpoint *
endpoint_of(const struct cap *cap)
{
    return (struct endpoint *)(void *)cap->origin;
}

static inline bool
passed(uint64_t deadline)
{
    return deadline != EXO_FOREVER && deadline <= arch_ticks();
}

err_t
sys_call(struct vcpu *self, uint64_t *x)
{
    struct cap cap;
    err_t err = fast_call(self, x);
    if (err != 0)
        return err;
    err = find_endpoint(self, x[0], EXO_WRITE, &cap);
    if (err == EXO_OK)
        err = name_caps(self, x[5], x[6]);
    if (err != EXO_OK)
        return err;
    if (passed(x[7]))
        return EXO_E_TIMEOUT;
    self->message[0] = x[1];
    self->message[1] = x[2];
    self->message[2] = x[3];
    self->message[3] = x[4];
    return endpoint_call(self, &cap, x[7]);
}

err_t
sys_receive(struct vcpu *self, uint64_t *x)
{
    struct cap cap;
    err_t err = find_endpoint(self, x[0], EXO_READ, &cap);
    if (err == EXO_OK)
        err = name_caps(self, EXO_NONE, x[1]);
    if (err != EXO_OK)
        return err;
    if (atomic_load(&self->serving) != NULL)
        return EXO_E_STATE;
    return passed(x[2]) ? EXO_E_TIMEOUT : endpoint_receive(self, endpoint_of(&cap), x[2]);
}

err_t
sys_reply(struct vcpu *self, uint64_t *x)
{
    err_t err = name_caps(self, x[4], EXO_NONE);
    return err == EXO_OK ? endpoint_reply(self, x, (uint32_t)x[4]) : err;
}

err_t
sys_reply_receive(struct vcpu *self, uint64_t *x)
{
    struct cap cap;
    err_t err = fast_reply_receive(self, x);
    if (err != 0)
        return err;
    err = find_endpoint(self, x[0], EXO_READ, &cap);
    if (err == EXO_OK)
        err = name_caps(self, x[5], x[6]);
    return err == EXO_OK
               ? endpoint_reply_receive(self, endpoint_of(&cap), &x[1], (uint32_t)x[5], x[7])
               : err;
}

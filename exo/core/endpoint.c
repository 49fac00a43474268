/*
 * Protected calls. tests/models/call.pml is the model of the races between a reply, a deadline, the
 * end of the server, and the end of the endpoint.
 */
#include "core/endpoint.h"

#include "core/cap_read.h"
#include "core/sched.h"
#include "core/switch.h"

#define DRAIN_STEP 16

/* In the queue it waits until the deadline. */
static void
queue_up(struct vcpu_queue *queue, struct endpoint *endpoint, struct vcpu *vcpu,
         enum vcpu_state state, uint64_t deadline)
{
    vcpu->endpoint = endpoint;
    queue_push(queue, vcpu);
    HOLD(&vcpu->run_queue->lock);
    rq_block(vcpu, state, deadline);
}

static struct vcpu *
queue_pop(struct vcpu_queue *queue)
{
    struct vcpu *vcpu = queue->first;
    if (vcpu != NULL)
        queue_remove(queue, vcpu);
    return vcpu;
}

/* --- Hand-over
 * ------------------------------------------------------------------------------------ */

/* A capability goes along, as a child of the sender's. Whether it arrived. No lock held. */
static bool
give_cap(struct vcpu *from, uint32_t send, struct vcpu *to, uint32_t receive)
{
    struct cap cap;
    if (send == EXO_NONE || receive == EXO_NONE)
        return false;
    struct cap_slot *dst = cap_slot_at(to->env, receive);
    return dst != NULL && cap_lookup(from->env, send, EXO_TYPE_NONE, EXO_COPY, &cap) == EXO_OK &&
           cap_derive(&cap, dst, cap.rights, cap.badge) == EXO_OK;
}

/* The server gets the caller's message in its registers. Both run-queue locks held. */
static inline void
pair(struct vcpu *caller, struct vcpu *server, bool cap)
{
    uint64_t *x = server->context.x;
    caller->partner = server;
    atomic_store_explicit(&server->serving, caller, memory_order_relaxed);
    x[0] = EXO_OK;
    __builtin_memcpy(&x[1], caller->message, sizeof(caller->message));
    x[5] = caller->badge;
    x[6] = cap;
    trace(EXO_TRACE_PROTECTED, (uint64_t)(uintptr_t)server, x[1]);
}

/* A blocked vCPU goes on within the running slot, if this is its CPU; else it is woken. */
static err_t
go_on_with(struct vcpu *vcpu)
{
    struct cpu *cpu = this_cpu();
    if (vcpu->cpu == cpu->number && vcpu_may_run(vcpu)) {
        rq_enter(cpu, vcpu);
        sched_set_timer(cpu);
        return CALL_ENTERED;
    }
    rq_wake(vcpu);
    return CALL_BLOCKED;
}

/* The caller (current, or faulting) meets a server that waited; the server is claimed. */
static err_t
meet_server(struct vcpu *caller, struct vcpu *server, enum vcpu_state state, uint64_t deadline)
{
    bool cap = give_cap(caller, caller->cap_send, server, server->cap_receive);
    rq_lock_two(caller, server);
    rq_block(caller, state, deadline);
    pair(caller, server, cap);
    err_t err = go_on_with(server);
    rq_unlock_two(caller, server);
    return err;
}

err_t
endpoint_send(struct vcpu *caller, const struct cap *cap, enum vcpu_state state, uint64_t deadline)
{
    struct endpoint *endpoint = (struct endpoint *)(void *)cap->origin;
    caller->badge = cap->badge;
    lock_acquire(&endpoint->lock);
    struct vcpu *server = queue_pop(&endpoint->receivers);
    if (server == NULL) {
        caller->via = *cap;
        queue_up(&endpoint->callers, endpoint, caller, state, deadline);
    }
    lock_release(&endpoint->lock);
    return server == NULL ? CALL_BLOCKED : meet_server(caller, server, state, deadline);
}

err_t
endpoint_send_fault(struct vcpu *vcpu)
{
    struct cap cap;
    TRY(cap_read(&vcpu->env->supervisor, EXO_TYPE_ENDPOINT, 0, &cap));
    vcpu->cap_send = vcpu->cap_receive = EXO_NONE;
    (void)endpoint_send(vcpu, &cap, VCPU_FAULTED, EXO_FOREVER);
    return EXO_OK;
}

/* It faulted and its supervisor is gone: it stands at the fault, and its environment stops. */
static void
strand(struct vcpu *vcpu)
{
    vcpu->env->stopped = true;
    vcpu->state = VCPU_READY;
    sched_poke_everyone(); /* its other vCPUs may run where nothing else interrupts them */
}

/* A call that nobody will take: the vCPU is in no queue any more. No run-queue lock held. */
static void
refuse(struct vcpu *vcpu)
{
    HOLD(&vcpu->run_queue->lock);
    if (vcpu->state == VCPU_FAULTED)
        strand(vcpu);
    else
        rq_wake_with(vcpu, EXO_E_GONE);
}

/* The server takes a caller that waited: `partner` is set, so that the caller's end finds it. */
static err_t
meet_caller(struct vcpu *server, struct vcpu *caller)
{
    bool cap = give_cap(caller, caller->cap_send, server, server->cap_receive);
    rq_lock_two(caller, server);
    bool there = caller->partner == server;
    if (there)
        pair(caller, server, cap);
    rq_unlock_two(caller, server);
    return there ? EXO_OK : EXO_E_AGAIN;
}

/* The first caller whose capability is still there; those before it were revoked while queued. */
static err_t
take_caller(struct endpoint *endpoint, struct vcpu **caller)
{
    for (int i = 0; i < DRAIN_STEP; i++) {
        *caller = queue_pop(&endpoint->callers);
        if (*caller == NULL || cap_still(&(*caller)->via))
            return EXO_OK;
        refuse(*caller);
    }
    return EXO_E_AGAIN;
}

err_t
endpoint_receive(struct vcpu *server, struct endpoint *endpoint, uint64_t deadline)
{
    struct vcpu *caller;
    lock_acquire(&endpoint->lock);
    err_t err = take_caller(endpoint, &caller);
    if (err == EXO_OK && caller == NULL) {
        err = CALL_BLOCKED;
        queue_up(&endpoint->receivers, endpoint, server, VCPU_RECEIVING, deadline);
    } else if (err == EXO_OK) {
        lock_acquire(&caller->run_queue->lock);
        caller->partner = server;
        lock_release(&caller->run_queue->lock);
    }
    lock_release(&endpoint->lock);
    return err == EXO_OK ? meet_caller(server, caller) : err;
}

/* --- Replies
 * ---------------------------------------------------------------------------------------- */

/*
 * The caller's answer is in its registers and nobody serves it; it is claimed by us. NULL: none. It
 * is claimed first: a capability goes only to a caller that gets the answer as well.
 */
static struct vcpu *
answer(struct vcpu *server, const uint64_t words[4], uint32_t send_slot)
{
    struct vcpu *caller = atomic_load_explicit(&server->serving, memory_order_relaxed);
    if (caller == NULL)
        return NULL;
    lock_acquire(&caller->run_queue->lock);
    bool there = caller->partner == server;
    if (there)
        caller->partner = NULL; /* claimed */
    lock_release(&caller->run_queue->lock);
    atomic_store_explicit(&server->serving, NULL, memory_order_relaxed);
    if (!there)
        return NULL;
    bool cap = give_cap(server, send_slot, caller, caller->cap_receive);
    HOLD(&caller->run_queue->lock);
    deadline_remove(&caller->run_queue->deadlines, caller);
    if (caller->state == VCPU_CALLING) {
        uint64_t *x = caller->context.x;
        x[0] = EXO_OK;
        __builtin_memcpy(&x[1], words, 4 * sizeof(x[0]));
        x[5] = cap;
    }
    return caller;
}

err_t
endpoint_reply(struct vcpu *server, const uint64_t words[4], uint32_t send_slot)
{
    struct vcpu *caller = answer(server, words, send_slot);
    if (caller == NULL)
        return EXO_E_STATE;
    HOLD(&caller->run_queue->lock);
    rq_wake(caller);
    return EXO_OK;
}

err_t
endpoint_reply_receive(struct vcpu *server, struct endpoint *endpoint, const uint64_t words[4],
                       uint32_t send_slot, uint64_t deadline)
{
    struct vcpu *caller = answer(server, words, send_slot);
    err_t err = endpoint_receive(server, endpoint, deadline);
    if (caller == NULL)
        return err;
    HOLD(&caller->run_queue->lock);
    if (err == CALL_BLOCKED)
        return go_on_with(caller);
    rq_wake(caller);
    return err;
}

/* --- Ends
 * ---------------------------------------------------------------------------------------------- */

/* Leaves the queue that it is in; whether it was in one. No lock held. */
static bool
leave_queue(struct vcpu *vcpu)
{
    struct endpoint *endpoint = __atomic_load_n(&vcpu->endpoint, __ATOMIC_RELAXED);
    if (endpoint == NULL)
        return false;
    HOLD(&endpoint->lock);
    if (vcpu->endpoint != endpoint)
        return false;
    queue_remove(vcpu->state == VCPU_RECEIVING ? &endpoint->receivers : &endpoint->callers, vcpu);
    return true;
}

/* The caller's server loses it; whether there was one. Run-queue lock of the caller's CPU held. */
static bool
leave_server(struct vcpu *caller)
{
    struct vcpu *server = caller->partner;
    if (server == NULL)
        return false;
    caller->partner = NULL;
    struct vcpu *expected = caller;
    atomic_compare_exchange_strong(&server->serving, &expected, NULL);
    return true;
}

void
endpoint_timeout(struct vcpu *vcpu)
{
    bool queued = leave_queue(vcpu);
    HOLD(&vcpu->run_queue->lock);
    if (queued || (vcpu->state == VCPU_CALLING && leave_server(vcpu))) {
        rq_wake_with(vcpu, EXO_E_TIMEOUT);
    } else if (vcpu->state == VCPU_CALLING) {
        /* Claimed: a server is about to take it, or to have answered. Look again soon. */
        deadline_insert(&vcpu->run_queue->deadlines, vcpu);
    }
}

/* Its own caller will not get an answer any more. */
static void
abandon_caller(struct vcpu *server)
{
    struct vcpu *caller = atomic_load(&server->serving);
    if (caller == NULL)
        return;
    lock_acquire(&caller->run_queue->lock);
    if (caller->partner == server) {
        caller->partner = NULL;
        if (caller->state == VCPU_CALLING)
            rq_wake_with(caller, EXO_E_GONE);
        else
            strand(caller);
    }
    lock_release(&caller->run_queue->lock);
    atomic_store(&server->serving, NULL);
}

err_t
endpoint_forget(struct vcpu *vcpu)
{
    bool queued = leave_queue(vcpu);
    lock_acquire(&vcpu->run_queue->lock);
    bool partnered = leave_server(vcpu);
    bool in_call =
        vcpu->state == VCPU_RECEIVING || vcpu->state == VCPU_CALLING || vcpu->state == VCPU_FAULTED;
    bool claimed = in_call && !queued && !partnered;
    if (!claimed) {
        deadline_remove(&vcpu->run_queue->deadlines, vcpu);
        rq_unready(vcpu);
        vcpu->state = VCPU_DEAD;
    }
    lock_release(&vcpu->run_queue->lock);
    if (claimed)
        return EXO_E_AGAIN;
    abandon_caller(vcpu);
    return EXO_OK;
}

/* Everybody who waits at an endpoint that ends gets EXO_E_GONE; who faulted stops. */
err_t
endpoint_finish_step(struct endpoint *endpoint)
{
    for (int i = 0; i < DRAIN_STEP; i++) {
        HOLD(&endpoint->lock);
        struct vcpu *vcpu = queue_pop(&endpoint->callers);
        if (vcpu == NULL)
            vcpu = queue_pop(&endpoint->receivers);
        if (vcpu == NULL)
            return EXO_OK;
        refuse(vcpu);
    }
    return EXO_E_AGAIN;
}

/*
 * Protected calls in the common case: words only, no deadline, and the one who waits for them is on
 * this CPU. Each function does in one go what core/endpoint.c does step by step, or finds that the
 * case is not common: then it has changed nothing and returns 0.
 */
#include "core/cap_read.h"
#include "core/switch.h"
#include "core/upcall.h"
#include "sys/sys.h"

/* The arguments that calls share: no capability to send or to receive, no deadline. */
static inline bool
words_only(const uint64_t *x)
{
    return x[5] == EXO_NONE && x[6] == EXO_NONE && x[7] == EXO_FOREVER;
}

/*
 * Registers, state and CPU go to `to`, which was blocked. Both locks are dropped: the endpoint's
 * not before all is there that others want of `from`, which may be in its queue.
 */
static inline err_t
hand_over(struct cpu *cpu, struct endpoint *endpoint, struct vcpu *from, enum vcpu_state state,
          struct vcpu *to, uint64_t fifth)
{
    const uint64_t *x = from->context.x;
    uint64_t *y = to->context.x;
    y[0] = EXO_OK;
    __builtin_memcpy(&y[1], &x[1], 4 * sizeof(y[0]));
    y[5] = fifth;
    from->cap_send = from->cap_receive = EXO_NONE;
    from->deadline = EXO_FOREVER;
    from->state = (uint8_t)state;
    lock_release(&endpoint->lock);
    rq_enter(cpu, to);
    lock_release(&cpu->run_queue.lock);
    return CALL_CONTEXT(vcpu_enter(to));
}

err_t
fast_call(struct vcpu *self, const uint64_t *x)
{
    struct cpu *cpu = this_cpu();
    uint64_t badge;
    struct endpoint *endpoint = NULL;
    if (words_only(x))
        endpoint = cap_peek(slot_at(self->env, x[0]), EXO_TYPE_ENDPOINT, EXO_WRITE, &badge);
    if (endpoint == NULL)
        return 0;
    lock_acquire(&endpoint->lock);
    lock_acquire(&cpu->run_queue.lock);
    struct vcpu *server = endpoint->receivers.first;
    if (server == NULL || server->run_queue != &cpu->run_queue || !vcpu_may_run(server)) {
        lock_release(&cpu->run_queue.lock);
        lock_release(&endpoint->lock);
        return 0;
    }
    queue_remove(&endpoint->receivers, server);
    self->badge = badge;
    self->partner = server;
    atomic_store_explicit(&server->serving, self, memory_order_relaxed);
    server->context.x[6] = 0;
    trace(EXO_TRACE_PROTECTED, (uint64_t)(uintptr_t)server, x[1]);
    return hand_over(cpu, endpoint, self, VCPU_CALLING, server, badge);
}

err_t
fast_reply_receive(struct vcpu *self, const uint64_t *x)
{
    struct cpu *cpu = this_cpu();
    uint64_t badge;
    struct vcpu *caller = atomic_load_explicit(&self->serving, memory_order_relaxed);
    if (!words_only(x) || caller == NULL || caller->run_queue != &cpu->run_queue)
        return 0;
    struct endpoint *endpoint =
        cap_peek(slot_at(self->env, x[0]), EXO_TYPE_ENDPOINT, EXO_READ, &badge);
    if (endpoint == NULL)
        return 0;
    lock_acquire(&endpoint->lock);
    lock_acquire(&cpu->run_queue.lock);
    if (endpoint->callers.first != NULL || caller->partner != self ||
        caller->state != VCPU_CALLING || !vcpu_may_run(caller)) {
        lock_release(&cpu->run_queue.lock);
        lock_release(&endpoint->lock);
        return 0;
    }
    self->endpoint = endpoint;
    queue_push(&endpoint->receivers, self);
    caller->partner = NULL;
    atomic_store_explicit(&self->serving, NULL, memory_order_relaxed);
    return hand_over(cpu, endpoint, self, VCPU_RECEIVING, caller, 0);
}

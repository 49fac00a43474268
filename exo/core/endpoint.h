/*
 * Protected calls: endpoints, their queues, and the hand-over between caller and server.
 *
 * A vCPU is in at most one queue, through links of its own, so that queues need no memory. Who
 * serves whom is `caller->partner`, under the run-queue lock of the caller's CPU; `server->serving`
 * is believed only while that says the same. A RECEIVING or CALLING vCPU that is in no queue and
 * has no partner is in the hands of another CPU that is about to wake it ("claimed").
 */
#ifndef EXO_CORE_ENDPOINT_H
#define EXO_CORE_ENDPOINT_H

#include "core/vcpu.h"

struct endpoint {
    struct origin origin;
    struct spinlock lock; /* RANK_ENDPOINT: both queues, and `endpoint` of whom they hold */
    struct vcpu_queue callers, receivers;
};

/* What a system call that may switch returns instead of an error. */
#define CALL_BLOCKED 1 /* the caller waits: choose another */
#define CALL_ENTERED 2 /* another vCPU is current: load its context */
/* That context itself, which lies in the upper half: positive, and no small number. */
#define CALL_CONTEXT(context) ((err_t) ~(uint64_t)(uintptr_t)(context))

/* A vCPU's links in an endpoint's queue, or on its CPU's ready list; the lock of that is held. */
static inline void
queue_push(struct vcpu_queue *queue, struct vcpu *vcpu)
{
    vcpu->queue_next = NULL;
    vcpu->queue_prev = queue->last;
    *(queue->last == NULL ? &queue->first : &queue->last->queue_next) = vcpu;
    queue->last = vcpu;
}

static inline void
queue_remove(struct vcpu_queue *queue, struct vcpu *vcpu)
{
    *(vcpu->queue_prev == NULL ? &queue->first : &vcpu->queue_prev->queue_next) = vcpu->queue_next;
    *(vcpu->queue_next == NULL ? &queue->last : &vcpu->queue_next->queue_prev) = vcpu->queue_prev;
    vcpu->endpoint = NULL;
}

/*
 * The current vCPU calls (VCPU_CALLING), or has faulted (endpoint_send_fault), through `cap`, with
 * `message`, `cap_send` and `cap_receive` set in it. The capability must still be there when the
 * call is taken: otherwise it ends with EXO_E_GONE.
 */
err_t endpoint_send(struct vcpu *caller, const struct cap *cap, enum vcpu_state state,
                    uint64_t deadline);

/* The current vCPU receives a call: results in its context. EXO_E_STATE: it has one to answer. */
err_t endpoint_receive(struct vcpu *server, struct endpoint *endpoint, uint64_t deadline);

/* Answers the caller: EXO_E_STATE when there is none (any more). Words are in x1..x4's places. */
err_t endpoint_reply(struct vcpu *server, const uint64_t words[4], uint32_t send);

/* Both, switching straight back to a caller on this CPU when nobody else waits. */
err_t endpoint_reply_receive(struct vcpu *server, struct endpoint *endpoint,
                             const uint64_t words[4], uint32_t send, uint64_t deadline);

/* The vCPU faulted `inside`, its message is set: it waits for its supervisor. EXO_E_SLOT: none. */
err_t endpoint_send_fault(struct vcpu *vcpu);

/* Its deadline passed (it has left the heap). No lock held. */
void endpoint_timeout(struct vcpu *vcpu);

/* Takes a vCPU that ends out of queues and calls; EXO_E_AGAIN while another CPU has it claimed. */
err_t endpoint_forget(struct vcpu *vcpu);

err_t endpoint_finish_step(struct endpoint *endpoint);

#endif

/*
 * Threads of one vCPU take turns.
 *
 * The kernel makes a `run` upcall when a vCPU comes back to a CPU that it lost, and takes a CPU
 * away at the end of a slot only for another vCPU. So each vCPU has a companion on the same CPU,
 * the ticker: it sleeps until it is notified, or until the earliest timer, and going to run it
 * takes the CPU for a moment. A vCPU that owns all slots of its CPU does not lose them that way:
 * whoever assigns slots leaves some free, or gives the ticker one.
 */
#include "../private.h"

#define RETRY_NS 1000000u /* an upcall can be deferred by a section: the next tick makes it */

struct ticker {
    struct rt_thread vcpu;
    uint32_t slot;             /* notifies it; EXO_NONE until it is ready */
    _Atomic uint64_t deadline; /* until when it sleeps */
    _Atomic bool pending;      /* the vCPU is to have an upcall, and has not had it yet */
};

static struct ticker tickers[SCHED_VCPUS_MAX];

static uint64_t
until(uint64_t deadline, bool pending)
{
    uint64_t retry = pending ? rt_deadline_ns(RETRY_NS) : EXO_FOREVER;
    return retry < deadline ? retry : deadline;
}

/* At a deadline it sleeps on without one, unless the vCPU has set another meanwhile. */
static void
tick(void *argument)
{
    struct ticker *ticker = argument;
    for (;;) {
        bool pending = atomic_load(&ticker->pending);
        uint64_t deadline = atomic_load(&ticker->deadline);
        if (exo_wait(until(deadline, pending)) == EXO_E_TIMEOUT && !pending &&
            atomic_compare_exchange_strong(&ticker->deadline, &deadline, EXO_FOREVER))
            atomic_store(&ticker->pending, true);
        (void)__atomic_exchange_n(&rt_control()->events, 0, __ATOMIC_ACQUIRE);
    }
}

void
policy_contended(struct sched_vcpu *vcpu)
{
    struct ticker *ticker = vcpu->ticker;
    if (ticker != NULL && !atomic_exchange(&ticker->pending, true))
        (void)exo_notify(ticker->slot);
}

/* Only an earlier deadline is news: at a later one it looks, and finds the timer gone. */
void
policy_running(struct sched_vcpu *vcpu, bool contended, uint64_t deadline_ticks)
{
    struct ticker *ticker = vcpu->ticker;
    if (contended)
        policy_contended(vcpu);
    else
        atomic_store(&ticker->pending, false);
    if (deadline_ticks < atomic_load(&ticker->deadline)) {
        atomic_store(&ticker->deadline, deadline_ticks);
        (void)exo_notify(ticker->slot);
    }
}

void
policy_idle(struct sched_vcpu *vcpu)
{
    atomic_store(&vcpu->ticker->pending, false);
}

void
policy_events(struct sched_vcpu *vcpu, uint64_t waited)
{
    (void)vcpu;
    __atomic_store_n(&rt_control()->event_mask, waited, __ATOMIC_RELAXED);
}

uint32_t
policy_fp_bytes(void)
{
    return rt_fp_bytes();
}

void
policy_load_fp(const struct thread *thread)
{
    rt_fp_restore(thread->fp);
}

/* The thread that was interrupted goes to the end of the ready list, and the first one runs. */
static void
take_turns(struct sched_vcpu *vcpu, const struct exo_context *context)
{
    struct thread *self = vcpu->current;
    atomic_store(&vcpu->ticker->pending, false);
    rt_fp_store(self->fp);
    self->context = *context;
    self->interrupted = true;
    make_ready(self);
    struct thread *next = choose(vcpu);
    vcpu->counts.preemptions += next != self;
    enter(next);
}

static void
on_run(const struct rt_upcall *upcall, struct exo_context *context)
{
    struct sched_vcpu *vcpu = this_vcpu();
    (void)upcall;
    begin_choosing(vcpu);
    take_turns(vcpu, context);
}

static void
on_event(const struct rt_upcall *upcall, struct exo_context *context)
{
    struct sched_vcpu *vcpu = this_vcpu();
    begin_choosing(vcpu);
    events_deliver(vcpu, upcall->a);
    take_turns(vcpu, context);
}

static int64_t
bind_ticker(struct ticker *ticker)
{
    uint32_t root = rt_slot_take(), slot = rt_slot_take();
    int64_t err = exo_notification_create(EXO_BOOT_CELL, root);
    if (err == EXO_OK)
        err = exo_notification_bind(root, ticker->vcpu.slot);
    if (err == EXO_OK)
        err = exo_cap_copy(root, EXO_SELF, slot, EXO_WRITE, EVENT_TICK, 0);
    ticker->slot = slot;
    return err;
}

int64_t
policy_start(struct sched_vcpu *vcpu)
{
    struct ticker *ticker = &tickers[vcpu->number];
    atomic_store(&ticker->deadline, EXO_FOREVER);
    int64_t err = rt_vcpu_make(rt_control()->cpu, tick, ticker, &ticker->vcpu);
    if (err == EXO_OK)
        err = bind_ticker(ticker);
    if (err == EXO_OK)
        err = exo_vcpu_config(ticker->vcpu.slot, EXO_VCPU_PRIORITY, EXO_PRIORITY_MAX);
    if (err == EXO_OK)
        err = exo_vcpu_start(ticker->vcpu.slot);
    if (err == EXO_OK) {
        vcpu->ticker = ticker;
        (void)rt_on(EXO_UPCALL_RUN, on_run);
        (void)rt_on(EXO_UPCALL_EVENT, on_event);
    }
    return err;
}

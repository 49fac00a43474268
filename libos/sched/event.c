/* Event bits of this vCPU, for the threads that wait for them. */
#include "private.h"

static struct thread *
find_waiter(const struct sched_vcpu *vcpu, uint64_t bits)
{
    struct thread *first = vcpu->event_waiters.first, *thread = first;
    while (thread != NULL && (thread->events & bits) == 0)
        thread = thread->next == first ? NULL : thread->next;
    return thread;
}

/* A waiting thread's `events` are what it waits for; once it is ready, what came. */
void
events_deliver(struct sched_vcpu *vcpu, uint64_t bits)
{
    struct thread *thread;
    vcpu->events_pending |= bits & ~(EVENT_WAKE | EVENT_TICK);
    while ((thread = find_waiter(vcpu, vcpu->events_pending)) != NULL) {
        queue_remove(&vcpu->event_waiters, thread);
        thread->events &= vcpu->events_pending;
        vcpu->events_pending &= ~thread->events;
        make_ready(thread);
    }
}

static uint64_t
waited_for(const struct sched_vcpu *vcpu)
{
    const struct thread *thread = vcpu->event_waiters.first;
    uint64_t bits = 0;
    if (thread != NULL) {
        do {
            bits |= thread->events;
            thread = thread->next;
        } while (thread != vcpu->event_waiters.first);
    }
    return bits;
}

static void
timed_out(struct sched_timer *timer)
{
    struct thread *thread = thread_of(timer);
    queue_remove(&thread->home->event_waiters, thread);
    thread->events = 0;
    make_ready(thread);
}

static void
wait_for(struct sched_vcpu *vcpu, uint64_t bits, uint64_t deadline_ticks)
{
    struct thread *self = vcpu->current;
    self->events = bits;
    queue_push(&vcpu->event_waiters, self);
    if (deadline_ticks != EXO_FOREVER)
        timer_start(self->home, &self->timer, deadline_ticks, timed_out);
    policy_events(vcpu, waited_for(vcpu));
    block();
    policy_events(vcpu, waited_for(vcpu));
}

uint64_t
sched_event_wait(uint64_t bits, uint64_t deadline_ticks)
{
    section_enter();
    struct sched_vcpu *vcpu = this_vcpu();
    uint64_t came = vcpu->events_pending & bits;
    if (came != 0) {
        vcpu->events_pending &= ~came;
    } else {
        wait_for(vcpu, bits, deadline_ticks);
        came = vcpu->current->events;
    }
    section_leave();
    return came;
}

/* Bits that are there, without waiting. */
static uint64_t
take_events(uint64_t bits)
{
    section_enter();
    struct sched_vcpu *vcpu = this_vcpu();
    events_deliver(vcpu, __atomic_exchange_n(&rt_control()->events, 0, __ATOMIC_ACQUIRE));
    uint64_t came = vcpu->events_pending & bits;
    vcpu->events_pending &= ~came;
    section_leave();
    return came;
}

const struct rt_threads rt_threads_of_sched = {
    .wait_events = sched_event_wait, .take_events = take_events, .sleep_until = thread_sleep_until};

uint64_t
sched_event_take(void)
{
    section_enter();
    struct sched_vcpu *vcpu = this_vcpu();
    uint64_t free = ~vcpu->events_taken & ((1ull << SCHED_EVENT_BITS) - 1);
    uint64_t bit = free & (~free + 1);
    vcpu->events_taken |= bit;
    section_leave();
    return bit;
}

void
sched_event_put(uint64_t bit)
{
    section_enter();
    this_vcpu()->events_taken &= ~bit;
    section_leave();
}

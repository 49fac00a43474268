/* Which thread runs: ready lists, blocking, waking, idling. */
#include "private.h"

void
queue_push(struct thread_queue *queue, struct thread *thread)
{
    struct thread *first = queue->first;
    if (first == NULL) {
        thread->next = thread->prev = thread;
        queue->first = thread;
        return;
    }
    thread->next = first;
    thread->prev = first->prev;
    thread->prev->next = thread;
    first->prev = thread;
}

void
queue_remove(struct thread_queue *queue, struct thread *thread)
{
    if (thread->next == thread) {
        queue->first = NULL;
        return;
    }
    thread->next->prev = thread->prev;
    thread->prev->next = thread->next;
    if (queue->first == thread)
        queue->first = thread->next;
}

/*
 * Upcalls are deferred in a section, and a fault would end the program: rt_inside_enter makes the
 * stack that it may need resident before.
 */
void
section_enter(void)
{
    if (rt_inside_enter() != 0) {
        rt_printf("# sched: a handler, or a holder of an rt_lock, tries to block\n");
        rt_exit(RT_EXIT_FAULT);
    }
}

void
section_leave(void)
{
    rt_inside_leave(0);
}

/*
 * `will_look` and `ready` change and are read under one lock: either the vCPU sees the thread
 * before it waits, or we see that it may wait, and the event bit ends that
 * (tests/models/futex.pml).
 */
void
make_ready(struct thread *thread)
{
    struct sched_vcpu *home = thread->home;
    rt_lock(&home->lock);
    if (thread->timer.started)
        timer_remove(&home->timers, &thread->timer);
    queue_push(&home->ready, thread);
    bool runs = !home->will_look, notified = home->woken;
    home->woken = true;
    rt_unlock(&home->lock);
    if (runs)
        policy_contended(home);
    else if (!notified && home != this_vcpu())
        (void)exo_notify(home->wake_slot);
}

void
begin_choosing(struct sched_vcpu *vcpu)
{
    rt_lock(&vcpu->lock);
    vcpu->will_look = true;
    vcpu->woken = false;
    rt_unlock(&vcpu->lock);
}

static struct sched_timer *
take_due(struct sched_vcpu *vcpu)
{
    struct sched_timer *timer = NULL;
    rt_lock(&vcpu->lock);
    if (vcpu->timers != NULL && vcpu->timers->deadline_ticks <= rt_ticks()) {
        timer = vcpu->timers;
        timer_remove(&vcpu->timers, timer);
    }
    rt_unlock(&vcpu->lock);
    return timer;
}

/* Timers that are due, and event bits that came. */
static void
poll(struct sched_vcpu *vcpu)
{
    struct sched_timer *timer;
    while ((timer = take_due(vcpu)) != NULL)
        timer->fire(timer);
    if (__atomic_load_n(&rt_control()->events, __ATOMIC_RELAXED) != 0)
        events_deliver(vcpu, __atomic_exchange_n(&rt_control()->events, 0, __ATOMIC_ACQUIRE));
}

static uint64_t
next_deadline(const struct sched_vcpu *vcpu)
{
    return vcpu->timers != NULL ? vcpu->timers->deadline_ticks : EXO_FOREVER;
}

struct thread *
choose(struct sched_vcpu *vcpu)
{
    for (;;) {
        poll(vcpu);
        rt_lock(&vcpu->lock);
        struct thread *thread = vcpu->ready.first;
        if (thread != NULL)
            queue_remove(&vcpu->ready, thread);
        uint64_t deadline = next_deadline(vcpu);
        rt_unlock(&vcpu->lock);
        if (thread != NULL)
            return thread;
        vcpu->counts.idles++;
        policy_idle(vcpu);
        (void)exo_wait(deadline);
    }
}

void
announce(struct sched_vcpu *vcpu, struct thread *thread)
{
    rt_lock(&vcpu->lock);
    bool contended = vcpu->ready.first != NULL;
    uint64_t deadline = next_deadline(vcpu);
    vcpu->will_look = false;
    rt_unlock(&vcpu->lock);
    vcpu->current = thread;
    rt_vcpu_of(rt_control())->stack_top = thread->stack_top; /* for backtraces */
    policy_running(vcpu, contended, deadline);
}

void
enter(struct thread *thread)
{
    struct sched_vcpu *vcpu = thread->home;
    vcpu->counts.switches++;
    __asm__ volatile("msr tpidr_el0, %0" : : "r"(thread->tls));
    announce(vcpu, thread);
    if (!thread->interrupted)
        switch_load(&thread->saved);
    thread->interrupted = false;
    policy_load_fp(thread);
    (void)exo_resume(&thread->context);
    rt_exit(RT_EXIT_FAULT); /* a context that cannot be resumed */
}

static void
switch_to_next(struct sched_vcpu *vcpu)
{
    struct thread *self = vcpu->current, *next = choose(vcpu);
    if (next != self)
        switch_to(&self->saved, next);
    else
        announce(vcpu, self);
}

void
block(void)
{
    struct sched_vcpu *vcpu = this_vcpu();
    begin_choosing(vcpu);
    switch_to_next(vcpu);
}

void
run_next(void)
{
    struct sched_vcpu *vcpu = this_vcpu();
    begin_choosing(vcpu);
    enter(choose(vcpu));
}

void
thread_yield(void)
{
    section_enter();
    struct sched_vcpu *vcpu = this_vcpu();
    begin_choosing(vcpu); /* before: it is no news to the variant that the caller is ready */
    make_ready(vcpu->current);
    switch_to_next(vcpu);
    section_leave();
}

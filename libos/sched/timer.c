/* Timers: a skew heap (Sleator and Tarjan 1986) with parent links, and sleeping. */
#include "private.h"

/* Merges along the right spines, from the top; each node passed swaps its children. */
static struct sched_timer *
merge(struct sched_timer *a, struct sched_timer *b)
{
    struct sched_timer *root = NULL, **link = &root, *parent = NULL;
    while (a != NULL && b != NULL) {
        if (b->deadline_ticks < a->deadline_ticks) {
            struct sched_timer *swap = a;
            a = b;
            b = swap;
        }
        struct sched_timer *rest = a->right;
        a->right = a->left;
        a->parent = parent;
        *link = parent = a;
        link = &a->left;
        a = rest;
    }
    *link = a != NULL ? a : b;
    if (*link != NULL)
        (*link)->parent = parent;
    return root;
}

static void
timer_insert(struct sched_timer **heap, struct sched_timer *timer)
{
    timer->left = timer->right = timer->parent = NULL;
    timer->started = true;
    *heap = merge(*heap, timer);
}

void
timer_remove(struct sched_timer **heap, struct sched_timer *timer)
{
    struct sched_timer *parent = timer->parent, *rest = merge(timer->left, timer->right);
    if (rest != NULL)
        rest->parent = parent;
    if (parent == NULL)
        *heap = rest;
    else if (parent->left == timer)
        parent->left = rest;
    else
        parent->right = rest;
    timer->started = false;
}

void
timer_start(struct sched_vcpu *vcpu, struct sched_timer *timer, uint64_t deadline_ticks,
            void (*fire)(struct sched_timer *timer))
{
    timer->deadline_ticks = deadline_ticks;
    timer->fire = fire;
    rt_lock(&vcpu->lock);
    timer_insert(&vcpu->timers, timer);
    rt_unlock(&vcpu->lock);
}

void
sched_timer_start(struct sched_timer *timer, uint64_t deadline_ticks,
                  void (*fire)(struct sched_timer *timer))
{
    uint32_t before = rt_inside_enter();
    struct sched_vcpu *vcpu = this_vcpu();
    timer_start(vcpu, timer, deadline_ticks, fire);
    if (before == 0) /* the caller goes on, and may do so for long */
        announce(vcpu, vcpu->current);
    rt_inside_leave(before);
}

bool
sched_timer_stop(struct sched_timer *timer)
{
    struct sched_vcpu *vcpu = this_vcpu();
    rt_lock(&vcpu->lock);
    bool started = timer->started;
    if (started)
        timer_remove(&vcpu->timers, timer);
    rt_unlock(&vcpu->lock);
    return started;
}

static void
wake_sleeper(struct sched_timer *timer)
{
    make_ready(thread_of(timer));
}

void
thread_sleep_until(uint64_t deadline_ticks)
{
    section_enter();
    timer_start(this_vcpu(), &thread_self()->timer, deadline_ticks, wake_sleeper);
    block();
    section_leave();
}

void
thread_sleep_ns(uint64_t ns)
{
    thread_sleep_until(rt_deadline_ns(ns));
}

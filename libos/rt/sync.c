/* Deferring upcalls, spin locks, and waiting for words and events. */
#include "private.h"

#define SPINS_BEFORE_YIELD 1000
#define LOOK_AGAIN_NS      50000u

uint32_t
rt_inside_enter(void)
{
    struct exo_control *control = rt_control();
    uint32_t before = __atomic_load_n(&control->inside, __ATOMIC_RELAXED);
    if (before != 0)
        return before; /* a fault would end the program now; the outermost has made room */
    __asm__ volatile("ldrb wzr, [%0]"
                     :
                     : "r"((char *)__builtin_frame_address(0) - RT_INSIDE_STACK_BYTES)
                     : "memory");
    __atomic_store_n(&control->inside, 1, __ATOMIC_RELAXED);
    atomic_signal_fence(memory_order_seq_cst);
    return before;
}

void
rt_inside_leave(uint32_t before)
{
    struct exo_control *control = rt_control();
    if (before != 0)
        return;
    __atomic_store_n(&control->inside, 0, __ATOMIC_RELEASE);
    /* The kernel sets bits and then looks at `inside`; this is the other half: tests/models/wait.
     */
    atomic_thread_fence(memory_order_seq_cst);
    if (__atomic_load_n(&control->events, __ATOMIC_RELAXED) & control->event_mask)
        (void)exo_wait(0); /* returns at once; the upcall that is due is made on its way out */
}

void
rt_lock(struct rt_lock *lock)
{
    uint32_t inside = rt_inside_enter();
    for (uint32_t spins = 0; atomic_exchange_explicit(&lock->held, 1, memory_order_acquire);) {
        while (atomic_load_explicit(&lock->held, memory_order_relaxed))
            if (++spins % SPINS_BEFORE_YIELD == 0)
                (void)exo_yield(); /* its holder may be waiting for this CPU */
    }
    lock->inside = inside;
}

void
rt_unlock(struct rt_lock *lock)
{
    uint32_t inside = lock->inside;
    atomic_store_explicit(&lock->held, 0, memory_order_release);
    rt_inside_leave(inside);
}

bool
rt_wait_word(_Atomic uint32_t *word, uint32_t value, uint64_t deadline_ticks)
{
    for (uint32_t looks = 1;; looks++) {
        if (atomic_load_explicit(word, memory_order_acquire) == value)
            return true;
        uint64_t now = rt_ticks();
        if (now >= deadline_ticks)
            return false;
        if (looks % SPINS_BEFORE_YIELD == 0) {
            uint64_t next = now + rt_ns_to_ticks(LOOK_AGAIN_NS);
            rt_sleep_until(next < deadline_ticks ? next : deadline_ticks);
        }
    }
}

uint64_t
rt_take_events(uint64_t mask)
{
    const struct rt_threads *threads = rt_threads_here();
    if (threads != NULL)
        return threads->take_events(mask);
    struct exo_control *control = rt_control();
    struct rt_vcpu *self = rt_vcpu_of(control);
    uint64_t theirs = ~control->event_mask;
    self->pending |= __atomic_fetch_and(&control->events, ~theirs, __ATOMIC_ACQUIRE) & theirs;
    uint64_t taken = self->pending & mask;
    self->pending &= ~mask;
    return taken;
}

uint64_t
rt_wait_events(uint64_t mask, uint64_t deadline_ticks)
{
    const struct rt_threads *threads = rt_threads_here();
    if (threads != NULL)
        return threads->wait_events(mask, deadline_ticks);
    int64_t status = EXO_OK;
    for (;;) {
        uint64_t taken = rt_take_events(mask);
        if (taken != 0 || status != EXO_OK)
            return taken;
        status = exo_wait(deadline_ticks);
    }
}

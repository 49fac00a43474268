/*
 * Between vCPUs of one environment, or of several that share memory: C11 atomics, and locks that
 * defer upcalls while they are held, so that a handler cannot wait for what its own vCPU holds.
 */
#ifndef RT_SYNC_H
#define RT_SYNC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Defers the upcalls of this vCPU; returns what rt_inside_leave has to be given. These nest.
 * A fault while upcalls are deferred stops the environment: so that stacks may grow by faults, the
 * RT_INSIDE_STACK_BYTES below the stack pointer are touched before, by the outermost alone. What
 * runs inside may use those.
 */
#define RT_INSIDE_STACK_BYTES 2048
uint32_t rt_inside_enter(void);

/* Allows them again, if they were allowed before; what was deferred is made up for first. */
void rt_inside_leave(uint32_t before);

/* A spin lock; zero is unlocked. Not recursive; for short sections that do not fault. */
struct rt_lock {
    _Atomic uint32_t held;
    uint32_t inside; /* of the holder, before */
};

void rt_lock(struct rt_lock *lock);
void rt_unlock(struct rt_lock *lock);

/*
 * Until *word == value (acquire), or the deadline: whether it became so. Looks again and again,
 * giving the CPU up between looks, since the other side may need it.
 */
bool rt_wait_word(_Atomic uint32_t *word, uint32_t value, uint64_t deadline_ticks);

/*
 * Event bits in `mask` (of the control page), waited for and taken; 0: the deadline passed. For
 * bits that are not in the control page's event_mask: those go to the event handler (rt/upcall.h).
 */
uint64_t rt_wait_events(uint64_t mask, uint64_t deadline_ticks);

/* The same without waiting. With threads (libos/sched) both are the calling thread's only. */
uint64_t rt_take_events(uint64_t mask);

#endif

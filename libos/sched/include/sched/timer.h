/*
 * Time and events. A vCPU with nothing to run sleeps in the kernel until the earliest timer.
 */
#ifndef SCHED_TIMER_H
#define SCHED_TIMER_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Calls fire(timer) on the vCPU that started it, once its deadline passed: `inside`, between
 * threads, with general registers only; it may start timers, wake threads and nothing more. With
 * the cooperative variant it waits until the thread that runs blocks or yields.
 */
struct sched_timer {
    uint64_t deadline_ticks;
    void (*fire)(struct sched_timer *timer);
    struct sched_timer *left, *right, *parent; /* the scheduler's */
    bool started;                              /* the scheduler's */
};

/* Starts one that is not started, on the caller's vCPU. */
void sched_timer_start(struct sched_timer *timer, uint64_t deadline_ticks,
                       void (*fire)(struct sched_timer *timer));

/* Stops it, from the vCPU that started it. False: it was not started, or has fired. */
bool sched_timer_stop(struct sched_timer *timer);

/* Blocks the calling thread until the deadline. */
void thread_sleep_until(uint64_t deadline_ticks);
void thread_sleep_ns(uint64_t ns);

/*
 * Event bits of the caller's vCPU (exo/abi.h: struct exo_control), as interrupts, virtio queues and
 * notifications set them. Each bit has one user.
 */
#define SCHED_EVENT_BITS 61u /* above: RT_EVENT_STOP, and the scheduler's */

/* A bit of this vCPU that nobody uses yet, as a mask; 0: none is left. */
uint64_t sched_event_take(void);
void sched_event_put(uint64_t bit);

/*
 * Blocks the calling thread until one of the bits was set, or the deadline; takes those that were
 * and returns them, 0 at the deadline. At most one thread waits for a bit.
 */
uint64_t sched_event_wait(uint64_t bits, uint64_t deadline_ticks);

#endif

/*
 * Time: the counter that EL0 reads itself. Ticks are CNTVCT_EL0's; deadlines are absolute ticks.
 */
#ifndef RT_TIME_H
#define RT_TIME_H

#include <stdint.h>

#define RT_MS_NS 1000000ull
#define RT_S_NS  1000000000ull

/* Now. Not before anything that stands earlier in the program (Arm ARM D12.2.1). */
static inline uint64_t
rt_ticks(void)
{
    uint64_t ticks;
    __asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(ticks) : : "memory");
    return ticks;
}

static inline uint64_t
rt_ticks_hz(void)
{
    uint64_t hz;
    __asm__("mrs %0, cntfrq_el0" : "=r"(hz));
    return hz;
}

/* Conversions that round down and do not overflow before the result does. */
uint64_t rt_ticks_to_ns(uint64_t ticks);
uint64_t rt_ns_to_ticks(uint64_t ns);

/* The deadline so many nanoseconds from now. */
uint64_t rt_deadline_ns(uint64_t ns);

/*
 * Seconds since 1970 by the machine's clock, read from the device and mapped anew each time: for a
 * program's start. 0: the program holds no capability of it.
 */
int64_t rt_rtc_seconds(void);

/*
 * Gives the CPU up until the deadline. Event bits that come meanwhile are kept for
 * rt_wait_events; upcalls are made.
 */
void rt_sleep_until(uint64_t deadline_ticks);

#endif

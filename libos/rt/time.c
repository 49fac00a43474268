/* Conversions between ticks and nanoseconds, and sleeping. */
#include "private.h"

/* a * numerator / denominator without overflow of the product, for factors below 2^32. */
static uint64_t
scale(uint64_t a, uint64_t numerator, uint64_t denominator)
{
    return a / denominator * numerator + a % denominator * numerator / denominator;
}

uint64_t
rt_ticks_to_ns(uint64_t ticks)
{
    return scale(ticks, RT_S_NS, rt_ticks_hz());
}

uint64_t
rt_ns_to_ticks(uint64_t ns)
{
    return scale(ns, rt_ticks_hz(), RT_S_NS);
}

uint64_t
rt_deadline_ns(uint64_t ns)
{
    return rt_ticks() + rt_ns_to_ticks(ns);
}

void
rt_sleep_until(uint64_t deadline_ticks)
{
    const struct rt_threads *threads = rt_threads_here();
    if (threads != NULL) {
        threads->sleep_until(deadline_ticks);
        return;
    }
    while (exo_wait(deadline_ticks) == EXO_OK)
        (void)rt_take_events(0); /* bits that are set would end every further wait at once */
}

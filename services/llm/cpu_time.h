/* The time that a program on the host used. */
#ifndef LLM_CPU_TIME_H
#define LLM_CPU_TIME_H

#include <stdint.h>
#include <time.h>

/* As a struct engine_machine wants it: what others make the machine do is not counted. */
static inline uint64_t
cpu_ns(void *context)
{
    struct timespec time;
    (void)context;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

#endif

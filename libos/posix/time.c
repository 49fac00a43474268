/* Clocks. The time of day is the RTC's second at the start, and the counter since then. */
#include "private.h"

#include <rt/time.h>
#include <sched.h>
#include <sched/thread.h>
#include <sched/timer.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S  1000000000ll
#define NS_PER_US 1000ll

static int64_t start_ns; /* the time of day when the counter was 0 */

static int64_t
since_boot_ns(void)
{
    return (int64_t)rt_ticks_to_ns(rt_ticks());
}

void
posix_clock_start(void)
{
    start_ns = rt_rtc_seconds() * NS_PER_S - since_boot_ns();
}

int64_t
posix_now_ns(void)
{
    return start_ns + since_boot_ns();
}

static struct timespec
timespec_of(int64_t ns)
{
    return (struct timespec){.tv_sec = ns / NS_PER_S, .tv_nsec = (long)(ns % NS_PER_S)};
}

int
clock_gettime(clockid_t clock, struct timespec *time)
{
    if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC) {
        errno = EINVAL;
        return -1;
    }
    *time = timespec_of(clock == CLOCK_REALTIME ? posix_now_ns() : since_boot_ns());
    return 0;
}

int
clock_getres(clockid_t clock, struct timespec *resolution)
{
    if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC) {
        errno = EINVAL;
        return -1;
    }
    *resolution = (struct timespec){.tv_nsec = (long)(NS_PER_S / (int64_t)rt_ticks_hz())};
    return 0;
}

int
gettimeofday(struct timeval *time, void *zone)
{
    int64_t now = posix_now_ns();
    (void)zone;
    *time = (struct timeval){.tv_sec = now / NS_PER_S,
                             .tv_usec = (suseconds_t)(now % NS_PER_S / NS_PER_US)};
    return 0;
}

/* Nobody interrupts a sleep, so that nothing is ever left of it. */
int
nanosleep(const struct timespec *time, struct timespec *left)
{
    if (time->tv_sec < 0 || time->tv_nsec < 0 || time->tv_nsec >= NS_PER_S) {
        errno = EINVAL;
        return -1;
    }
    thread_sleep_ns((uint64_t)time->tv_sec * NS_PER_S + (uint64_t)time->tv_nsec);
    if (left != NULL)
        *left = (struct timespec){0};
    return 0;
}

unsigned
sleep(unsigned seconds)
{
    thread_sleep_ns((uint64_t)seconds * NS_PER_S);
    return 0;
}

int
usleep(useconds_t us)
{
    thread_sleep_ns((uint64_t)us * NS_PER_US);
    return 0;
}

/* Time since the start of the machine; what of it was the program's own nobody counts. */
clock_t
times(struct tms *times)
{
    clock_t now = (clock_t)(since_boot_ns() / (NS_PER_S / CLOCKS_PER_SEC));
    *times = (struct tms){.tms_utime = now};
    return now;
}

int
sched_yield(void)
{
    thread_yield();
    return 0;
}

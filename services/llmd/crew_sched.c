/* The crew's threads in the machine: one on each further vCPU. */
#include "crew_sched.h"

#include <exo/abi.h>
#include <sched/sync.h>
#include <sched/thread.h>
#include <stddef.h>

#define STACK_BYTES 32768u

static bool
start(uint32_t number, void *(*worker)(void *argument), void *argument)
{
    struct thread *thread;
    const struct thread_attributes how = {
        .vcpu = number, .stack_bytes = STACK_BYTES, .detached = 1};
    if (number >= sched_vcpus())
        return false;
    return thread_create(&thread, &how, worker, argument) == EXO_OK;
}

static void
wait(uint32_t *word, uint32_t value)
{
    (void)futex_wait((_Atomic uint32_t *)word, value, EXO_FOREVER);
}

static void
wake(uint32_t *word)
{
    (void)futex_wake((_Atomic uint32_t *)word, UINT32_MAX);
}

const struct crew_system crew_sched = {start, wait, wake};

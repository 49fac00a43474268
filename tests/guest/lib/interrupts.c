#include "interrupts.h"

#define EVENTS 64u

static uint64_t position[EXO_CPUS_MAX];

/* Goes through what that CPU's trace has behind `position`. */
static uint32_t
count(uint32_t cpu, uint64_t first, uint64_t end)
{
    struct exo_trace_event events[EVENTS];
    struct exo_trace read;
    uint32_t found = 0;
    do {
        read = exo_trace_read(EXO_BOOT_TRACE, cpu, position[cpu], events, EVENTS);
        for (uint64_t i = 0; i < read.count; i++)
            found +=
                events[i].kind == EXO_TRACE_INTERRUPT && events[i].a >= first && events[i].a < end;
        position[cpu] = read.position + read.count;
    } while (check_equal(read.status, EXO_OK) && read.count > 0);
    return found;
}

void
trace_interrupts(void)
{
    check_equal(exo_trace_control(EXO_BOOT_TRACE, 1u << EXO_TRACE_INTERRUPT), EXO_OK);
    for (uint32_t cpu = 0; cpu < rt_machine.cpus; cpu++)
        (void)count(cpu, 0, 0);
}

uint32_t
interrupts_taken(uint32_t cpu, uint64_t first, uint64_t end)
{
    return count(cpu, first, end);
}

/* Writing to the trace ring of this CPU. Readers copy and check `written` again (sys/machine.c). */
#include "core/trace.h"

#include "arch/arch.h"

uint32_t trace_mask;

void
trace_write(enum exo_trace_kind kind, uint64_t a, uint64_t b)
{
    struct cpu *cpu = this_cpu();
    struct trace_ring *ring = cpu->trace;
    if (ring == NULL)
        return;
    uint64_t index = atomic_load_explicit(&ring->written, memory_order_relaxed);
    ring->events[index % TRACE_EVENTS] = (struct exo_trace_event){
        .ticks = arch_ticks(),
        .kind = (uint16_t)kind,
        .cpu = (uint16_t)cpu->number,
        .env = cpu->current == NULL ? 0 : cpu->current->env->number,
        .a = a,
        .b = b,
    };
    atomic_store_explicit(&ring->written, index + 1, memory_order_release);
}

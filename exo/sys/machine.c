/* System calls on the machine as a whole, and on its trace. */
#include "core/genesis.h"
#include "sys/sys.h"

#define TRACE_CHUNK 16 /* events copied at a time */

/* Debug builds: exo/debug/audit.h; release builds have none. */
err_t audit_seeded(uint64_t seed, uint64_t *violations, uint64_t *broken) __attribute__((weak));

/*
 * One chunk from `first` on, of events that were not overwritten while they were copied: how many.
 * *oldest moves to the oldest that the ring certainly held all the time.
 */
static uint64_t
read_chunk(struct trace_ring *ring, uint64_t first, uint64_t events, uint64_t *oldest,
           struct exo_trace_event *chunk)
{
    uint64_t written = atomic_load_explicit(&ring->written, memory_order_acquire);
    uint64_t count = first >= written ? 0 : min_u64(min_u64(events, written - first), TRACE_CHUNK);
    for (uint64_t i = 0; i < count; i++)
        chunk[i] = ring->events[(first + i) % TRACE_EVENTS];
    atomic_thread_fence(memory_order_acquire);
    written = atomic_load_explicit(&ring->written, memory_order_relaxed) + 1; /* one is begun */
    *oldest = written < TRACE_EVENTS ? 0 : written - TRACE_EVENTS;
    return first < *oldest ? 0 : count;
}

/* Copies what is in the ring from `position` on; *position moves past what was overwritten. */
static err_t
read_ring(struct trace_ring *ring, uint64_t *position, va_t buffer, uint64_t events,
          uint64_t *copied)
{
    struct exo_trace_event chunk[TRACE_CHUNK];
    while (*copied < events) {
        uint64_t first = *position + *copied, oldest;
        uint64_t count = read_chunk(ring, first, events - *copied, &oldest, chunk);
        if (first < oldest && *copied == 0) {
            *position = oldest + TRACE_CHUNK; /* with some way to run */
            continue;
        }
        if (count == 0)
            break;
        TRY(arch_copy_out(buffer + *copied * sizeof(chunk[0]), chunk, count * sizeof(chunk[0])));
        *copied += count;
    }
    return EXO_OK;
}

err_t
sys_trace_read(struct vcpu *self, uint64_t *x)
{
    uint64_t cpu = x[1];
    x[1] = x[2]; /* position of the first event copied */
    x[2] = 0;    /* how many */
    LOOKUP(cap, x[0], EXO_TYPE_TRACE, EXO_READ);
    if (cpu >= cpu_count || x[4] > TRACE_EVENTS)
        return EXO_E_RANGE;
    return read_ring(cpus[cpu].trace, &x[1], x[3], x[4], &x[2]);
}

err_t
sys_trace_control(struct vcpu *self, uint64_t *x)
{
    LOOKUP(cap, x[0], EXO_TYPE_TRACE, EXO_CONTROL);
    if (x[1] >> EXO_TRACE_KINDS)
        return EXO_E_ARG;
    trace_mask = (uint32_t)x[1];
    return EXO_OK;
}

void
machine_describe(struct exo_machine_info *info)
{
    *info = (struct exo_machine_info){
        .size = sizeof(*info),
        .version = EXO_ABI_VERSION,
        .cpus = cpu_count,
        .features = boot_machine.features | (audit_seeded != NULL ? EXO_FEATURE_DEBUG : 0),
        .counter_hz = arch_ticks_hz(),
        .frames = frame_table.count,
        .frames_free = frame_free_count(),
        .kernel_frames = boot_machine.kernel_frames,
        .image_bytes = boot_machine.image_bytes,
        .boot_ticks = boot_machine.boot_ticks,
    };
}

err_t
sys_machine_info(struct vcpu *self, uint64_t *x)
{
    struct exo_machine_info info;
    LOOKUP(cap, x[0], EXO_TYPE_MACHINE, EXO_READ);
    machine_describe(&info);
    return arch_copy_out(x[1], &info, sizeof(info));
}

err_t
sys_machine_power(struct vcpu *self, uint64_t *x)
{
    LOOKUP(cap, x[0], EXO_TYPE_MACHINE, EXO_WRITE);
    if (x[1] > EXO_POWER_RESET)
        return EXO_E_ARG;
    arch_power((enum exo_power)x[1], (uint32_t)x[2]);
    return EXO_OK;
}

err_t
sys_machine_audit(struct vcpu *self, uint64_t *x)
{
    if (audit_seeded == NULL)
        return EXO_E_CALL;
    LOOKUP(cap, x[0], EXO_TYPE_MACHINE, EXO_CONTROL);
    return audit_seeded(x[1], &x[1], &x[2]);
}

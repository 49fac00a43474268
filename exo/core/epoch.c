/* Grace periods: docs/design/capabilities.md, "Reading without locks". */
#include "core/cpu.h"

_Atomic uint64_t global_epoch = 1;

uint64_t
epoch_advance(void)
{
    uint64_t epoch = atomic_fetch_add(&global_epoch, 1) + 1;
    /* The caller's generation or DYING mark must be visible before any CPU's epoch is read. */
    atomic_thread_fence(memory_order_seq_cst);
    return epoch;
}

bool
epoch_passed(uint64_t epoch)
{
    const struct cpu *self = this_cpu();
    for (uint32_t i = 0; i < EXO_CPUS_MAX; i++) {
        if (&cpus[i] != self && cpus[i].online &&
            atomic_load_explicit(&cpus[i].epoch, memory_order_acquire) < epoch) {
            return false;
        }
    }
    return true;
}

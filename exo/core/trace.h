/* The trace ring of each CPU: fixed-size events, newest overwrite oldest. */
#ifndef EXO_CORE_TRACE_H
#define EXO_CORE_TRACE_H

#include "core/cpu.h"

extern uint32_t trace_mask; /* bit per enum exo_trace_kind */

KEEPS_REGISTERS void trace_write(enum exo_trace_kind kind, uint64_t a, uint64_t b);

static inline void
trace(enum exo_trace_kind kind, uint64_t a, uint64_t b)
{
    if (__builtin_expect(trace_mask & (1u << kind), 0))
        trace_write(kind, a, b);
}

#endif

/* Which CPU takes which interrupts, as the kernel's trace has it. */
#ifndef TEST_INTERRUPTS_H
#define TEST_INTERRUPTS_H

#include "test.h"

/* From here on interrupts are traced, and nothing else is. */
void trace_interrupts(void);

/* How many with an INTID in [first, end) that CPU has taken since then, or since it was asked. */
uint32_t interrupts_taken(uint32_t cpu, uint64_t first, uint64_t end);

#endif

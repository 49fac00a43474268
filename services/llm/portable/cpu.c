/* Any machine: what is compiled for it needs nothing. */
#include "cpu.h"

void
cpu_describe(struct engine_machine *machine, uint32_t vector_bytes)
{
    (void)vector_bytes;
    machine->features = 0;
    machine->vector_bytes = 0;
}

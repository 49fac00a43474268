/* What the CPU that `llm` runs on offers, as far as kernels ask. */
#ifndef LLM_CPU_H
#define LLM_CPU_H

#include "engine/choice.h"

/*
 * Sets features and vector_bytes. Where vectors have a length it is set for the process: to
 * `vector_bytes` at most, 16 being what all but kernels for longer ones are fastest with.
 */
void cpu_describe(struct engine_machine *machine, uint32_t vector_bytes);

#endif

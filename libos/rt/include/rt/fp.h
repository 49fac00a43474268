/*
 * All FP, SIMD and SVE registers of the calling thread, FPCR and FPSR included: for handlers that
 * let something else run before the interrupted thread goes on.
 */
#ifndef RT_FP_H
#define RT_FP_H

#include <stdint.h>

/* Bytes that a saved state takes, with the vector length that this vCPU has now. */
uint32_t rt_fp_bytes(void);

/* `area` is aligned to 16. The registers stay as they are. */
void rt_fp_store(void *area);
void rt_fp_restore(const void *area);

#endif

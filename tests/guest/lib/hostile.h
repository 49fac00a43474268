/* Parts of hostile programs. */
#ifndef TEST_HOSTILE_H
#define TEST_HOSTILE_H

#include "fixture.h"

/* All bits of Q0 to Q31, ORed together. */
uint64_t fp_registers_any(void);

#endif

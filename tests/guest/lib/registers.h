/* What only assembly can see: whether registers survive (registers.S). */
#ifndef TEST_REGISTERS_H
#define TEST_REGISTERS_H

#include <exo/abi.h>

/*
 * Makes call `number` with x0 = argument and a pattern in every other register; returns a bit for
 * each of x7 to x30 that came back changed (bit 31: the flags, bit 0: SP).
 */
uint64_t registers_changed_by_call(uint64_t number, uint64_t argument);

/* The same for Q0 to Q31, around a function. */
uint64_t fp_registers_changed_by(void (*function)(uint64_t argument), uint64_t argument);

/* Sets Q0 to Q31 to a pattern made of `seed`. */
void fp_registers_fill(uint64_t seed);

/*
 * Resumes the context after setting its pc and sp to its own; `dump` gets x0 to x30 and NZCV as
 * they then are, and 0 is returned; or the error of resume.
 */
int64_t resume_and_dump(struct exo_context *context, uint64_t dump[32]);

/*
 * An upcall entry for the control page: stores x0 to x30, SP and PSTATE's flags in upcall_dump,
 * moves the saved pc on by 4, and resumes.
 */
void upcall_dump_entry(void);
extern uint64_t upcall_dump[33];

#endif

/*
 * The refusals that many calls share, tried on one argument of a call whose other arguments are
 * right. Each expects that the call changes nothing when it is refused.
 */
#ifndef TEST_REFUSE_H
#define TEST_REFUSE_H

#include "test.h"

/* A call with its arguments x0 to x7; ARGUMENTS(1, 2) leaves the others 0. */
struct call {
    enum exo_call number;
    uint64_t x[8];
};

int64_t call_raw(const struct call *call);

/*
 * x[argument] is a capability (right as it stands): an empty slot, slots that do not exist, another
 * type, and a copy without each of the rights in `rights` are refused.
 */
void refuses_bad_capability(struct call call, unsigned argument, uint32_t rights);

/* The same for environment arguments, which may also be EXO_SELF. */
#define refuses_bad_environment refuses_bad_capability

/* x[argument] is a destination in the own table: no such page, and a slot that is not empty. */
void refuses_bad_destination(struct call call, unsigned argument);

/* Only the first of both, where what is occupied is no error. */
void refuses_missing_destination(struct call call, unsigned argument);

/* x[argument] is the address of a structure: nothing there, the kernel's, and one page too far. */
void refuses_bad_address(struct call call, unsigned argument);

/* The same for one that is written to: read-only memory as well. */
void refuses_bad_result_address(struct call call, unsigned argument);

#endif

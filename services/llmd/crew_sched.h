/* A crew in the machine: on threads of libos/sched, one on each further vCPU. */
#ifndef LLMD_CREW_SCHED_H
#define LLMD_CREW_SCHED_H

#include "crew.h"

extern const struct crew_system crew_sched;

#endif

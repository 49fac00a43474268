/* A crew on the machine that builds: on its threads. */
#ifndef LLMD_CREW_LINUX_H
#define LLMD_CREW_LINUX_H

#include "crew.h"

extern const struct crew_system crew_linux;

#endif

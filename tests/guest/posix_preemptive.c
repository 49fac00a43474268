// config: smp=1,4 cpu=max,cortex-a72
/* libos/posix where threads take turns. */
#include "posix/suite.h"

int
main(void)
{
    return posix_suite();
}

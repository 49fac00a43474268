// config: smp=1,4 cpu=max,cortex-a72
/* libos/posix where threads run until they wait. */
#include "posix/suite.h"

int
main(void)
{
    return posix_suite();
}

// config: smp=1,4 devices=net:user
/* libos/sockets with threads that run until they wait. */
#include "sockets/suite.h"

int
main(void)
{
    return sockets_suite();
}

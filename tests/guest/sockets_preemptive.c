// config: smp=1,4 devices=net:user
/* libos/sockets with threads that take turns. */
#include "sockets/suite.h"

int
main(void)
{
    return sockets_suite();
}

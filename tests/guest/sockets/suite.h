/* The tests of libos/sockets, for both variants of the threads. */
#ifndef SOCKETS_SUITE_H
#define SOCKETS_SUITE_H

int sockets_suite(void);

#endif

/*
 * The network of a program with sockets: it is brought up before main(), on the NIC that
 * net/find.h says is the program's, and a thread of its own on vCPU 0 drives it from then on.
 */
#ifndef SOCKETS_NETWORK_H
#define SOCKETS_NETWORK_H

#include <net/stack.h>

/* EXO_OK, or why there is none; then socket() returns ENETDOWN. */
int64_t network_status(void);

/* Waits until the interface has an IPv4 address, and writes it, in network order. */
void network_wait(uint8_t ip[4]);

/*
 * Before a program ends: waits until the other ends have acknowledged all that was sent, closing
 * included. TCP gives one up that is silent for minutes.
 */
void network_drain(void);

/* What was counted; the numbers go on changing. */
const struct stack_counts *network_counts(void);

/* Bytes that a call of this part copied (socket.c). */
void network_copied(enum stack_copy routine, size_t bytes);

#endif

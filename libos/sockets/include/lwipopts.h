/*
 * lwIP with threads and the sockets API: what libos/net/include/lwipopts.h says, but for these. The
 * stack is one monitor: whoever calls it, the thread of the NIC or one of the program's, holds
 * lwIP's core lock, and does the work itself.
 */
#ifndef SOCKETS_LWIPOPTS_H
#define SOCKETS_LWIPOPTS_H

#include "../../net/include/lwipopts.h"
#include <sys/time.h> /* struct timeval is newlib's */

#undef NO_SYS
#undef SYS_LIGHTWEIGHT_PROT
#undef LWIP_NETCONN
#undef LWIP_SOCKET
#define NO_SYS                        0
#define SYS_LIGHTWEIGHT_PROT          1 /* buffers are given back without the core lock */
#define LWIP_TCPIP_CORE_LOCKING       1 /* a call costs no switch to another thread */
#define LWIP_TCPIP_CORE_LOCKING_INPUT 1
#define LWIP_NETCONN                  1
#define LWIP_SOCKET                   1
#define LWIP_COMPAT_SOCKETS           0 /* socket.c has the names, over one table of descriptors */
#define LWIP_SOCKET_SELECT            0 /* poll.c: any number of descriptors */
#define LWIP_SOCKET_POLL              1
#define LWIP_TIMEVAL_PRIVATE          0
#define LWIP_ERRNO_STDINCLUDE         1
#define LWIP_SO_RCVTIMEO              1
#define LWIP_SO_SNDTIMEO              1
#define SO_REUSE                      1 /* a server that begins again binds its port */

/* A POSIX program talks to itself at 127.0.0.1. */
#undef LWIP_SINGLE_NETIF
#define LWIP_SINGLE_NETIF   0
#define LWIP_HAVE_LOOPIF    1
#define LWIP_NETIF_LOOPBACK 1

#define TCPIP_MBOX_SIZE         32 /* only what lwIP tells itself */
#define TCPIP_THREAD_STACKSIZE  0  /* sched's */
#define TCPIP_THREAD_PRIO       0  /* there are none */
#define MEMP_NUM_TCPIP_MSG_API  32
#define MEMP_NUM_NETCONN        64 /* sockets: newlib's FD_SETSIZE, which lwIP compares with */
#define MEMP_NUM_NETBUF         32 /* datagrams that nobody has read yet */
#define DEFAULT_ACCEPTMBOX_SIZE 64 /* connections that nobody has accepted yet */
#define DEFAULT_TCP_RECVMBOX_SIZE \
    16 /* segments: a peer makes us keep so many, whatever is in them */
#define DEFAULT_UDP_RECVMBOX_SIZE 16

/*
 * What is sent is copied to the heap, and stays until it is acknowledged: 63 connections at most
 * with 16 KiB each. What was received and not read is up to the receive mailbox's size; beyond
 * STACK_HELD_MAX frames it is copied to the heap, since the NIC needs its buffers. A heap that is
 * full loses frames, which their sender repeats, and lets writers wait.
 */
#undef MEM_SIZE
#undef TCP_WND
#undef TCP_RCV_SCALE
#undef TCP_SND_BUF
#undef TCP_SND_QUEUELEN
#undef STACK_HELD_MAX
#define MEM_SIZE         (2048 * 1024)
#define TCP_WND          (DEFAULT_TCP_RECVMBOX_SIZE * TCP_MSS)
#define TCP_RCV_SCALE    0
#define TCP_SND_BUF      (16 * 1024)
#define TCP_SND_QUEUELEN 64
#define STACK_HELD_MAX   64

/* The stack's monitor: libos/net/stack.c holds it but while it waits. */
#undef STACK_BEGIN
#undef STACK_LOCK
#undef STACK_UNLOCK
#undef STACK_SENDS_AT_ONCE
#define STACK_BEGIN()       network_begin()
#define STACK_LOCK()        network_lock()
#define STACK_UNLOCK()      network_unlock()
#define STACK_SENDS_AT_ONCE 1 /* who sends is not who polls */

void network_begin(void);
void network_lock(void);
void network_unlock(void);

#endif

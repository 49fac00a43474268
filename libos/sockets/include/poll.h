/*
 * Waiting for descriptors (POSIX.1-2017 <poll.h>), sockets and others. Files are always ready; the
 * terminal is looked at every 10 ms. A peer that is gone is POLLERR or the end of what can be read,
 * never POLLHUP.
 */
#ifndef _POLL_H
#define _POLL_H

#include <sys/socket.h>

int poll(struct pollfd *polls, nfds_t count, int timeout_ms);

#endif

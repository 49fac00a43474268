/*
 * llmd over sockets and poll: the same source on the host and in the machine's configurations
 * `sockets` and `posix`. sockets.c has the clients; who calls it, and when, is sockets_loop.c (one
 * thread does everything) or sockets_threads.c (one has the network, another computes).
 */
#ifndef LLMD_SOCKETS_H
#define LLMD_SOCKETS_H

#include "serve.h"

#include <netinet/in.h>
#include <poll.h>

struct sockets_options {
    struct serve *serve;
    uint32_t clients_max; /* connections at a time; further ones wait in the backlog */
    struct in_addr address;
    uint16_t port;           /* 0: one that is free */
    const char *date;        /* of struct http_conn */
    void (*turn)(void);      /* called in each turn of the loop */
    bool (*is_ending)(void); /* from now on nobody new is answered; NULL: never */
};

struct client;

struct sockets {
    struct sockets_options options;
    struct http_clock clock;
    struct http_bodies bodies;
    int listener;
    struct client *clients; /* clients_max of them */
    struct pollfd *polls;   /* for each, the listener, and one of the loop's own */
    uint64_t accepted;
};

/* Listens: the port, or -1 with errno. Memory comes from malloc and stays. */
int sockets_open(struct sockets *sockets, const struct sockets_options *options);

/*
 * Serves until it is told to end, and then until everybody has got the answer that is under way.
 * False with errno: it cannot begin.
 */
bool sockets_serve(struct sockets *sockets);

/* Closes every connection, and stops listening. */
void sockets_close(struct sockets *sockets);

/* --- For the loops: a turn is prepare, a poll() of `polls`, handle. Those two by one thread.
 * ----------------------------- */

/* Says what is to be polled for; returns how many there are in `polls`. */
nfds_t sockets_prepare(struct sockets *sockets);

/* Does what poll() has found: receives, sends, closes, accepts. */
void sockets_handle(struct sockets *sockets);

/* Whether something is to be sent or closed: the result of what was computed. */
bool sockets_have_news(const struct sockets *sockets);

/* Whether it is told to end, and nobody waits for anything any more. */
bool sockets_are_over(struct sockets *sockets);

#endif

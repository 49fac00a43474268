/*
 * HTTP connections over lwIP's raw API, without a copy: requests are parsed in the buffers that the
 * NIC filled, responses are sent from the connections' own output rings.
 */
#ifndef LLMD_LINK_H
#define LLMD_LINK_H

#include "http.h"

#include <net/stack.h>

struct links_options {
    uint16_t port;
    uint32_t
        links_max; /* connections at a time; further ones wait in the backlog, then are refused */
    http_handler *handler;
    void (*forget)(void *context, struct http_conn *conn); /* it is about to be closed */
    void *context;
    uint64_t *answered; /* these as in struct http_conn */
    const char *date;
};

struct link;

struct links {
    struct links_options options;
    struct stack *stack;
    struct link *link; /* links_max of them, in memory that the NIC may read */
    struct rt_memory memory;
    struct http_clock clock;
    struct http_bodies bodies;
    uint32_t open;
    uint64_t accepted, refused;
};

/* Memory for the links, paid by the program's cell, and the listening socket (IPv4 and IPv6). */
int64_t links_open(struct links *links, struct stack *stack, const struct links_options *options);

/* Sends what is there, closes what is over, looks at the time (milliseconds). After each poll. */
void links_look_after(struct links *links, uint64_t real_ms);

/*
 * Before the program ends: once all that was written is acknowledged, closes every connection.
 * Whether the other ends have acknowledged that, too; to be called again until they have.
 */
bool links_finish(struct links *links);

#endif

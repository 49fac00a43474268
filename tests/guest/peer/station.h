/*
 * A machine with a TCP/IP stack, as tests over a tap want it: services that the peer uses, and the
 * way to make it do its part.
 */
#ifndef TEST_STATION_H
#define TEST_STATION_H

#include "test.h"

#include <net/stack.h>

#define STATION_NIC  1u /* events */
#define STATION_LINK 2u

struct station {
    struct stack stack;
    uint32_t accepted, closed_first, flooded;
    uint32_t least_pieces; /* of a connection to port 13, when it has no room; to be set before */
    uint64_t bytes_in, bytes_out;
    uint32_t elsewhere_in, elsewhere_out; /* pieces of data that lay in no buffer of the NIC */
    char verdict[512];                    /* of the peer's last check: a line; empty: not yet */
};

/*
 * The stack on the machine's first NIC, with its offloads; port 7 sends back what it gets from
 * where it lies, 9 takes verdicts, 11 says x and closes, 13
 * sends until something is used up.
 */
bool station_open(struct station *station, const struct stack_address *address);

/* Polls until the condition holds; false: patience ended. */
bool station_until(struct station *station, bool (*holds)(const struct station *station));

/* Begins a check of the peer's (peer.py), for this address of ours; waits for its verdict: good? */
void station_ask(struct station *station, const char *address, const char *check);
bool station_verdict(struct station *station);

#endif

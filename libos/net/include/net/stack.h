/*
 * TCP/IP on a NIC, or on a port of one: lwIP's raw API without threads and without copies. Received
 * frames reach the application in the buffers that the device (or the kernel, for a port) wrote;
 * what the application sends is read by the device where it lies, and so are the headers that lwIP
 * makes.
 *
 * One stack per program, driven by one vCPU: stack_poll does all that is due, and its callers are
 * where lwIP's callbacks run. lwIP's functions are called between polls from the same vCPU.
 */
#ifndef NET_STACK_H
#define NET_STACK_H

#include <net/nic.h>

#include <stdatomic.h>

#include <lwip/netif.h>

#define STACK_RANGES_MAX 8u
#define STACK_EARLY_MAX  8u

/* Memory that the NIC may read from, where the program sees it. */
struct stack_range {
    uint64_t start, end; /* addresses */
    uint16_t region;     /* of the transmit queue */
};

/* Where bytes of frames are copied on their way between the NIC and whoever has them. */
enum stack_copy {
    STACK_COPY_PORT = 0,           /* in: by the kernel, into the buffers of a port */
    STACK_COPY_SEND = 1,           /* out: what lay in no range that the NIC may read */
    STACK_COPY_KEEP = 2,           /* in: what would have kept too many of the NIC's buffers */
    STACK_COPY_SOCKET_RECEIVE = 3, /* by calls of libos/sockets */
    STACK_COPY_SOCKET_SEND = 4,
    STACK_COPIES = 5,
};

/* What is counted, for metrics. */
struct stack_counts {
    uint64_t frames_in, frames_out, bytes_in, bytes_out;
    uint64_t merged_in;     /* frames that lay in several buffers */
    uint64_t trusted_in;    /* whose checksum the device vouched for */
    uint64_t offloaded_out; /* whose checksum was left to it */
    uint64_t link_changes;
    uint64_t early_in;             /* that came before there was an address, and were kept */
    uint64_t dropped_in;           /* received, and lwIP did not want it */
    uint64_t dropped_out;          /* no room in the transmit queue */
    uint64_t copied[STACK_COPIES]; /* bytes, by enum stack_copy */
};

/* What the stack has taken of its pools now; all of it comes back when connections end. */
struct stack_usage {
    uint32_t connections; /* control blocks of TCP, those in TIME-WAIT included */
    uint32_t segments, pbufs;
    uint32_t heap_bytes;
    uint32_t buffers_held; /* received frames that somebody in the stack or above still has */
    uint32_t refused; /* times that a pool or the heap had nothing left, ever (modulo 65,536) */
};

/*
 * How the interface gets its IPv4 address. With dhcp and an `ip` the latter is used when nobody has
 * answered within 6 seconds, until somebody does; without an ip DHCP is asked for as long as it
 * takes. IPv6 addresses come from routers in any case, beside a link-local one.
 */
struct stack_address {
    bool dhcp;
    uint8_t ip[4], mask[4], gateway[4]; /* ip 0.0.0.0: none */
    uint8_t dns[4];                     /* 0.0.0.0: none, but from DHCP or a router */
};

/* A frame that waits for the interface's address, and lwIP's checks of it. */
struct stack_early {
    struct pbuf *pbuf;
    uint16_t checks;
};

struct stack {
    struct nic nic;
    struct netif netif;
    struct rt_memory heap;  /* lwIP's */
    struct rt_memory spare; /* frames that had to be copied, NIC_BUFFER_BYTES each */
    uint32_t spare_free;
    _Atomic uint32_t held; /* received frames that somebody in the stack or above still has */
    struct stack_range range[STACK_RANGES_MAX];
    uint32_t range_count;
    struct stack_early early[STACK_EARLY_MAX];
    uint32_t early_count;
    bool polling; /* in stack_poll */
    uint64_t link_event;
    struct stack_address address;
    struct stack_counts counts;
};

/*
 * Brings the stack up on that NIC; returns when the link is configured as far as it is without
 * waiting (DHCP goes on in stack_poll). Errors of nic_open and of the memory calls.
 */
int64_t stack_open(struct stack *stack, const struct nic_source *source,
                   const struct stack_address *address, const char *hostname);

/* Pages [first, first + pages) of the frames capability, mapped at `at`, may be sent from. */
int64_t stack_add_range(struct stack *stack, void *at, uint32_t frames, uint32_t first,
                        uint32_t pages);

void stack_read_usage(const struct stack *stack, struct stack_usage *usage);

/* Everything that is due: frames in and out, timers. Returns how many frames came. */
uint32_t stack_poll(struct stack *stack);

/*
 * Gives the CPU up until a frame comes, one was sent, a timer of lwIP is due, or the deadline. Not
 * while there is something to poll. Other event bits in `also` end it, too.
 */
void stack_wait(struct stack *stack, uint64_t also, uint64_t deadline_ticks);

/*
 * The words net.dhcp (0 or 1, the default), net.ip, net.mask (255.255.255.0 without it),
 * net.gateway and net.dns of the command line. EXO_E_ARG: *wrong names the word that is no address.
 */
int64_t stack_read_address(struct stack_address *address, const char **wrong);

/* `address` is NULL when the name has none, or nobody answered. */
typedef void stack_resolved(const char *name, const ip_addr_t *address, void *context);

/*
 * The address of a name, IPv4 before IPv6, from the servers that DHCP, routers or the configuration
 * named. EXO_OK: it is known, and in *address. EXO_E_AGAIN: stack_poll will call `resolved`.
 * EXO_E_ARG: no such name can be, EXO_E_STATE: no server is known, EXO_E_LIMIT: too many at a time.
 */
int64_t stack_resolve(const char *name, ip_addr_t *address, stack_resolved *resolved,
                      void *context);

/* Whether the interface has an address that others can reach it at (IPv4). */
bool stack_is_up(const struct stack *stack);

#endif

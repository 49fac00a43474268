/*
 * lwIP as this libOS uses it: one interface, no threads (the raw API, everything from the loop of
 * the vCPU that owns the NIC). Each number that differs from lwIP's own has its reason.
 */
#ifndef LWIPOPTS_H
#define LWIPOPTS_H

#define NO_SYS                     1
#define SYS_LIGHTWEIGHT_PROT       0 /* one vCPU, and upcalls never enter the stack */
#define LWIP_NETCONN               0
#define LWIP_SOCKET                0
#define LWIP_SINGLE_NETIF          1
#define LWIP_TIMERS                1
#define LWIP_STATS                 1 /* of memory alone: a leak is to be seen in /metrics */
#define LINK_STATS                 0
#define ETHARP_STATS               0
#define IPFRAG_STATS               0
#define IP_STATS                   0
#define ICMP_STATS                 0
#define UDP_STATS                  0
#define TCP_STATS                  0
#define SYS_STATS                  0
#define IP6_STATS                  0
#define ICMP6_STATS                0
#define IP6_FRAG_STATS             0
#define MLD6_STATS                 0
#define ND6_STATS                  0
#define LWIP_NETIF_HOSTNAME        1
#define LWIP_NETIF_STATUS_CALLBACK 1
#define LWIP_NETIF_LINK_CALLBACK   1

/* libos/net is compiled with what stands here, too: how it shares the stack with others. */
#define STACK_BEGIN()       lwip_init()
#define STACK_LOCK()        ((void)0)
#define STACK_UNLOCK()      ((void)0)
#define STACK_SENDS_AT_ONCE 0 /* frames leave with the next poll */
#define STACK_HELD_MAX \
    UINT32_MAX /* received frames that are kept in their buffers: who has them sees to it */

/*
 * --- Memory: for 64 connections that each have 16 KiB on their way, and as many that are not
 * accepted yet. The heap holds only headers and control blocks; data stays where it is.
 */

#define MEM_ALIGNMENT      8
#define MEM_SIZE           (512 * 1024) /* headers of 2048 segments take 280 KiB */
#define MEM_OVERFLOW_CHECK 0
#define MEMP_NUM_PBUF      4096 /* references to data: 64 connections with TCP_SND_QUEUELEN pieces */
/* Half of that: a segment has a header and data. So nobody who acknowledges nothing takes what
 * another's segments need. */
#define MEMP_NUM_TCP_SEG               2048
#define MEMP_NUM_TCP_PCB               192 /* 64 that work, 128 in the backlog; those in TIME-WAIT give way */
#define MEMP_NUM_UDP_PCB               8
#define PBUF_POOL_SIZE                 32 /* only for what lwIP itself makes; received frames stay in place */
#define ARP_TABLE_SIZE                 80 /* 64 clients may all be neighbours: with 10 they push each other out */
#define LWIP_ND6_NUM_NEIGHBORS         80
#define LWIP_ND6_NUM_DESTINATIONS      80
#define MEMP_NUM_MLD6_GROUP            8 /* a solicited-node group for each address */
#define LWIP_SUPPORT_CUSTOM_PBUF       1
#define LWIP_DISABLE_TCP_SANITY_CHECKS 1 /* they take received frames to be in that pool */

/* Room for struct wire_header in front of each frame, so that header and frame are one piece. */
#define PBUF_LINK_ENCAPSULATION_HLEN 12
#define ETH_PAD_SIZE                 0

/* --- TCP ----------------------------------------------------------------------------------------
 */

#define TCP_MSS        1460
#define LWIP_WND_SCALE 1 /* else a window is 64 KiB at most: at 100 Mbit/s, 5 ms of delay */
#define TCP_RCV_SCALE  3
#define TCP_WND        (256 * 1024)
/*
 * 32 segments on their way: whole ones are 46 KiB, three times an output ring of llmd's; those of
 * one token each are as many tokens as any network delays. More would only let a client that
 * acknowledges nothing hold more.
 */
#define TCP_SND_QUEUELEN           64
#define TCP_SND_BUF                (32 * TCP_MSS)
#define TCP_SNDLOWAT               (TCP_SND_BUF / 2)
#define TCP_LISTEN_BACKLOG         1
#define TCP_DEFAULT_LISTEN_BACKLOG 128 /* a burst that comes before we look is not refused */
#define LWIP_TCP_RTO_TIME          1000 /* before a round trip was measured: RFC 6298 §2.1, not 3 s */
/*
 * Segments do not live for a minute on the links that this runs on. With lwIP's 60 s, closed
 * connections would hold all control blocks after a few hundred requests a second.
 */
#define TCP_MSL                                             1000
#define LWIP_TCP_KEEPALIVE                                  1
#define TCP_QUEUE_OOSEQ                                     1
#define TCP_OOSEQ_PBUFS_LIMIT(pcb)                          stack_ooseq_max() /* a hole must not take all buffers */
#define LWIP_HOOK_TCP_ISN(local, port, remote, remote_port) stack_random() /* RFC 6528 */
#define TCP_TMR_INTERVAL                                    100 /* delayed acknowledgements leave after at most 100 ms, not 250 */
#define LWIP_TCP_TIMESTAMPS                                 0

/* --- IP and configuration ------------------------------------------------------------------------
 */

#define LWIP_IPV4 1
#define LWIP_IPV6 1
#define LWIP_ICMP 1
#define LWIP_RAW  0
#define LWIP_DHCP 1
#define DHCP_DOES_ARP_CHECK                                              \
    0 /* half a second of waiting, for an address that was just assigned \
       */
#define LWIP_DHCP_MAX_NTP_SERVERS      0
#define LWIP_DNS                       1
#define LWIP_IPV6_AUTOCONFIG           1
#define LWIP_IPV6_DUP_DETECT_ATTEMPTS  1
#define LWIP_IPV6_MLD                  1 /* solicited-node groups, for neighbour discovery behind switches */
#define LWIP_ND6_RDNSS_MAX_DNS_SERVERS 1
#define IP_REASSEMBLY                  1
#define IPV6_FRAG_COPYHEADER           1 /* pointers have 8 bytes: its own header does not fit in place */
#define IP_FRAG                        1
#define ARP_QUEUEING                   1
#define ETHARP_SUPPORT_STATIC_ENTRIES  0

#define LWIP_CHECKSUM_CTRL_PER_NETIF 1 /* off where the NIC does it */
#define LWIP_CHECKSUM_ON_COPY        0

#endif

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
#define LWIP_STATS                 0
#define LWIP_NETIF_HOSTNAME        1
#define LWIP_NETIF_STATUS_CALLBACK 1
#define LWIP_NETIF_LINK_CALLBACK   1

/* --- Memory: sizes for a hundred connections; the heap holds only headers and control blocks -----
 */

#define MEM_ALIGNMENT                  8
#define MEM_SIZE                       (512 * 1024)
#define MEM_OVERFLOW_CHECK             0
#define MEMP_NUM_PBUF                  1024 /* references to application memory, one for each piece sent */
#define MEMP_NUM_TCP_PCB               192 /* 128 that work, and what is left of those in TIME-WAIT */
#define MEMP_NUM_TCP_SEG               1024
#define MEMP_NUM_UDP_PCB               8
#define PBUF_POOL_SIZE                 32 /* only for what lwIP itself makes; received frames stay in place */
#define LWIP_SUPPORT_CUSTOM_PBUF       1
#define LWIP_DISABLE_TCP_SANITY_CHECKS 1 /* they take received frames to be in that pool */

/* Room for struct virtio_net_hdr in front of each frame, so that header and frame are one piece. */
#define PBUF_LINK_ENCAPSULATION_HLEN 12
#define ETH_PAD_SIZE                 0

/* --- TCP ----------------------------------------------------------------------------------------
 */

#define TCP_MSS 1460
#define LWIP_WND_SCALE \
    1 /* without it a window is 64 KiB at most: one bandwidth-delay product of 5 ms */
#define TCP_RCV_SCALE              3
#define TCP_WND                    (256 * 1024)
#define TCP_SND_BUF                (64 * 1024 - 1)
#define TCP_SND_QUEUELEN           512
#define TCP_SNDLOWAT               (TCP_SND_BUF / 2)
#define TCP_LISTEN_BACKLOG         1
#define TCP_DEFAULT_LISTEN_BACKLOG 128 /* connections that arrive in one burst wait, not fail */
/*
 * Segments do not live for a minute on the links that this runs on. With lwIP's 60 s, closed
 * connections would hold all control blocks after a few hundred requests a second.
 */
#define TCP_MSL            1000
#define LWIP_TCP_KEEPALIVE 1
#define TCP_QUEUE_OOSEQ    1
#define TCP_OOSEQ_PBUFS_LIMIT(pcb)                                \
    stack_ooseq_max() /* a hole must not take all receive buffers \
                       */
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

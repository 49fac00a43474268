/* Which addresses the interface has: configured, from DHCP, from routers; and whether it has a
 * link. */
#include "private.h"

#include <net/ip4.h>
#include <rt/console.h>
#include <rt/start.h>
#include <rt/string.h>

#include <lwip/dhcp.h>
#include <lwip/dns.h>
#include <lwip/priv/tcp_priv.h>

/*
 * After 2 and 4 seconds DHCP was asked twice in vain, and asks again (RFC 2131 §4.1). That goes on
 * when the configured address is used already: a server that comes later is obeyed.
 */
#define DHCP_TRIES 3u

static bool
is_set(const uint8_t address[4])
{
    return (address[0] | address[1] | address[2] | address[3]) != 0;
}

static ip4_addr_t
ip4_of(const uint8_t address[4])
{
    ip4_addr_t ip;
    memcpy(&ip, address, sizeof(ip));
    return ip;
}

/* The servers that DHCP named before stay. */
static void
use_static(struct stack *stack)
{
    const struct stack_address *address = &stack->address;
    ip4_addr_t ip = ip4_of(address->ip), mask = ip4_of(address->mask),
               gateway = ip4_of(address->gateway);
    netif_set_addr(&stack->netif, &ip, &mask, &gateway);
    if (is_set(address->dns) && ip_addr_isany(dns_getserver(0))) {
        ip_addr_t server = {.u_addr.ip4 = ip4_of(address->dns), .type = IPADDR_TYPE_V4};
        dns_setserver(0, &server);
    }
}

void
address_start(struct stack *stack, const struct stack_address *address)
{
    struct netif *netif = &stack->netif;
    stack->address = *address;
    netif_set_default(netif);
    netif_create_ip6_linklocal_address(netif, 1);
    netif_set_ip6_autoconfig_enabled(netif, 1);
    if (nic_has_link(&stack->nic))
        netif_set_link_up(netif);
    netif_set_up(netif);
    if (address->dhcp)
        (void)dhcp_start(netif);
    else if (is_set(address->ip))
        use_static(stack);
}

void
address_look_after(struct stack *stack)
{
    const struct dhcp *dhcp = netif_dhcp_data(&stack->netif);
    if (dhcp == NULL || dhcp->tries < DHCP_TRIES || stack_is_up(stack) ||
        !is_set(stack->address.ip))
        return;
    const uint8_t *ip = stack->address.ip;
    rt_printf("net: nobody answers DHCP: %u.%u.%u.%u, as configured\n", ip[0], ip[1], ip[2], ip[3]);
    use_static(stack);
}

/*
 * Connections outlive a break that is shorter than TCP's patience. What was lost in it leaves now,
 * not at the next of timeouts that have doubled meanwhile.
 */
static void
send_again(void)
{
    for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb != NULL; pcb = pcb->next) {
        pcb->nrtx = 0;
        if (pcb->unacked != NULL)
            tcp_rexmit_rto(pcb);
        else
            (void)tcp_output(pcb);
    }
}

void
address_look_at_link(struct stack *stack)
{
    struct netif *netif = &stack->netif;
    bool up = nic_has_link(&stack->nic);
    if (up == (netif_is_link_up(netif) != 0))
        return;
    rt_printf("net: link %s\n", up ? "up" : "down");
    stack->counts.link_changes++;
    if (up) {
        netif_set_link_up(netif); /* asks DHCP, and routers, again; announces the addresses */
        send_again();
    } else {
        netif_set_link_down(netif);
    }
}

/* --- The command line ----------------------------------------------------------------------------
 */

int64_t
stack_read_address(struct stack_address *address, const char **wrong)
{
    const struct {
        const char *name;
        uint8_t *ip;
    } words[] = {{"net.ip", address->ip},
                 {"net.mask", address->mask},
                 {"net.gateway", address->gateway},
                 {"net.dns", address->dns}};
    *address = (struct stack_address){.mask = {255, 255, 255, 0}};
    for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        char text[32];
        *wrong = words[i].name;
        if (rt_option(words[i].name, text, sizeof(text)) && !ip4_parse(text, words[i].ip))
            return EXO_E_ARG;
    }
    address->dhcp = rt_option_number("net.dhcp", 1) != 0;
    *wrong = NULL;
    return EXO_OK;
}

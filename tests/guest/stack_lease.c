// config: smp=4 cpu=max build=release devices=net:tap cmdline="net.ip=10.0.2.15 net.dns=10.0.2.2"
/* A machine whose DHCP server comes late. */
#include "peer/station.h"

#include <lwip/dhcp.h>
#include <lwip/dns.h>

static struct station station;

static bool
has_an_address(const struct station *self)
{
    return stack_is_up(&self->stack);
}

static void
without_a_server_the_configured_address_is_used(void)
{
    struct stack_address address;
    const char *wrong;
    if (!check_equal(stack_read_address(&address, &wrong), EXO_OK) || !check(address.dhcp) ||
        !station_open(&station, &address))
        return;
    check(!stack_is_up(&station.stack));
    if (!station_until(&station, has_an_address))
        return;
    check(netif_dhcp_data(&station.stack.netif)->tries >= 3);
    check_equal(netif_ip4_addr(&station.stack.netif)->addr, PP_HTONL(0x0a00020f));
    check_equal(netif_ip4_netmask(&station.stack.netif)->addr, PP_HTONL(0xffffff00));
    check_equal(ip_addr_get_ip4_u32(dns_getserver(0)), PP_HTONL(0x0a000202));
    station_ask(&station, "10.0.2.15", "ping4");
    (void)station_verdict(&station);
}

static bool
has_a_lease(const struct station *self)
{
    return netif_ip4_addr(&self->stack.netif)->addr == PP_HTONL(0x0a000228);
}

static bool
link_is_down(const struct station *self)
{
    return !netif_is_link_up(&self->stack.netif);
}

/* A link that comes back is a reason to ask at once. */
static void
server_that_comes_later_is_obeyed(void)
{
    station_ask(&station, "10.0.2.15", "lease");
    if (!station_verdict(&station))
        return;
    rt_printf("qmp: set_link name=net0 up=false\n");
    if (!station_until(&station, link_is_down))
        return;
    rt_printf("qmp: set_link name=net0 up=true\n");
    if (!station_until(&station, has_a_lease))
        return;
    station_ask(&station, "10.0.2.40", "ping4");
    (void)station_verdict(&station);
}

static const struct test tests[] = {
    TEST(without_a_server_the_configured_address_is_used),
    TEST(server_that_comes_later_is_obeyed),
};

int
main(void)
{
    return test_main_libos(tests, sizeof(tests) / sizeof(tests[0]));
}

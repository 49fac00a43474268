// config: smp=1,4 cpu=max devices=net:tap
/*
 * TCP/IP on a NIC with every offload, whose other side is the host's kernel behind a tap device, or
 * frames made by hand: peer/peer.py has what the host does in each test.
 */
#include "peer/station.h"

#include <lwip/nd6.h>
#include <lwip/priv/tcp_priv.h>

#define US "10.0.2.15"

static struct station station;

static bool
ask(const char *what)
{
    station_ask(&station, US, what);
    return station_verdict(&station);
}

static void
nic_offers_what_a_stack_can_use(void)
{
    const struct stack_address address = {.ip = {10, 0, 2, 15},
                                          .mask = {255, 255, 255, 0},
                                          .gateway = {10, 0, 2, 2},
                                          .dns = {10, 0, 2, 2}};
    if (station_open(&station, &address))
        check_equal(station.stack.nic.features & NIC_OFFLOADS, NIC_OFFLOADS);
}

/* What is sent back was never moved: addresses, and the counter of the only routine that copies. */
static void
echo_is_read_and_written_where_it_lies(void)
{
    const struct stack_counts *counts = &station.stack.counts;
    uint64_t copied = counts->copied[STACK_COPY_SEND];
    if (!ask("echo4"))
        return;
    check_equal(station.bytes_in, 300000);
    check_equal(station.bytes_out, 300000);
    check_equal(station.elsewhere_in, 0);
    check_equal(station.elsewhere_out, 0);
    check_equal(counts->copied[STACK_COPY_SEND], copied);
}

/* The host leaves checksums, and the cutting into segments, to a NIC that can do both; so do we. */
static void
checksums_were_left_to_the_nic_and_segments_merged(void)
{
    const struct stack_counts *counts = &station.stack.counts;
    rt_printf("# in: %u frames, %u trusted, %u merged; out: %u, %u left to the NIC\n",
              (uint32_t)counts->frames_in, (uint32_t)counts->trusted_in,
              (uint32_t)counts->merged_in, (uint32_t)counts->frames_out,
              (uint32_t)counts->offloaded_out);
    check(counts->trusted_in > 10);
    check(counts->merged_in > 1);
    check(counts->offloaded_out > 300000 / TCP_MSS);
}

static void
ping_is_answered(void)
{
    (void)ask("ping4");
}

static bool
has_address(const struct station *self)
{
    for (s8_t i = 1; i < LWIP_IPV6_NUM_ADDRESSES; i++)
        if (ip6_addr_ispreferred(netif_ip6_addr_state(&self->stack.netif, i)) &&
            netif_ip6_addr(&self->stack.netif, i)->addr[0] == PP_HTONL(0xfd000005))
            return true;
    return false;
}

static void
router_gives_an_address(void)
{
    check(!has_address(&station));
    if (ask("router"))
        (void)station_until(&station, has_address);
}

static void
ipv6_does_what_ipv4_does(void)
{
    uint64_t before = station.bytes_in;
    if (ask("echo6"))
        check_equal(station.bytes_in, before + 300000);
    check_equal(station.elsewhere_in + station.elsewhere_out, 0);
    (void)ask("ping6");
    (void)ask("local6");
}

/* --- Names ---------------------------------------------------------------------------------------
 */

static struct {
    bool answered, found;
    ip_addr_t address;
} answer;

static void
on_resolved(const char *name, const ip_addr_t *address, void *context)
{
    (void)name;
    (void)context;
    answer.answered = true;
    answer.found = address != NULL;
    if (address != NULL)
        answer.address = *address;
}

static bool
is_answered(const struct station *unused)
{
    (void)unused;
    return answer.answered;
}

static bool
resolve(const char *name)
{
    ip_addr_t address;
    answer.answered = false;
    return check_equal(stack_resolve(name, &address, on_resolved, NULL), EXO_E_AGAIN) &&
           station_until(&station, is_answered) && answer.found;
}

static void
names_are_resolved(void)
{
    ip_addr_t address;
    check_equal(stack_resolve("10.1.2.3", &address, on_resolved, NULL), EXO_OK);
    check_equal(stack_resolve("", &address, on_resolved, NULL), EXO_E_ARG);
    if (!ask("names"))
        return;
    if (check(resolve("four.test")))
        check_equal(ip_addr_get_ip4_u32(&answer.address), PP_HTONL(0x0a090807));
    check_equal(stack_resolve("four.test", &address, on_resolved, NULL), EXO_OK);
    if (check(resolve("six.test")) && check(IP_IS_V6(&answer.address)))
        check_equal(ip_2_ip6(&answer.address)->addr[3], PP_HTONL(8));
    check(!resolve("last.test"));
}

/* --- What a network does to frames
 * ---------------------------------------------------------------- */

static void
bad_checksums_are_dropped(void)
{
    (void)ask("checksums");
}

static void
disorder_is_put_right(void)
{
    (void)ask("disorder");
}

static void
odd_sizes_do_no_harm(void)
{
    (void)ask("sizes");
}

/* Every buffer is the NIC's again when nobody has anything any more. */
static bool
all_is_quiet(const struct station *self)
{
    return tcp_active_pcbs == NULL && self->stack.held == 0;
}

static void
no_buffer_is_lost(void)
{
    (void)station_until(&station, all_is_quiet);
    check_equal(station.stack.spare_free, 0xffff);
    uint32_t flying = 0;
    for (uint32_t id = 0; id < station.stack.nic.rx.ids; id++)
        flying += (station.stack.nic.rx.id[id].next & VQ_FLYING) != 0;
    check_equal(flying, 256);
}

static bool
link_is_down(const struct station *self)
{
    return !netif_is_link_up(&self->stack.netif);
}

static bool
link_is_up(const struct station *self)
{
    return netif_is_link_up(&self->stack.netif);
}

static void
connection_survives_a_short_break_of_the_link(void)
{
    if (!ask("link"))
        return;
    rt_printf("qmp: set_link name=net0 up=false\n");
    (void)station_until(&station, link_is_down);
    rt_printf("qmp: set_link name=net0 up=true\n");
    (void)station_until(&station, link_is_up);
    check_equal(station.stack.counts.link_changes, 2);
    (void)station_verdict(&station);
}

/* 200 that we close first, beside 60 that stay: those in TIME-WAIT give way. */
static void
closed_connections_do_not_use_connections_up(void)
{
    uint32_t before = station.closed_first;
    if (ask("sequential"))
        check_equal(station.closed_first, before + 200);
    check(tcp_tw_pcbs != NULL);
}

static bool
all_are_flooded(const struct station *self)
{
    return self->flooded == 60;
}

static void
abort_floods(void)
{
    for (struct tcp_pcb *pcb = tcp_active_pcbs, *next; pcb != NULL; pcb = next) {
        next = pcb->next;
        if (pcb->local_port == 13)
            tcp_abort(pcb);
    }
}

/* Each of 60 has its queue full of small segments, and another conversation gets what it needs. */
static void
silent_clients_take_nothing_from_others(void)
{
    station.least_pieces = UINT32_MAX;
    station.flooded = 0;
    if (ask("silent") && station_until(&station, all_are_flooded)) {
        check(station.least_pieces >= TCP_SND_QUEUELEN - 2);
        (void)ask("echo4");
    }
    abort_floods();
}

static const struct test tests[] = {
    TEST(nic_offers_what_a_stack_can_use),
    TEST(echo_is_read_and_written_where_it_lies),
    TEST(checksums_were_left_to_the_nic_and_segments_merged),
    TEST(ping_is_answered),
    TEST(router_gives_an_address),
    TEST(ipv6_does_what_ipv4_does),
    TEST(names_are_resolved),
    TEST(bad_checksums_are_dropped),
    TEST(disorder_is_put_right),
    TEST(odd_sizes_do_no_harm),
    TEST(no_buffer_is_lost),
    TEST(connection_survives_a_short_break_of_the_link),
    TEST(silent_clients_take_nothing_from_others),
    TEST(closed_connections_do_not_use_connections_up),
};

int
main(void)
{
    return test_main_libos(tests, sizeof(tests) / sizeof(tests[0]));
}

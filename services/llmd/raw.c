/*
 * llmd in the machine, configurations `private` and `shared`: a NIC, or a port of one, lwIP's raw
 * API without copies, one vCPU that runs everything to completion. The loop is: what the network
 * wants, one token for everybody who is being answered, and sleep when there is neither.
 */
#include "link.h"
#include "service.h"

#include <net/find.h>
#include <rt/service.h>
#include <sched/timer.h>

#define NIC_BUFFERS 136u /* HELD_MAX (link.c), a segment of 64 KiB too many, and the next */
#define HTTP_PORT   80
#define LINKS_MAX   64u

static struct stack stack;
static struct links links;

static void
forget(void *context, struct http_conn *conn)
{
    serve_forget(context, conn);
}

static void
open_network(struct serve *serve)
{
    struct nic_source source = {.cell = EXO_BOOT_CELL,
                                .buffers = NIC_BUFFERS,
                                .event = sched_event_take(),
                                .features = NIC_OFFLOADS,
                                .link_event = sched_event_take()};
    struct stack_address address;
    const char *wrong;
    if (stack_read_address(&address, &wrong) != EXO_OK)
        service_refuse(wrong, "must be an IPv4 address");
    const struct links_options options = {
        .port = HTTP_PORT,
        .links_max = LINKS_MAX,
        .handler = serve_request,
        .forget = forget,
        .context = serve,
        .answered = serve->metrics.requests,
        .date = service_date(),
    };
    int64_t err = nic_find(&source);
    if (err == EXO_E_SLOT)
        service_refuse("network", "the machine has no virtio NIC");
    if (err == EXO_E_ARG)
        service_refuse("network", "net.port, net.mac: no port with its MAC address");
    if (err == EXO_OK)
        err = stack_open(&stack, &source, &address, "llmd");
    if (err == EXO_OK)
        err = links_open(&links, &stack, &options);
    if (err != EXO_OK)
        service_die("network", exo_error_text(err));
}

static void
write_counts(struct metrics_text *text, void *context)
{
    const struct stack_counts *counts = context;
    const struct metrics_part copies[] = {
        {"routine=\"port\"", counts->copied[STACK_COPY_PORT]},
        {"routine=\"send\"", counts->copied[STACK_COPY_SEND]},
    };
    metrics_put(text, "net_connections_total", "counter", "connections accepted", links.accepted);
    metrics_put(text, "net_connections_refused_total", "counter",
                "connections that all links were in use for", links.refused);
    metrics_put(text, "net_frames_received_total", "counter", "frames", counts->frames_in);
    metrics_put(text, "net_frames_early_total", "counter",
                "frames that came before there was an address, and waited for it",
                counts->early_in);
    metrics_put(text, "net_frames_sent_total", "counter", "frames", counts->frames_out);
    metrics_put_each(text, "net_bytes_copied_total", "counter",
                     "bytes copied between the NIC and llmd", copies, 2);
}

static void
write_usage(struct metrics_text *text, void *context)
{
    struct stack_usage usage;
    stack_read_usage(context, &usage);
    metrics_put(text, "net_connections_open", "gauge", "connections being served", links.open);
    metrics_put(text, "net_tcp_connections", "gauge", "of TCP, those in TIME-WAIT included",
                usage.connections);
    metrics_put(text, "net_tcp_segments", "gauge", "not yet acknowledged", usage.segments);
    metrics_put(text, "net_pbufs", "gauge", "of lwIP in use", usage.pbufs);
    metrics_put(text, "net_heap_bytes", "gauge", "of lwIP in use", usage.heap_bytes);
    metrics_put(text, "net_buffers_held", "gauge", "received frames that somebody still has",
                usage.buffers_held);
    metrics_put(text, "net_allocations_refused_total", "counter",
                "times that the network's memory was used up", usage.refused);
}

static void
announce(void)
{
    if (stack_is_up(&stack))
        service_announce((const uint8_t *)&netif_ip4_addr(&stack.netif)->addr, HTTP_PORT);
}

/* Asked to stop: whether nothing is left to say, and the other ends have got all of it. */
static bool
is_drained(struct serve *serve)
{
    return rt_stop_requested() && serve_drain(serve) && links_finish(&links);
}

int
main(void)
{
    struct serve *serve = service_open();
    service_count(write_counts, &stack.counts);
    service_count(write_usage, &stack);
    open_network(serve);
    for (;;) {
        uint32_t frames = stack_poll(&stack);
        bool busy = serve_step(serve);
        links_look_after(&links, service_now_us() / 1000);
        announce();
        service_turn();
        int64_t err = stack.nic.rx.error != EXO_OK ? stack.nic.rx.error : stack.nic.tx.error;
        if (err != EXO_OK)
            service_die("network", exo_error_text(err));
        if (is_drained(serve))
            return 0;
        if (frames == 0 && !busy)
            stack_wait(&stack, RT_EVENT_STOP, service_deadline());
    }
}

/*
 * llmd in the machine, configurations `sockets` and `posix`: what the hosted llmd does (sockets.c),
 * with the model and the console of the machine.
 */
#include "service.h"
#include "sockets.h"

#include <errno.h>
#include <rt/service.h>
#include <sockets/network.h>
#include <string.h>

#define CLIENTS_MAX 60u /* with listener and the program's own: lwIP's MEMP_NUM_NETCONN */
#define HTTP_PORT   80

static struct sockets sockets;

static void
write_counts(struct metrics_text *text, void *context)
{
    const struct stack_counts *counts = context;
    const struct metrics_part copies[] = {
        {"routine=\"port\"", counts->copied[STACK_COPY_PORT]},
        {"routine=\"send\"", counts->copied[STACK_COPY_SEND]},
        {"routine=\"keep\"", counts->copied[STACK_COPY_KEEP]},
        {"routine=\"socket_receive\"", counts->copied[STACK_COPY_SOCKET_RECEIVE]},
        {"routine=\"socket_send\"", counts->copied[STACK_COPY_SOCKET_SEND]},
    };
    metrics_put(text, "net_connections_total", "counter", "connections accepted", sockets.accepted);
    metrics_put(text, "net_frames_received_total", "counter", "frames", counts->frames_in);
    metrics_put(text, "net_frames_sent_total", "counter", "frames", counts->frames_out);
    metrics_put_each(text, "net_bytes_copied_total", "counter",
                     "bytes copied between the NIC and llmd", copies, STACK_COPIES);
}

int
main(void)
{
    if (network_status() == EXO_E_ARG) /* the network said which word it is */
        service_refuse("network", "a word of the command line cannot be meant");
    struct serve *serve = service_open();
    const struct sockets_options options = {
        .serve = serve,
        .clients_max = CLIENTS_MAX,
        .address.s_addr = htonl(INADDR_ANY),
        .port = HTTP_PORT,
        .date = service_date(),
        .turn = service_turn,
        .is_ending = rt_stop_requested,
    };
    uint8_t ip[4];
    service_count(write_counts, (void *)(uintptr_t)network_counts());
    if (sockets_open(&sockets, &options) < 0)
        service_die("network", strerror(errno));
    network_wait(ip);
    service_announce(ip, HTTP_PORT);
    if (!sockets_serve(&sockets))
        service_die("network", strerror(errno));
    sockets_close(&sockets);
    network_drain();
    return 0;
}

/* Services that the peer uses. */
#include "station.h"

#include <entropy/entropy.h>

#include <lwip/priv/tcp_priv.h>

#define BUFFERS 256u /* a window of full segments, and what the acknowledgements come in */

/* A connection of the echo: what came, and is not acknowledged on its way back. */
struct echo {
    struct station *station;
    struct pbuf *held;
    uint32_t written; /* of its bytes */
};

static struct echo echoes[96];

static bool
is_in_buffers(const struct station *station, const void *at)
{
    const struct rt_memory *memory = &station->stack.nic.memory;
    const char *first = memory->at;
    return (const char *)at >= first &&
           (const char *)at < first + (uint64_t)memory->pages * EXO_PAGE_BYTES;
}

/* Where lwIP will have the device read what was written last. */
static void
look_at_unsent(struct station *station, const struct tcp_pcb *pcb)
{
    for (const struct tcp_seg *segment = pcb->unsent; segment != NULL; segment = segment->next)
        for (const struct pbuf *piece = segment->p->next; piece != NULL; piece = piece->next)
            station->elsewhere_out += !is_in_buffers(station, piece->payload);
}

/* The piece of what is held that was not written yet. */
static const struct pbuf *
unwritten(const struct echo *echo, uint32_t *offset)
{
    const struct pbuf *piece = echo->held;
    *offset = echo->written;
    while (piece != NULL && *offset >= piece->len) {
        *offset -= piece->len;
        piece = piece->next;
    }
    return piece;
}

static void
write_more(struct echo *echo, struct tcp_pcb *pcb)
{
    const struct pbuf *piece;
    uint32_t offset;
    while ((piece = unwritten(echo, &offset)) != NULL && tcp_sndbuf(pcb) > 0) {
        uint32_t count = piece->len - offset, room = tcp_sndbuf(pcb);
        count = count < room ? count : room;
        if (tcp_write(pcb, (char *)piece->payload + offset, (u16_t)count, 0) != ERR_OK)
            break;
        echo->written += count;
        echo->station->bytes_out += count;
    }
    look_at_unsent(echo->station, pcb);
    (void)tcp_output(pcb);
}

static void
forget(struct echo *echo)
{
    if (echo->held != NULL)
        (void)pbuf_free(echo->held);
    *echo = (struct echo){0};
}

static err_t
echo_received(void *argument, struct tcp_pcb *pcb, struct pbuf *pbuf, err_t err)
{
    struct echo *echo = argument;
    (void)err;
    if (pbuf == NULL) {
        tcp_arg(pcb, NULL);
        tcp_recv(pcb, NULL);
        tcp_sent(pcb, NULL);
        tcp_err(pcb, NULL);
        forget(echo);
        return tcp_close(pcb);
    }
    for (const struct pbuf *piece = pbuf; piece != NULL; piece = piece->next)
        echo->station->elsewhere_in +=
            piece->len > 0 && !is_in_buffers(echo->station, piece->payload);
    echo->station->bytes_in += pbuf->tot_len;
    if (echo->held == NULL)
        echo->held = pbuf;
    else
        pbuf_cat(echo->held, pbuf);
    write_more(echo, pcb);
    return ERR_OK;
}

static err_t
echo_sent(void *argument, struct tcp_pcb *pcb, u16_t count)
{
    struct echo *echo = argument;
    echo->held = pbuf_free_header(echo->held, count);
    echo->written -= count;
    tcp_recved(pcb, count);
    write_more(echo, pcb);
    return ERR_OK;
}

static void
echo_failed(void *argument, err_t err)
{
    (void)err;
    forget(argument);
}

static err_t
echo_accepted(void *argument, struct tcp_pcb *pcb, err_t err)
{
    struct station *station = argument;
    (void)err;
    for (uint32_t i = 0; i < sizeof(echoes) / sizeof(echoes[0]); i++)
        if (echoes[i].station == NULL) {
            echoes[i] = (struct echo){.station = station};
            tcp_arg(pcb, &echoes[i]);
            tcp_recv(pcb, echo_received);
            tcp_sent(pcb, echo_sent);
            tcp_err(pcb, echo_failed);
            tcp_nagle_disable(pcb);
            station->accepted++;
            return ERR_OK;
        }
    return ERR_MEM;
}

static err_t
close_first(void *argument, struct tcp_pcb *pcb, err_t err)
{
    struct station *station = argument;
    (void)err;
    station->closed_first++;
    (void)tcp_write(pcb, "x", 1, TCP_WRITE_FLAG_COPY);
    return tcp_close(pcb);
}

/*
 * Pieces of a byte, each a segment of its own as long as the device takes them at once, until the
 * connection has no room for more.
 */
static err_t
write_all(void *argument, struct tcp_pcb *pcb)
{
    struct station *station = argument;
    const void *any = station->stack.nic.memory.at;
    while (tcp_write(pcb, any, 1, 0) == ERR_OK)
        if (tcp_output(pcb) != ERR_OK)
            return ERR_OK; /* the ring is full: at the next poll */
    tcp_poll(pcb, NULL, 0);
    if (pcb->snd_queuelen < station->least_pieces)
        station->least_pieces = pcb->snd_queuelen;
    station->flooded++;
    return ERR_OK;
}

/* Not yet: while lwIP looks at a segment of the connection it sends nothing. */
static err_t
flood_accepted(void *argument, struct tcp_pcb *pcb, err_t err)
{
    (void)err;
    tcp_arg(pcb, argument);
    tcp_nagle_disable(pcb);
    tcp_poll(pcb, write_all, 1);
    return ERR_OK;
}

static err_t
verdict_received(void *argument, struct tcp_pcb *pcb, struct pbuf *pbuf, err_t err)
{
    struct station *station = argument;
    (void)err;
    if (pbuf == NULL)
        return tcp_close(pcb);
    uint16_t count = pbuf_copy_partial(pbuf, station->verdict, sizeof(station->verdict) - 1, 0);
    station->verdict[count > 0 ? count - 1 : 0] = '\0'; /* the end of the line */
    tcp_recved(pcb, pbuf->tot_len);
    (void)pbuf_free(pbuf);
    return ERR_OK;
}

static err_t
verdict_accepted(void *argument, struct tcp_pcb *pcb, err_t err)
{
    (void)err;
    tcp_arg(pcb, argument);
    tcp_recv(pcb, verdict_received);
    return ERR_OK;
}

static bool
listen_at(struct station *station, uint16_t port, tcp_accept_fn accepted)
{
    struct tcp_pcb *pcb = tcp_new_ip_type(IPADDR_TYPE_ANY);
    if (!check(pcb != NULL) || !check_equal(tcp_bind(pcb, IP_ANY_TYPE, port), ERR_OK))
        return false;
    pcb = tcp_listen(pcb);
    tcp_arg(pcb, station);
    tcp_accept(pcb, accepted);
    return true;
}

bool
station_open(struct station *station, const struct stack_address *address)
{
    const struct nic_source source = {.cell = EXO_BOOT_CELL,
                                      .device = EXO_BOOT_DEVICE,
                                      .buffers = BUFFERS,
                                      .event = STATION_NIC,
                                      .features = NIC_OFFLOADS,
                                      .link_event = STATION_LINK};
    entropy_add(rt_boot->seed, sizeof(rt_boot->seed));
    return check_equal(stack_open(&station->stack, &source, address, "station"), EXO_OK) &&
           listen_at(station, 7, echo_accepted) && listen_at(station, 9, verdict_accepted) &&
           listen_at(station, 11, close_first) && listen_at(station, 13, flood_accepted);
}

bool
station_until(struct station *station, bool (*holds)(const struct station *station))
{
    uint64_t deadline = test_patience();
    while (!holds(station) && rt_ticks() < deadline && station->stack.nic.rx.error == EXO_OK)
        if (stack_poll(&station->stack) == 0)
            stack_wait(&station->stack, 0, deadline);
    return check(holds(station));
}

void
station_ask(struct station *station, const char *address, const char *check)
{
    station->verdict[0] = '\0';
    rt_printf("peer: %s %s\n", address, check);
}

static bool
has_verdict(const struct station *station)
{
    return station->verdict[0] != '\0';
}

bool
station_verdict(struct station *station)
{
    bool good = station_until(station, has_verdict) && strcmp(station->verdict, "ok") == 0;
    if (!good)
        rt_printf("# peer: %s\n", station->verdict);
    station->verdict[0] = '\0';
    return check(good);
}

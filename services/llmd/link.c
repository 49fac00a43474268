/* From TCP's callbacks to a connection, and back. */
#include "link.h"

#include <rt/string.h>

#include <lwip/tcp.h>

#define HELD_MAX \
    64u /* frames that wait in all connections, before one that holds several is cut off */

struct link {
    struct tcp_pcb *pcb; /* NULL: free, unless `used` */
    struct links *links;
    struct pbuf *pending; /* arrived, and not used yet */
    bool used, ended;     /* the other end sends no more */
    struct http_conn http;
};

static void
release(struct link *link)
{
    struct links *links = link->links;
    links->options.forget(links->options.context, &link->http);
    http_close(&link->http);
    if (link->pending != NULL)
        (void)pbuf_free(link->pending);
    link->pending = NULL;
    link->used = false;
    links->open--;
}

/* Nothing of it is needed any more: what it sent has been acknowledged. */
static void
close_link(struct link *link)
{
    struct tcp_pcb *pcb = link->pcb;
    tcp_arg(pcb, NULL);
    tcp_recv(pcb, NULL);
    tcp_sent(pcb, NULL);
    tcp_err(pcb, NULL);
    if (link->http.acknowledged != link->http.written || tcp_close(pcb) != ERR_OK)
        tcp_abort(pcb);
    link->pcb = NULL;
    release(link);
}

/* Gives the connection what arrived, as long as it takes it. */
static void
digest(struct link *link)
{
    while (link->pending != NULL && http_receives(&link->http)) {
        struct pbuf *first = link->pending;
        if (first->len == 0) { /* of a fragmented segment, the part that held only headers */
            link->pending = first->next;
            first->next = NULL;
            (void)pbuf_free(first);
            continue;
        }
        size_t used = http_receive(&link->http, first->payload, first->len, link->links->clock.ms);
        tcp_recved(link->pcb, (u16_t)used);
        link->pending = pbuf_free_header(link->pending, (u16_t)used);
    }
    if (link->ended && link->pending == NULL && link->http.state == HTTP_READING)
        http_received_all(&link->http);
}

static void
transmit(struct link *link)
{
    const char *bytes;
    bool any = false;
    for (size_t count; (count = http_output(&link->http, &bytes)) > 0; any = true) {
        size_t room = tcp_sndbuf(link->pcb);
        count = count < room ? count : room;
        if (count == 0 || tcp_write(link->pcb, bytes, (u16_t)count, 0) != ERR_OK)
            break;
        http_taken(&link->http, count);
    }
    if (any)
        (void)tcp_output(link->pcb);
}

/* --- TCP's callbacks
 * ------------------------------------------------------------------------------ */

static err_t
on_received(void *argument, struct tcp_pcb *pcb, struct pbuf *pbuf, err_t err)
{
    struct link *link = argument;
    (void)err;
    if (pbuf == NULL)
        link->ended = true;
    else if (link->pending == NULL)
        link->pending = pbuf;
    else
        pbuf_cat(link->pending, pbuf);
    digest(link);
    /* Received frames stay in the NIC's buffers: who makes us keep many must not take all of them.
     */
    if (link->pending != NULL && link->pending->next != NULL &&
        link->links->stack->held > HELD_MAX) {
        tcp_abort(pcb); /* on_error releases the link */
        return ERR_ABRT;
    }
    transmit(link);
    return ERR_OK;
}

static err_t
on_sent(void *argument, struct tcp_pcb *pcb, u16_t count)
{
    struct link *link = argument;
    (void)pcb;
    http_acknowledged(&link->http, count, link->links->clock.ms);
    transmit(link);
    return ERR_OK;
}

/* The control block is gone already. */
static void
on_error(void *argument, err_t err)
{
    struct link *link = argument;
    (void)err;
    link->pcb = NULL;
    http_abort(&link->http);
    release(link);
}

static struct link *
free_link(struct links *links)
{
    for (uint32_t i = 0; i < links->options.links_max; i++)
        if (!links->link[i].used)
            return &links->link[i];
    return NULL;
}

static err_t
on_accepted(void *argument, struct tcp_pcb *pcb, err_t err)
{
    struct links *links = argument;
    struct link *link = err == ERR_OK ? free_link(links) : NULL;
    if (link == NULL) {
        links->refused++;
        return ERR_MEM; /* lwIP resets it */
    }
    link->pcb = pcb;
    link->links = links;
    link->used = true;
    link->ended = false;
    http_open(&link->http, links->options.handler, links->options.context, links->clock.ms);
    link->http.answered = links->options.answered;
    link->http.bodies = &links->bodies;
    link->http.date = links->options.date;
    links->open++;
    links->accepted++;
    tcp_arg(pcb, link);
    tcp_recv(pcb, on_received);
    tcp_sent(pcb, on_sent);
    tcp_err(pcb, on_error);
    tcp_nagle_disable(pcb); /* tokens leave as they are made */
    return ERR_OK;
}

/* --- All of them
 * ---------------------------------------------------------------------------------- */

static int64_t
listen_at(struct links *links)
{
    struct tcp_pcb *pcb = tcp_new_ip_type(IPADDR_TYPE_ANY);
    if (pcb == NULL)
        return EXO_E_LIMIT;
    if (tcp_bind(pcb, IP_ANY_TYPE, links->options.port) != ERR_OK) {
        (void)tcp_close(pcb);
        return EXO_E_OCCUPIED;
    }
    pcb = tcp_listen(pcb);
    tcp_arg(pcb, links);
    tcp_accept(pcb, on_accepted);
    return EXO_OK;
}

int64_t
links_open(struct links *links, struct stack *stack, const struct links_options *options)
{
    uint64_t bytes = options->links_max * sizeof(struct link);
    uint32_t pages = (uint32_t)((bytes + EXO_PAGE_BYTES - 1) / EXO_PAGE_BYTES);
    *links = (struct links){.options = *options, .stack = stack};
    int64_t err = rt_memory_take(pages, EXO_PROT_READ | EXO_PROT_WRITE, &links->memory);
    if (err == EXO_OK)
        err = stack_add_range(stack, links->memory.at, links->memory.slot, 0, pages);
    links->link = links->memory.at;
    return err == EXO_OK ? listen_at(links) : err;
}

void
links_look_after(struct links *links, uint64_t real_ms)
{
    uint64_t now_ms = http_clock_turn(&links->clock, real_ms);
    for (uint32_t i = 0; i < links->options.links_max; i++) {
        struct link *link = &links->link[i];
        if (!link->used)
            continue;
        digest(link);
        (void)http_tick(&link->http, now_ms);
        transmit(link);
        bool over = http_is_over(&link->http);
        if (over &&
            (link->http.acknowledged == link->http.written || link->http.state == HTTP_CLOSED))
            close_link(link);
    }
}

static bool
is_quiet(const struct links *links)
{
    bool quiet = true;
    for (uint32_t i = 0; i < links->options.links_max; i++) {
        const struct link *link = &links->link[i];
        quiet &= !link->used || link->http.acknowledged == link->http.written;
    }
    return quiet;
}

bool
links_finish(struct links *links)
{
    struct stack_usage usage;
    if (!is_quiet(links))
        return false;
    for (uint32_t i = 0; i < links->options.links_max; i++)
        if (links->link[i].used)
            close_link(&links->link[i]);
    stack_read_usage(links->stack, &usage);
    return usage.segments == 0;
}

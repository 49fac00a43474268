/* Clients over non-blocking sockets. */
#include "sockets.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct client {
    int socket; /* -1: free */
    bool ended; /* the other end sends no more */
    size_t input_bytes;
    char input[4096]; /* arrived, and not used yet */
    struct http_conn http;
};

static int
listen_at(struct sockets *sockets)
{
    int yes = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(sockets->options.port),
                                  .sin_addr = sockets->options.address};
    socklen_t length = sizeof(address);
    sockets->listener = listener;
    (void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(listener, (int)sockets->options.clients_max) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) != 0)
        return -1;
    return ntohs(address.sin_port);
}

int
sockets_open(struct sockets *sockets, const struct sockets_options *options)
{
    *sockets = (struct sockets){.options = *options};
    sockets->clients = calloc(options->clients_max, sizeof(*sockets->clients));
    sockets->polls = calloc(options->clients_max + 2, sizeof(*sockets->polls));
    if (sockets->clients == NULL || sockets->polls == NULL)
        return -1;
    for (uint32_t i = 0; i < options->clients_max; i++)
        sockets->clients[i].socket = -1;
    return listen_at(sockets);
}

/* --- Clients -----------------------------------------------------------------------------------
 */

static void
drop(struct sockets *sockets, struct client *client)
{
    serve_forget(sockets->options.serve, &client->http);
    http_close(&client->http);
    (void)close(client->socket);
    client->socket = -1;
}

static void
accept_all(struct sockets *sockets)
{
    for (uint32_t i = 0; i < sockets->options.clients_max; i++) {
        struct client *client = &sockets->clients[i];
        int yes = 1;
        if (client->socket >= 0)
            continue;
        int socket = accept4(sockets->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (socket < 0)
            return;
        (void)setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
        client->socket = socket;
        client->ended = false;
        client->input_bytes = 0;
        http_open(&client->http, serve_request, sockets->options.serve, sockets->clock.ms);
        client->http.answered = sockets->options.serve->metrics.requests;
        client->http.bodies = &sockets->bodies;
        client->http.date = sockets->options.date;
        sockets->accepted++;
    }
}

static void
digest(struct client *client, uint64_t now_ms)
{
    size_t used = http_receive(&client->http, client->input, client->input_bytes, now_ms);
    memmove(client->input, client->input + used, client->input_bytes - used);
    client->input_bytes -= used;
    if (client->ended && client->input_bytes == 0 && client->http.state == HTTP_READING)
        http_received_all(&client->http);
}

static void
receive(struct client *client)
{
    size_t room = sizeof(client->input) - client->input_bytes;
    ssize_t count = recv(client->socket, client->input + client->input_bytes, room, 0);
    if (count > 0)
        client->input_bytes += (size_t)count;
    else if (count == 0)
        client->ended = true;
    else if (errno != EAGAIN && errno != EINTR)
        http_abort(&client->http);
}

static void
transmit(struct client *client, uint64_t now_ms)
{
    const char *bytes;
    for (size_t count; (count = http_output(&client->http, &bytes)) > 0;) {
        ssize_t sent = send(client->socket, bytes, count, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno != EAGAIN && errno != EINTR)
                http_abort(&client->http);
            return;
        }
        http_taken(&client->http, (size_t)sent);
        http_acknowledged(&client->http, (size_t)sent, now_ms);
    }
}

static void
look_after(struct sockets *sockets, struct client *client)
{
    uint64_t now_ms = sockets->clock.ms;
    if (http_receives(&client->http))
        digest(client, now_ms);
    (void)http_tick(&client->http, now_ms);
    transmit(client, now_ms);
    if (http_is_over(&client->http))
        drop(sockets, client);
}

/* --- A turn ------------------------------------------------------------------------------------
 */

nfds_t
sockets_prepare(struct sockets *sockets)
{
    uint32_t count = sockets->options.clients_max;
    bool room = false;
    for (uint32_t i = 0; i < count; i++) {
        const struct client *client = &sockets->clients[i];
        const char *bytes;
        bool receives = !client->ended && client->input_bytes < sizeof(client->input);
        bool sends = client->socket >= 0 && http_output(&client->http, &bytes) > 0;
        sockets->polls[i] =
            (struct pollfd){.fd = client->socket,
                            .events = (short)((receives ? POLLIN : 0) | (sends ? POLLOUT : 0))};
        room |= client->socket < 0;
    }
    sockets->polls[count] = (struct pollfd){.fd = room ? sockets->listener : -1, .events = POLLIN};
    return count + 1;
}

static bool
is_ending(const struct sockets *sockets)
{
    return sockets->options.is_ending != NULL && sockets->options.is_ending();
}

void
sockets_handle(struct sockets *sockets)
{
    uint32_t count = sockets->options.clients_max;
    sockets->options.turn();
    if (is_ending(sockets))
        (void)serve_drain(sockets->options.serve); /* what came with the word to end is too late */
    for (uint32_t i = 0; i < count; i++) {
        struct client *client = &sockets->clients[i];
        short found = sockets->polls[i].revents;
        if (client->socket < 0)
            continue;
        if ((found & (POLLERR | POLLNVAL)) != 0 || ((found & POLLHUP) != 0 && client->ended))
            http_abort(&client->http);
        else if ((found & (POLLIN | POLLHUP)) != 0)
            receive(client);
        look_after(sockets, client);
    }
    if ((sockets->polls[count].revents & POLLIN) != 0)
        accept_all(sockets);
    uint64_t now_us = sockets->options.serve->options.now_us();
    (void)http_clock_turn(&sockets->clock, now_us / 1000);
}

static bool
anything_to_send(const struct sockets *sockets)
{
    const char *bytes;
    for (uint32_t i = 0; i < sockets->options.clients_max; i++)
        if (sockets->clients[i].socket >= 0 && http_output(&sockets->clients[i].http, &bytes) > 0)
            return true;
    return false;
}

bool
sockets_have_news(const struct sockets *sockets)
{
    for (uint32_t i = 0; i < sockets->options.clients_max; i++)
        if (sockets->clients[i].socket >= 0 && http_is_over(&sockets->clients[i].http))
            return true;
    return anything_to_send(sockets);
}

bool
sockets_are_over(struct sockets *sockets)
{
    return is_ending(sockets) && serve_drain(sockets->options.serve) && !anything_to_send(sockets);
}

void
sockets_close(struct sockets *sockets)
{
    for (uint32_t i = 0; i < sockets->options.clients_max; i++)
        if (sockets->clients[i].socket >= 0)
            drop(sockets, &sockets->clients[i]);
    (void)close(sockets->listener);
}

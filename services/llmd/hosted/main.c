/*
 * llmd as a program of the host: the same HTTP, answers and engine over sockets and poll. It is
 * what the tests talk to without a machine, and what Chitin is compared with.
 *
 *     llmd checkpoint tokenizer port [answers at a time]
 *
 * ENGINE_KERNEL=NAME in the environment chooses another kernel, `list` lists them.
 */
#include "http_date.h"
#include "model.h"
#include "serve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CLIENTS_MAX 128
#define TICK_MS     500

struct client {
    int socket; /* -1: free */
    bool ended; /* the other end sends no more */
    size_t input_bytes;
    char input[4096]; /* arrived, and not used yet */
    struct http_conn http;
};

static struct serve serve;
static struct client clients[CLIENTS_MAX];
static struct http_clock http_clock;
static struct http_date date;
static volatile sig_atomic_t stopping;

static uint64_t
now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

static uint64_t
now_ns(void *unused)
{
    (void)unused;
    return now_us() * 1000;
}

static void
log_line(const char *line)
{
    (void)fprintf(stderr, "%s\n", line);
}

static void
die(const char *what, const char *why)
{
    (void)fprintf(stderr, "llmd: %s: %s\n", what, why);
    exit(1);
}

static struct model_file
map_file(const char *path)
{
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &status) != 0)
        die(path, strerror(errno));
    void *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (bytes == MAP_FAILED)
        die(path, strerror(errno));
    (void)close(file);
    return (struct model_file){bytes, (uint64_t)status.st_size};
}

static int
listen_on(uint16_t port)
{
    int yes = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    (void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(listener, CLIENTS_MAX) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) != 0)
        die("cannot listen", strerror(errno));
    (void)printf("llmd: serving at http://127.0.0.1:%u\n", ntohs(address.sin_port));
    (void)fflush(stdout);
    return listener;
}

/* --- Clients -----------------------------------------------------------------------------------
 */

static void
drop(struct client *client)
{
    serve_forget(&serve, &client->http);
    http_close(&client->http);
    (void)close(client->socket);
    client->socket = -1;
}

static void
accept_all(int listener)
{
    for (int i = 0; i < CLIENTS_MAX; i++) {
        int yes = 1;
        if (clients[i].socket >= 0)
            continue;
        int socket = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (socket < 0)
            return;
        (void)setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
        clients[i].socket = socket;
        clients[i].ended = false;
        clients[i].input_bytes = 0;
        http_open(&clients[i].http, serve_request, &serve, http_clock.ms);
        clients[i].http.answered = serve.metrics.requests;
        clients[i].http.date = date.line;
    }
}

static void
digest(struct client *client)
{
    size_t used = http_receive(&client->http, client->input, client->input_bytes, http_clock.ms);
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
transmit(struct client *client)
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
        http_acknowledged(&client->http, (size_t)sent, http_clock.ms);
    }
}

static void
look_after(struct client *client)
{
    if (http_receives(&client->http))
        digest(client);
    (void)http_tick(&client->http, http_clock.ms);
    transmit(client);
    if (http_is_over(&client->http))
        drop(client);
}

/* --- The loop ----------------------------------------------------------------------------------
 */

static nfds_t
fill(struct pollfd *polls, struct client **of, int listener)
{
    nfds_t count = 1;
    polls[0] = (struct pollfd){.fd = listener, .events = POLLIN};
    for (int i = 0; i < CLIENTS_MAX; i++) {
        struct client *client = &clients[i];
        const char *bytes;
        if (client->socket < 0)
            continue;
        bool room = !client->ended && client->input_bytes < sizeof(client->input);
        bool output = http_output(&client->http, &bytes) > 0;
        polls[count] = (struct pollfd){
            .fd = client->socket,
            .events = (short)((room ? POLLIN : 0) | (output ? POLLOUT : 0)),
        };
        of[count++] = client;
    }
    return count;
}

static void
once(int listener, bool busy)
{
    struct pollfd polls[CLIENTS_MAX + 1];
    struct client *of[CLIENTS_MAX + 1];
    nfds_t count = fill(polls, of, listener);
    (void)poll(polls, count, busy ? 0 : TICK_MS);
    http_date_turn(&date, time(NULL));
    for (nfds_t i = 1; i < count; i++) {
        if ((polls[i].revents & (POLLERR | POLLNVAL)) != 0 ||
            ((polls[i].revents & POLLHUP) != 0 && of[i]->ended))
            http_abort(&of[i]->http);
        else if ((polls[i].revents & (POLLIN | POLLHUP)) != 0)
            receive(of[i]);
        look_after(of[i]);
    }
    if ((polls[0].revents & POLLIN) != 0)
        accept_all(listener);
    (void)http_clock_turn(&http_clock, now_us() / 1000);
}

static void
stop(int signum)
{
    (void)signum;
    stopping = 1;
}

static bool
anything_to_send(void)
{
    const char *bytes;
    for (int i = 0; i < CLIENTS_MAX; i++)
        if (clients[i].socket >= 0 && http_output(&clients[i].http, &bytes) > 0)
            return true;
    return false;
}

/* What a compiler makes of the reference is fastest here. */
static const char *
wanted_kernel(void)
{
    const char *kernel = getenv("ENGINE_KERNEL");
    char names[KERNELS_NAMES_BYTES];
    if (kernel == NULL || strcmp(kernel, "list") != 0)
        return kernel != NULL ? kernel : KERNELS_REFERENCE;
    kernels_names(names, sizeof(names));
    (void)printf("llmd: kernels:%s\n", names);
    exit(0);
}

static void
open_model(struct model *model, char **arguments, uint32_t running)
{
    static char description[256];
    struct engine_error error = {""};
    struct model_file checkpoint = map_file(arguments[1]), tokenizer = map_file(arguments[2]);
    static const struct engine_machine machine = {.now_ns = now_ns};
    const struct model_options options = {.batch = 64 > running ? 64 : running,
                                          .machine = &machine,
                                          .kernel = wanted_kernel(),
                                          .pack = true};
    if (!model_open(model, &checkpoint, &tokenizer, &options, &error))
        die(arguments[1], error.text);
    kernels_report(&model->kernels, log_line);
    const struct engine_shape *shape = &model->shape.shape;
    (void)snprintf(description, sizeof(description),
                   "\"model\":\"%s\",\"dim\":%u,\"layers\":%u,\"vocabulary\":%u,\"context\":%u",
                   model->shape.kind, shape->dim, shape->layers, shape->vocabulary, shape->context);
    const struct serve_options serving = {
        .running_max = running,
        .queued_max = 64,
        .step_tokens = options.batch,
        .now_us = now_us,
        .log = log_line,
    };
    if (!serve_open(&serve, &serving, &error) ||
        !serve_use(&serve, model->engine, &model->tokenizer, description, &error))
        die(arguments[1], error.text);
    serve.metrics.source[0].write = kernels_count;
    serve.metrics.source[0].context = &model->kernels;
}

int
main(int count, char **arguments)
{
    static struct model model;
    if (count < 4)
        die("usage", "llmd checkpoint tokenizer port [answers at a time]");
    open_model(&model, arguments, count > 4 ? (uint32_t)strtoul(arguments[4], NULL, 10) : 8);
    for (int i = 0; i < CLIENTS_MAX; i++)
        clients[i].socket = -1;
    (void)signal(SIGTERM, stop);
    (void)signal(SIGINT, stop);
    int listener = listen_on((uint16_t)strtoul(arguments[3], NULL, 10));
    for (bool busy = false; !stopping || !serve_drain(&serve) || anything_to_send();) {
        once(listener, busy);
        busy = serve_step(&serve);
    }
    return 0;
}

/*
 * Asks an HTTP server in the network namespace of a machine's tap device for one path, over and
 * over, on several connections that are kept, one request on its way on each:
 *
 *     httpload PID ADDRESS PORT PATH CONNECTIONS REQUESTS
 *
 * PID is run-qemu's (or anything's in that namespace). Prints one line: requests a second, and the
 * median and the 99th percentile of the times from a request to the last byte of its response. Any
 * answer but a 200 with a Content-Length is a failure.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#include "namespace.h"

#define CONNECTIONS_MAX 64
#define ANSWER_MAX      4096
#define PATIENCE_MS     10000

struct client {
    int socket;
    size_t bytes; /* of its answer, so far */
    uint64_t since_ns;
    char answer[ANSWER_MAX + 1];
};

static struct client clients[CONNECTIONS_MAX];
static char request[512];
static uint32_t *times_ns;
static size_t asked, answered, wanted;

_Noreturn static void
fail(const char *what, const char *why)
{
    fprintf(stderr, "httpload: %s: %s\n", what, why);
    exit(1);
}

static uint64_t
now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void
ask(struct client *client)
{
    size_t length = strlen(request);
    client->bytes = 0;
    client->since_ns = now_ns();
    if (send(client->socket, request, length, MSG_NOSIGNAL) != (ssize_t)length)
        fail("send", strerror(errno));
    asked++;
}

static void
open_client(struct client *client, const struct sockaddr_in *address, int poll)
{
    const int yes = 1;
    client->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->socket < 0 ||
        connect(client->socket, (const struct sockaddr *)address, sizeof(*address)) != 0 ||
        setsockopt(client->socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)) != 0)
        fail("connect", strerror(errno));
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
    if (epoll_ctl(poll, EPOLL_CTL_ADD, client->socket, &event) != 0)
        fail("epoll", strerror(errno));
}

/* Whether the whole answer is there. */
static bool
is_whole(const struct client *client)
{
    const char *end = strstr(client->answer, "\r\n\r\n");
    const char *length = strstr(client->answer, "Content-Length: ");
    if (end == NULL)
        return false;
    if (strncmp(client->answer, "HTTP/1.1 200 ", 13) != 0 || length == NULL || length > end)
        fail("no answer that we know", client->answer);
    return client->bytes == (size_t)(end + 4 - client->answer) + strtoul(length + 16, NULL, 10);
}

static void
receive(struct client *client)
{
    ssize_t count =
        recv(client->socket, client->answer + client->bytes, ANSWER_MAX - client->bytes, 0);
    if (count <= 0)
        fail("recv", count == 0 ? "the server closed the connection" : strerror(errno));
    client->bytes += (size_t)count;
    client->answer[client->bytes] = '\0';
    if (!is_whole(client))
        return;
    times_ns[answered++] = (uint32_t)(now_ns() - client->since_ns);
    if (asked < wanted)
        ask(client);
}

static int
compare(const void *one, const void *other)
{
    uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;
    return (a > b) - (a < b);
}

int
main(int argc, char **argv)
{
    if (argc != 7)
        fail("usage", "httpload PID ADDRESS PORT PATH CONNECTIONS REQUESTS");
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)strtoul(argv[3], NULL, 10))};
    size_t count = strtoul(argv[5], NULL, 10);
    wanted = strtoul(argv[6], NULL, 10);
    times_ns = calloc(wanted + 1, sizeof(*times_ns));
    if (inet_pton(AF_INET, argv[2], &address.sin_addr) != 1 || count == 0 ||
        count > CONNECTIONS_MAX || wanted < count || times_ns == NULL)
        fail("arguments", "must be those of the usage");
    (void)snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", argv[4],
                   argv[2]);
    if (!enter_namespace(argv[1]))
        fail("the machine's network namespace", strerror(errno));
    int poll = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; i < count; i++)
        open_client(&clients[i], &address, poll);
    uint64_t start_ns = now_ns();
    for (size_t i = 0; i < count; i++)
        ask(&clients[i]);
    while (answered < wanted) {
        struct epoll_event events[CONNECTIONS_MAX];
        int ready = epoll_wait(poll, events, CONNECTIONS_MAX, PATIENCE_MS);
        if (ready <= 0)
            fail("epoll", ready == 0 ? "no answer" : strerror(errno));
        for (int i = 0; i < ready; i++)
            receive(events[i].data.ptr);
    }
    uint64_t passed_ns = now_ns() - start_ns;
    qsort(times_ns, answered, sizeof(*times_ns), compare);
    printf("httpload: %.0f req/s, median %.1f us, 99th percentile %.1f us\n",
           (double)answered * 1e9 / (double)passed_ns, times_ns[answered / 2] / 1e3,
           times_ns[answered * 99 / 100] / 1e3);
    return 0;
}

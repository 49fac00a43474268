/*
 * llmd as a program of the host: the same HTTP, answers and engine over sockets and poll. It is
 * what the tests talk to without a machine, and what Chitin is compared with.
 *
 *     llmd checkpoint tokenizer port [answers at a time]
 *
 * In the environment, ENGINE_KERNEL=NAME chooses another kernel, `list` lists them; ENGINE_WORKERS
 * is how many CPUs to use at most.
 */
#include "http_date.h"
#include "serving.h"
#include "sockets.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CLIENTS_MAX 128

static struct serve serve;
static struct http_date date;
static volatile sig_atomic_t stopping;

static void
turn(void)
{
    http_date_turn(&date, time(NULL));
}

static void
stop(int signum)
{
    (void)signum;
    stopping = 1;
}

static bool
is_ending(void)
{
    return stopping != 0;
}

int
main(int count, char **arguments)
{
    static struct sockets sockets;
    if (count < 4)
        serving_die("usage", "llmd checkpoint tokenizer port [answers at a time]");
    serving_open(&serve, arguments[1], arguments[2],
                 count > 4 ? (uint32_t)strtoul(arguments[4], NULL, 10) : 8);
    (void)signal(SIGTERM, stop);
    (void)signal(SIGINT, stop);
    const struct sockets_options options = {
        .serve = &serve,
        .clients_max = CLIENTS_MAX,
        .address.s_addr = htonl(INADDR_LOOPBACK),
        .port = (uint16_t)strtoul(arguments[3], NULL, 10),
        .date = date.line,
        .turn = turn,
        .is_ending = is_ending,
    };
    int port = sockets_open(&sockets, &options);
    if (port < 0)
        serving_die("cannot listen", strerror(errno));
    (void)printf("llmd: serving at http://127.0.0.1:%d\n", port);
    (void)fflush(stdout);
    if (!sockets_serve(&sockets))
        serving_die("cannot serve", strerror(errno));
    return 0;
}

/*
 * Two threads: one waits for the network, the other computes. One lock is over all that they share,
 * and the one that computes lets go of it between tokens when the other wants it.
 */
#include "sockets.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#define TICK_MS 500 /* without an event: connections that time out */

struct pair {
    struct sockets *sockets;
    pthread_mutex_t lock; /* protects the clients, who is answered, and the flags below */
    pthread_cond_t work;  /* the network's thread has let go of the lock, or all is over */
    _Atomic bool wanted;  /* by the network's thread: the lock */
    bool over, rung;
    int bell; /* a datagram socket whose peer it is itself: what is sent to it ends a poll() */
};

/* --- The bell ----------------------------------------------------------------------------------
 */

static int
make_bell(void)
{
    int bell = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(here);
    bool made = bind(bell, (struct sockaddr *)&here, sizeof(here)) == 0 &&
                getsockname(bell, (struct sockaddr *)&here, &length) == 0 &&
                connect(bell, (struct sockaddr *)&here, length) == 0;
    return made ? bell : -1;
}

static void
ring(struct pair *pair)
{
    if (!pair->rung)
        pair->rung = send(pair->bell, "", 1, MSG_NOSIGNAL) == 1;
}

static void
silence(struct pair *pair)
{
    char byte;
    while (recv(pair->bell, &byte, 1, 0) > 0)
        ;
    pair->rung = false;
}

/* --- The threads -------------------------------------------------------------------------------
 */

static void *
compute(void *argument)
{
    struct pair *pair = argument;
    struct sockets *sockets = pair->sockets;
    (void)pthread_mutex_lock(&pair->lock);
    while (!pair->over) {
        bool busy = serve_step(sockets->options.serve);
        if (sockets_have_news(sockets))
            ring(pair);
        while (!pair->over && (atomic_load(&pair->wanted) || !busy)) {
            (void)pthread_cond_wait(&pair->work, &pair->lock);
            busy = true; /* or it will be seen that it is not */
        }
    }
    (void)pthread_mutex_unlock(&pair->lock);
    return NULL;
}

/* A mutex gives no turns: without a word the other thread would take it again at once. */
static void
want_lock(struct pair *pair)
{
    atomic_store(&pair->wanted, true);
    (void)pthread_mutex_lock(&pair->lock);
    atomic_store(&pair->wanted, false);
}

static void
unlock(struct pair *pair)
{
    (void)pthread_cond_signal(&pair->work);
    (void)pthread_mutex_unlock(&pair->lock);
}

static void
attend(struct pair *pair)
{
    struct sockets *sockets = pair->sockets;
    want_lock(pair);
    while (!sockets_are_over(sockets)) {
        nfds_t count = sockets_prepare(sockets);
        sockets->polls[count] = (struct pollfd){.fd = pair->bell, .events = POLLIN};
        unlock(pair);
        (void)poll(sockets->polls, count + 1, TICK_MS);
        want_lock(pair);
        silence(pair);
        sockets_handle(sockets);
    }
    pair->over = true;
    unlock(pair);
}

bool
sockets_serve(struct sockets *sockets)
{
    static struct pair pair = {.lock = PTHREAD_MUTEX_INITIALIZER, .work = PTHREAD_COND_INITIALIZER};
    pthread_t computing;
    pair.sockets = sockets;
    pair.bell = make_bell();
    if (pair.bell < 0)
        return false;
    errno = pthread_create(&computing, NULL, compute, &pair);
    if (errno != 0)
        return false;
    attend(&pair);
    (void)pthread_join(computing, NULL);
    return true;
}

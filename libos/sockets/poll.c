/* poll(): sockets by lwIP, other descriptors by the vfs. */
#include "private.h"

#include <poll.h>

#include <errno.h>
#include <limits.h>
#include <sched/thread.h>

#define LOOK_AGAIN_MS 10 /* at what has no event: the terminal */

/* What is polled: lwIP's view of it, and the open files, held meanwhile. */
struct polled {
    struct pollfd inner[VFS_FILES_MAX]; /* fd -1: not lwIP's */
    struct file *file[VFS_FILES_MAX];
    bool looks_again; /* something may become ready without an event */
};

static short
ready_now(struct vfs_node *node, short events)
{
    short ready = events & (POLLIN | POLLOUT);
    return vfs_is_ready(node) ? ready : (short)(ready & ~POLLIN);
}

/* All but sockets; how many of them have something. */
static int
look(struct polled *polled, struct pollfd *polls, nfds_t count)
{
    int ready = 0;
    for (nfds_t i = 0; i < count; i++) {
        struct vfs_node *node = polled->file[i] != NULL ? vfs_held(polled->file[i]) : NULL;
        if (polls[i].fd < 0 || polled->inner[i].fd >= 0)
            continue;
        polls[i].revents = node != NULL ? ready_now(node, polls[i].events) : POLLNVAL;
        polled->looks_again |= node != NULL && !vfs_is_ready(node);
        ready += polls[i].revents != 0;
    }
    return ready;
}

static void
hold_all(struct polled *polled, struct pollfd *polls, nfds_t count)
{
    for (nfds_t i = 0; i < count; i++) {
        struct file *file = polls[i].fd >= 0 ? vfs_hold(polls[i].fd) : NULL;
        polled->file[i] = file;
        polled->inner[i] = (struct pollfd){.fd = file != NULL ? socket_number(vfs_held(file)) : -1,
                                           .events = polls[i].events};
        polls[i].revents = 0;
    }
}

static int
step_of(const struct polled *polled, int ready, int left_ms)
{
    if (ready > 0)
        return 0;
    return polled->looks_again && (left_ms < 0 || left_ms > LOOK_AGAIN_MS) ? LOOK_AGAIN_MS
                                                                           : left_ms;
}

static int
wait_for_some(struct polled *polled, struct pollfd *polls, nfds_t count, int left_ms)
{
    for (;;) {
        int ready = look(polled, polls, count), step = step_of(polled, ready, left_ms);
        int sockets = lwip_poll(count > 0 ? polled->inner : NULL, count, step);
        if (sockets < 0 || ready + sockets > 0 || step == left_ms)
            return sockets < 0 ? sockets : ready + sockets;
        left_ms -= left_ms > 0 ? step : 0;
    }
}

int
poll(struct pollfd *polls, nfds_t count, int timeout_ms)
{
    static _Thread_local struct polled polled;
    if (count > VFS_FILES_MAX) {
        errno = EINVAL;
        return -1;
    }
    if (timeout_ms ==
        0) {            /* who asks again and again must not keep the NIC's thread from running */
        thread_yield(); /* ... its event is noticed, */
        thread_yield(); /* ... and it has its turn */
    }
    polled.looks_again = false;
    hold_all(&polled, polls, count);
    int ready = wait_for_some(&polled, polls, count, timeout_ms), error = errno;
    for (nfds_t i = 0; i < count; i++) {
        polls[i].revents |= polled.inner[i].revents;
        if (polled.file[i] != NULL)
            vfs_let_go(polled.file[i]);
    }
    errno = error;
    return ready;
}

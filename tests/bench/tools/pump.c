/*
 * Sends frames to a machine over the tap device in whose network namespace its run-qemu lives,
 * keeps a window of them on their way, and counts what comes back:
 *
 *     pump PID FRAMES MAC [WINDOW]
 *
 * PID is run-qemu's (or anything's in that namespace), MAC the machine's. Prints one line; "lost"
 * are those that did not come back, "wrong" those that came back altered or twice, which are a
 * failure. The frames are those of ../work.h, with a last one behind them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../work.h"
#include "namespace.h"

#define TAP           "tap0"
#define WINDOW_MAX    256u
#define SILENCE_S     1   /* without any echo; a host that stood still for minutes sees one */
#define SILENCES_LOST 5   /* in a row, after which those on their way are given up */
#define SILENCES_MAX  150 /* after which all are */

static const uint8_t own_mac[6] = {0x02, 0, 0, 0, 0, 1};

struct pump {
    int socket;
    uint8_t mac[6];
    uint32_t frames, window;
    uint32_t sent, echoed, flying, wrong, silences;
    bool over;     /* the machine has gone */
    bool *is_back; /* by sequence number */
    struct work_frame out[WINDOW_MAX], in[WINDOW_MAX];
    struct iovec out_bytes[WINDOW_MAX], in_bytes[WINDOW_MAX];
    struct mmsghdr out_messages[WINDOW_MAX], in_messages[WINDOW_MAX];
};

_Noreturn static void
fail(const char *what)
{
    fprintf(stderr, "pump: %s: %s\n", what, strerror(errno));
    exit(2);
}

static void
open_socket(struct pump *pump)
{
    pump->socket = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(WORK_ETHERTYPE));
    if (pump->socket < 0)
        fail("packet socket");
    const struct sockaddr_ll address = {.sll_family = AF_PACKET,
                                        .sll_protocol = htons(WORK_ETHERTYPE),
                                        .sll_ifindex = (int)if_nametoindex(TAP)};
    if (address.sll_ifindex == 0 ||
        bind(pump->socket, (const struct sockaddr *)&address, sizeof(address)) != 0)
        fail(TAP);
    const struct timeval silence = {.tv_sec = SILENCE_S};
    const int yes = 1;
    if (setsockopt(pump->socket, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof(silence)) != 0 ||
        setsockopt(pump->socket, SOL_PACKET, PACKET_QDISC_BYPASS, &yes, sizeof(yes)) != 0)
        fail("socket options");
}

static void
prepare(struct pump *pump)
{
    for (uint32_t i = 0; i < WINDOW_MAX; i++) {
        memcpy(pump->out[i].to, pump->mac, sizeof(pump->mac));
        memcpy(pump->out[i].from, own_mac, sizeof(own_mac));
        pump->out[i].ethertype = htons(WORK_ETHERTYPE);
        pump->out_bytes[i] = (struct iovec){&pump->out[i], sizeof(pump->out[i])};
        pump->in_bytes[i] = (struct iovec){&pump->in[i], sizeof(pump->in[i])};
        pump->out_messages[i].msg_hdr =
            (struct msghdr){.msg_iov = &pump->out_bytes[i], .msg_iovlen = 1};
        pump->in_messages[i].msg_hdr =
            (struct msghdr){.msg_iov = &pump->in_bytes[i], .msg_iovlen = 1};
    }
}

/* Sends as many as the window has room for, or as the device takes. */
static void
send_burst(struct pump *pump)
{
    uint32_t room = pump->window - pump->flying, left = pump->frames - pump->sent;
    uint32_t count = room < left ? room : left;
    for (uint32_t i = 0; i < count; i++)
        pump->out[i].sequence = pump->sent + i;
    int sent = count == 0 ? 0 : sendmmsg(pump->socket, pump->out_messages, count, 0);
    if (sent < 0 && errno != ENOBUFS && errno != EAGAIN)
        pump->over = true;
    if (sent > 0) {
        pump->sent += (uint32_t)sent;
        pump->flying += (uint32_t)sent;
    }
}

static void
take_echo(struct pump *pump, const struct work_frame *frame, uint32_t bytes)
{
    struct work_frame expected = {.ethertype = htons(WORK_ETHERTYPE), .sequence = frame->sequence};
    memcpy(expected.to, own_mac, sizeof(own_mac));
    memcpy(expected.from, pump->mac, sizeof(pump->mac));
    if (bytes != sizeof(*frame) || memcmp(frame, &expected, sizeof(expected)) != 0 ||
        frame->sequence >= pump->sent || pump->is_back[frame->sequence]) {
        pump->wrong++;
        return;
    }
    pump->is_back[frame->sequence] = true;
    pump->echoed++;
    pump->flying -= pump->flying > 0;
}

/* Waits for echoes, and takes all that are there. */
static void
receive(struct pump *pump)
{
    int count = recvmmsg(pump->socket, pump->in_messages, WINDOW_MAX, MSG_WAITFORONE, NULL);
    if (count < 0 && errno == EAGAIN) {
        pump->silences++;
        if (pump->silences % SILENCES_LOST == 0)
            pump->flying = 0;
        pump->over = pump->silences >= SILENCES_MAX;
        return;
    }
    pump->over = count < 0 && errno != EINTR;
    pump->silences = 0;
    for (int i = 0; i < count; i++)
        take_echo(pump, &pump->in[i], pump->in_messages[i].msg_len);
}

static double
now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static bool
parse(struct pump *pump, int count, char **words)
{
    unsigned mac[6];
    char end;
    if (count < 4 || count > 5 ||
        sscanf(words[3], "%2x:%2x:%2x:%2x:%2x:%2x%c", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4],
               &mac[5], &end) != 6)
        return false;
    for (unsigned i = 0; i < 6; i++)
        pump->mac[i] = (uint8_t)mac[i];
    pump->frames = (uint32_t)strtoul(words[2], NULL, 10);
    pump->window = count == 5 ? (uint32_t)strtoul(words[4], NULL, 10) : WORK_FRAMES_FLYING;
    return pump->frames > 0 && pump->frames < WORK_LAST && pump->window > 0 &&
           pump->window <= WINDOW_MAX;
}

int
main(int count, char **words)
{
    static struct pump pump;
    if (!parse(&pump, count, words)) {
        fprintf(stderr, "pump: usage: pump PID FRAMES MAC [WINDOW], at most %u on their way\n",
                WINDOW_MAX);
        return 2;
    }
    pump.is_back = calloc(pump.frames, sizeof(bool));
    if (pump.is_back == NULL)
        fail("memory");
    if (!enter_namespace(words[1]))
        fail("the machine's network namespace");
    open_socket(&pump);
    prepare(&pump);
    double start = now_s();
    while (!pump.over && (pump.sent < pump.frames || pump.flying > 0)) {
        send_burst(&pump);
        receive(&pump);
    }
    double seconds = now_s() - start;
    pump.out[0].sequence = WORK_LAST;
    send(pump.socket, &pump.out[0], sizeof(pump.out[0]), 0);
    printf("sent=%u echoed=%u lost=%u wrong=%u frames/s=%.0f\n", pump.sent, pump.echoed,
           pump.sent - pump.echoed, pump.wrong, pump.echoed / seconds);
    return pump.wrong != 0;
}

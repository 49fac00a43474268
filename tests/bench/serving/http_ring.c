/*
 * The least that answers HTTP: a loop over a private NIC's rings that keeps nothing between frames.
 * Whoever asks for its address gets it, a SYN gets a SYN, bytes that end like a request get a whole
 * response, and where a segment belongs is read from the one that it answers. Nothing is parsed,
 * sent again, or timed: what llmd's /health is compared with (ci/harness/serving_bench.py), whose
 * response has as many bytes.
 */
#include <net/nic.h>
#include <rt/console.h>
#include <rt/start.h>
#include <rt/string.h>

#define NET     1u /* virtio device id */
#define BUFFERS 256u
#define ARP     0x0806u
#define IPV4    0x0800u
#define TCP     6u
#define FIN     0x01u
#define SYN     0x02u
#define PSH     0x08u
#define ACK     0x10u
#define HEADERS 54u /* Ethernet, IPv4 and TCP, without options */
#define ISN     0x10000u

static const uint8_t own_ip[4] = {10, 0, 2, 15};
static const char response[] =
    "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: application/json\r\n"
    "Content-Length: 143\r\n\r\n"
    "{\"status\":\"ok\",\"model\":\"llama2.c version 2 (Q8_0)\",\"generation\":1,\"dim\":128,"
    "\"layers\":5,\"vocabulary\":2048,\"context\":256,\"running\":0,\"queued\":0}\n";

static struct nic nic;

static void
expect(bool condition, const char *what, int64_t value)
{
    if (!condition) {
        rt_printf("http_ring: %s: %lld\n", what, (long long)value);
        rt_exit(1);
    }
}

static uint16_t
get16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t
get32(const uint8_t *at)
{
    return (uint32_t)get16(at) << 16 | get16(at + 2);
}

static void
put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void
put32(uint8_t *at, uint32_t value)
{
    put16(at, value >> 16);
    put16(at + 2, value);
}

static void
exchange(uint8_t *one, uint8_t *other, size_t bytes)
{
    uint8_t kept[6];
    memcpy(kept, one, bytes);
    memcpy(one, other, bytes);
    memcpy(other, kept, bytes);
}

/* RFC 1071, four bytes at a time; `sum` is of what else is covered. */
static uint16_t
checksum(const uint8_t *at, size_t bytes, uint64_t sum)
{
    for (; bytes >= 4; bytes -= 4, at += 4) {
        uint32_t word;
        memcpy(&word, at, 4);
        sum += word;
    }
    for (size_t i = 0; i < bytes; i++)
        sum += (uint64_t)at[i] << (8 * i);
    sum = (sum >> 32) + (sum & 0xffffffff);
    sum = (sum >> 32) + (sum & 0xffffffff);
    sum = (sum >> 16) + (sum & 0xffff);
    sum = (sum >> 16) + (sum & 0xffff);
    return __builtin_bswap16((uint16_t)~sum);
}

/* A request for our address becomes its answer (RFC 826): the frame's bytes, 0 for another's. */
static uint32_t
answer_arp(uint8_t *frame)
{
    if (get16(frame + 20) != 1 || memcmp(frame + 38, own_ip, 4) != 0)
        return 0;
    memcpy(frame, frame + 6, 6);
    memcpy(frame + 6, nic.mac, 6);
    put16(frame + 20, 2);
    exchange(frame + 22, frame + 32, 6);
    exchange(frame + 28, frame + 38, 4);
    memcpy(frame + 22, nic.mac, 6);
    return 42;
}

/* Lengths and checksums of a frame whose addresses, ports and numbers are right. */
static uint32_t
seal(uint8_t *frame, uint32_t flags, uint32_t payload)
{
    uint8_t *ip = frame + 14, *tcp = frame + 34;
    put16(ip + 2, 40 + payload);
    put16(ip + 10, 0);
    put16(ip + 10, checksum(ip, 20, 0));
    put16(tcp + 12, 5u << 12 | flags);
    put16(tcp + 14, 0xffff);
    put32(tcp + 16, 0);
    uint8_t pseudo[4] = {0, TCP, 0, 0};
    put16(pseudo + 2, 20 + payload);
    uint32_t covered;
    memcpy(&covered, pseudo, 4);
    uint64_t sum = covered;
    for (int i = 0; i < 2; i++) {
        memcpy(&covered, ip + 12 + 4 * i, 4);
        sum += covered;
    }
    put16(tcp + 16, checksum(tcp, 20 + payload, sum));
    return HEADERS + payload;
}

/* A segment becomes what answers it: the frame's bytes, 0 for nothing. */
static uint32_t
answer_tcp(uint8_t *frame)
{
    uint8_t *ip = frame + 14, *tcp = ip + 4u * (ip[0] & 15u);
    uint32_t flags = tcp[13], header = 4u * (tcp[12] >> 4);
    uint32_t bytes = get16(ip + 2) - (uint32_t)(tcp - ip) - header;
    uint32_t next = get32(tcp + 4) + bytes + ((flags & (SYN | FIN)) != 0);
    uint32_t own = (flags & SYN) ? ISN : get32(tcp + 8);
    if (tcp != frame + 34 || (bytes == 0 && (flags & (SYN | FIN)) == 0))
        return 0;
    bool whole = bytes >= 4 && memcmp(tcp + header + bytes - 4, "\r\n\r\n", 4) == 0;
    uint32_t payload = whole ? sizeof(response) - 1 : 0;
    exchange(frame, frame + 6, 6);
    exchange(ip + 12, ip + 16, 4);
    exchange(tcp, tcp + 2, 2);
    put32(tcp + 4, own);
    put32(tcp + 8, next);
    memcpy(tcp + 20, response, payload);
    return seal(frame, ACK | (flags & (SYN | FIN)) | (whole ? PSH : 0), payload);
}

static void
take(struct nic_frame *frame)
{
    uint8_t *bytes = nic_bytes(&nic, frame->buffer);
    uint16_t type = get16(bytes + 12);
    uint32_t answer = type == ARP                        ? answer_arp(bytes)
                      : type == IPV4 && bytes[23] == TCP ? answer_tcp(bytes)
                                                         : 0;
    frame->bytes = answer;
    bool taken = answer > 0 ? nic_send(&nic, frame) : nic_receive_into(&nic, frame->buffer);
    expect(taken, "the ring is full", nic.tx.error);
}

_Noreturn static void
serve(void)
{
    struct nic_frame frame;
    uint32_t buffer;
    for (;;) {
        while (nic_receive(&nic, &frame))
            take(&frame);
        (void)vq_flush(&nic.tx, false);
        while (nic_sent(&nic, &buffer))
            (void)nic_receive_into(&nic, buffer);
        expect(nic.rx.error == EXO_OK && nic.tx.error == EXO_OK, "a queue is broken", nic.rx.error);
        (void)nic_wait(&nic, EXO_FOREVER);
    }
}

int
main(void)
{
    struct exo_device_info info;
    struct nic_source source = {
        .cell = EXO_BOOT_CELL, .device = EXO_BOOT_DEVICE, .buffers = BUFFERS, .event = 1};
    while (source.device < EXO_BOOT_SLOTS &&
           (exo_device_info(source.device, &info) != EXO_OK || info.type != NET))
        source.device++;
    expect(source.device < EXO_BOOT_SLOTS, "no NIC", source.device);
    int64_t err = nic_open(&nic, &source);
    expect(err == EXO_OK, "the NIC does not open", err);
    rt_printf("http_ring: ready\n");
    serve();
}

// config: smp=1,4 cpu=max build=release,debug devices=net:tap
/*
 * Programs that own a NIC write its header themselves: with every offload agreed on, whatever
 * stands there ends in frames that nobody takes. Behind the NIC is a tap device, whose host reads
 * the header.
 */
#include "vring.h"

#include <rt/console.h>
#include <rt/module.h>
#include <rt/string.h>

#define DEVICE  EXO_BOOT_DEVICE
#define RECEIVE 0u /* indices of the queues */
#define SEND    1u
#define HEADER  12u
#define CSUM    (1ull << 0)
#define MERGED  (1ull << 15)
#define ROUNDS  64u
#define BATCH   16u
#define BYTES   2048u /* apart */

struct header { /* struct virtio_net_hdr, virtio 1.2 §5.1.6 */
    uint8_t flags, gso_type;
    uint16_t header_bytes, gso_bytes, start, offset, buffers;
};

static const struct header headers[] = {
    {.flags = 1, .start = 14, .offset = 0xffff},            /* a checksum beyond the frame */
    {.flags = 1, .start = 0xffff, .offset = 0xffff},        /* so that the sum wraps */
    {.flags = 1, .start = 59, .offset = 0},                 /* half of it in the frame */
    {.flags = 1, .start = 0, .offset = 0},                  /* in the Ethernet header */
    {.flags = 1, .gso_type = 1, .start = 34, .offset = 16}, /* segments of no bytes */
    {.flags = 1, .gso_type = 1, .gso_bytes = 1, .header_bytes = 0xffff, .start = 34, .offset = 16},
    {.flags = 1, .gso_type = 4, .gso_bytes = 0xffff, .header_bytes = 54, .start = 54, .offset = 16},
    {.flags = 1, .gso_type = 3, .gso_bytes = 8, .header_bytes = 42, .start = 34, .offset = 6},
    {.flags = 0, .gso_type = 1, .gso_bytes = 8}, /* to be cut, and no checksum */
    {.flags = 0xff,
     .gso_type = 0xff,
     .header_bytes = 0xffff,
     .gso_bytes = 0xffff,
     .start = 0xffff,
     .offset = 0xffff,
     .buffers = 0xffff},
};

static bool
open_all(struct vring *vring, uint32_t index)
{
    return open_vring(vring, EXO_BOOT_CELL, DEVICE, index, 0, 0, BATCH * BYTES / EXO_PAGE_BYTES);
}

static bool
open_device_with_offloads(void)
{
    struct exo_device_info info;
    check_equal(exo_again(exo_device_open(EXO_BOOT_CELL, DEVICE, 2, UINT64_MAX, 0).status), EXO_OK);
    check_equal(exo_device_info(DEVICE, &info), EXO_OK);
    return check_equal(info.accepted & (CSUM | MERGED), CSUM | MERGED);
}

/* The beginning of a TCP segment in IPv4, or IPv6, to nobody. */
static void
write_frame(uint8_t *frame, const struct header *header, bool six)
{
    memset(frame, 0, BYTES);
    memcpy(frame, header, HEADER);
    frame[HEADER] = 2;
    frame[HEADER + 12] = six ? 0x86 : 0x08;
    frame[HEADER + 13] = six ? 0xdd : 0x00;
    frame[HEADER + 14] = six ? 0x60 : 0x45;
    frame[HEADER + (six ? 20 : 23)] = 6;
}

static bool
send_all(struct vring *tx, const struct exo_descriptor *frames, uint16_t count)
{
    return check_equal(vring_submit(tx, frames, count).status, EXO_OK) && vring_wait(tx, count);
}

static void
no_header_harms_the_machine(void)
{
    struct vring tx;
    struct exo_descriptor frames[BATCH];
    if (!open_device_with_offloads() || !open_all(&tx, SEND))
        return;
    for (uint32_t i = 0; i < 2 * sizeof(headers) / sizeof(headers[0]); i++)
        for (uint32_t bytes = HEADER + 14; bytes < BYTES; bytes = 2 * bytes + 1) {
            write_frame(tx.memory.at, &headers[i / 2], i % 2 != 0);
            const struct exo_descriptor frame = vring_buffer(0, 0, 0, bytes);
            if (!send_all(&tx, &frame, 1))
                return;
        }
    for (uint32_t round = 0; round < ROUNDS; round++) {
        for (uint16_t i = 0; i < BATCH; i++) {
            uint8_t *at = (uint8_t *)tx.memory.at + i * BYTES;
            for (uint32_t byte = 0; byte < HEADER; byte++)
                at[byte] = (uint8_t)test_random();
            write_frame(at, (const struct header *)(const void *)at, test_random() % 2 != 0);
            frames[i] = vring_buffer(
                i, 0, i * BYTES, HEADER + 14 + (uint32_t)(test_random() % (BYTES - HEADER - 14)));
        }
        if (!send_all(&tx, frames, BATCH))
            return;
    }
}

/* The device says in how many buffers a frame lies. The least that a buffer may be is a header. */
static void
merged_buffers_may_be_as_small_as_a_header(void)
{
    struct vring rx;
    struct exo_descriptor buffers[BATCH];
    uint16_t count = 0;
    if (!open_device_with_offloads() || !open_all(&rx, RECEIVE))
        return;
    for (uint16_t i = 0; i < BATCH; i++)
        buffers[i] = vring_buffer(i, EXO_DESCRIPTOR_WRITE, i * BYTES, HEADER);
    check_equal(vring_submit(&rx, buffers, BATCH).status, EXO_OK);
    rt_printf("pump: 1 52:54:00:00:00:01 1\n"); /* a frame of 64 bytes, and one more */
    if (!vring_wait(&rx, 7))
        return;
    memcpy(&count, (const char *)rx.memory.at + 10, sizeof(count));
    check_equal(count, 7); /* 0, 12, 12, 12, 12, 12 and 4 bytes of it */
}

static const struct test tests[] = {
    TEST(no_header_harms_the_machine),
    TEST(merged_buffers_may_be_as_small_as_a_header),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}

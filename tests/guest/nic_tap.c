// config: smp=1,4 cpu=max devices=net:tap
/* Frames from the host's side of a tap, by a NIC of one's own and by a port: echoed where they lie.
 */
#include "test.h"

#include <net/nic.h>

#define DEVICE    EXO_BOOT_DEVICE
#define FRAMES    2000u
#define BUFFERS   128u
#define EVENT     1u
#define MAC       "52:54:00:00:00:01"
#define ETHERTYPE 0x88b5u /* tests/bench/work.h, as the sequence number behind it */
#define LAST      0xffffffffu

static struct nic nic;
static uint32_t echoed, altered;

/* Back to where it came from, in the buffer that it came in. False: it was the last. */
static bool
answer(const struct nic_frame *frame)
{
    uint8_t *bytes = nic_bytes(&nic, frame->buffer), from[6];
    uint32_t number;
    memcpy(&number, bytes + 16, sizeof(number));
    if (bytes[12] != ETHERTYPE >> 8 || bytes[13] != (ETHERTYPE & 0xff))
        return nic_receive_into(&nic, frame->buffer);
    if (number == LAST)
        return false;
    altered += frame->bytes != 64 || number >= FRAMES;
    memcpy(from, bytes + 6, 6);
    memcpy(bytes + 6, bytes, 6);
    memcpy(bytes, from, 6);
    echoed++;
    return check(nic_send(&nic, frame));
}

static bool
take_all(void)
{
    struct nic_frame frame;
    uint32_t buffer;
    while (nic_receive(&nic, &frame))
        if (!answer(&frame))
            return false;
    (void)nic_flush(&nic, false);
    while (nic_sent(&nic, &buffer))
        (void)nic_receive_into(&nic, buffer);
    return true;
}

static void
echo_all(const struct nic_source *source)
{
    echoed = altered = 0;
    if (!check_equal(nic_open(&nic, source), EXO_OK))
        return;
    rt_printf("pump: %u " MAC " 32\n", FRAMES);
    while (take_all() && nic.rx.error == EXO_OK)
        if (!check(nic_wait(&nic, test_patience())))
            break;
    check_equal(echoed, FRAMES);
    check_equal(altered, 0);
    check_equal(nic.rx.error, EXO_OK);
    nic_close(&nic);
}

static void
nic_of_its_own_echoes_all_frames(void)
{
    const struct nic_source source = {
        .cell = EXO_BOOT_CELL, .device = DEVICE, .buffers = BUFFERS, .event = EVENT};
    echo_all(&source);
    check_equal(nic.features & NIC_OFFLOADS, 0); /* nobody asked for any */
}

static void
port_echoes_all_frames(void)
{
    const struct nic_source source = {.cell = EXO_BOOT_CELL,
                                      .device = DEVICE,
                                      .buffers = BUFFERS,
                                      .event = EVENT,
                                      .port = true,
                                      .port_number = 1,
                                      .mac = {0x52, 0x54, 0, 0, 0, 1}};
    check_equal(exo_again(exo_device_open(EXO_BOOT_CELL, DEVICE, 2, 0, 2).status), EXO_OK);
    echo_all(&source);
}

static const struct test tests[] = {
    TEST(nic_of_its_own_echoes_all_frames),
    TEST(port_echoes_all_frames),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}

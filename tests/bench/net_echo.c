/* Echo of 64-byte frames over a private NIC on a tap: frames a second. The opponent is
 * baremetal/net_echo.c, in the same run. */
#include <net/nic.h>
#include <rt/console.h>
#include <rt/start.h>
#include <rt/string.h>
#include <rt/time.h>

#include "work.h"

#define NET     1u /* virtio device id */
#define BUFFERS 256u

static struct nic nic;
static uint64_t echoed, first_ticks;

static void
expect(bool condition, const char *what, int64_t value)
{
    if (!condition) {
        rt_printf("net_echo: %s: %lld\n", what, (long long)value);
        rt_exit(1);
    }
}

static void
open_nic(void)
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
}

/* Sends what came back to where it came from; false for the last frame. */
static bool
answer(const struct nic_frame *frame)
{
    struct work_frame *work = (struct work_frame *)(void *)nic_bytes(&nic, frame->buffer);
    uint8_t from[6];
    if (work->ethertype != __builtin_bswap16(WORK_ETHERTYPE))
        return nic_receive_into(&nic, frame->buffer);
    uint32_t sequence;
    memcpy(&sequence, (const char *)work + 16, sizeof(sequence));
    if (sequence == WORK_LAST)
        return false;
    if (echoed++ == 0)
        first_ticks = rt_ticks();
    memcpy(from, work->from, 6);
    memcpy(work->from, work->to, 6);
    memcpy(work->to, from, 6);
    expect(nic_send(&nic, frame), "the ring is full", nic.tx.error);
    return true;
}

/* All that has come is answered in one batch, and what was sent goes back in another. */
static void
echo_all(void)
{
    struct nic_frame frame;
    uint32_t buffer;
    for (;;) {
        while (nic_receive(&nic, &frame))
            if (!answer(&frame))
                return;
        (void)vq_flush(&nic.tx, false);
        while (nic_sent(&nic, &buffer))
            (void)nic_receive_into(&nic, buffer);
        (void)vq_flush(&nic.rx, false);
        expect(nic.rx.error == EXO_OK && nic.tx.error == EXO_OK, "a queue is broken", nic.rx.error);
    }
}

int
main(void)
{
    open_nic();
    rt_printf("pump: %u %s\n", WORK_FRAMES, WORK_MAC);
    echo_all();
    uint64_t ns = rt_ticks_to_ns(rt_ticks() - first_ticks);
    rt_printf("bench: net_echo %llu frames/s\n", (unsigned long long)(echoed * 1000000000ull / ns));
    return 0;
}

// config: smp=1 cpu=max build=release devices=net:tap timeout=120
/*
 * Echoes frames as fast as one CPU can that polls. A buffer goes round: the device fills it, its
 * addresses are exchanged in place, the device sends it, it is given back for receiving. All that
 * has come is taken at once; each queue's doorbell is rung once for it at most.
 */
#include "machine.h"
#include "virtio.h"

#include "../work.h"

#include <stdbool.h>

#define NET_HEADER   12u /* §5.1.6 */
#define BUFFER_BYTES 2048u

struct buffer {
    uint8_t header[NET_HEADER];
    struct work_frame frame;
    uint8_t rest[BUFFER_BYTES - NET_HEADER - sizeof(struct work_frame)];
};

enum { RECEIVE, SEND, QUEUES };

static struct ring rings[QUEUES];
static struct queue queues[QUEUES];
static _Alignas(4096) struct buffer buffers[QUEUE_ENTRIES];
static uint64_t first_ticks, echoed;

/* In both queues descriptor i is buffer i. */
static void
prepare(uint16_t i)
{
    uintptr_t address = (uintptr_t)&buffers[i];
    rings[RECEIVE].descriptors[i] = (struct descriptor){address, BUFFER_BYTES, DESCRIPTOR_WRITE, 0};
    rings[SEND].descriptors[i] = (struct descriptor){address, NET_HEADER + WORK_FRAME_BYTES, 0, 0};
    queue_add(&queues[RECEIVE], i);
}

static void
exchange(struct buffer *buffer)
{
    for (unsigned i = 0; i < sizeof(buffer->header); i++)
        buffer->header[i] = 0;
    for (unsigned i = 0; i < sizeof(buffer->frame.to); i++) {
        uint8_t byte = buffer->frame.to[i];
        buffer->frame.to[i] = buffer->frame.from[i];
        buffer->frame.from[i] = byte;
    }
}

/* What came in buffer i. Returns false for the last frame. */
static bool
answer(uint16_t i)
{
    struct buffer *buffer = &buffers[i];
    if (buffer->frame.ethertype != __builtin_bswap16(WORK_ETHERTYPE)) {
        queue_add(&queues[RECEIVE], i);
        return true;
    }
    if (buffer->frame.sequence == WORK_LAST)
        return false;
    if (echoed++ == 0)
        first_ticks = machine_ticks();
    exchange(buffer);
    queue_add(&queues[SEND], i);
    return true;
}

static void
echo_all(void)
{
    for (;;) {
        for (uint16_t used = queue_used(&queues[RECEIVE]); queues[RECEIVE].consumed != used;)
            if (!answer(queue_take(&queues[RECEIVE])))
                return;
        queue_publish(&queues[SEND]);
        for (uint16_t used = queue_used(&queues[SEND]); queues[SEND].consumed != used;)
            queue_add(&queues[RECEIVE], queue_take(&queues[SEND]));
        queue_publish(&queues[RECEIVE]);
    }
}

int
main(void)
{
    struct device device;
    device_open(&device, VIRTIO_NET);
    for (uint16_t i = 0; i < QUEUES; i++)
        queue_open(&queues[i], &device, i, &rings[i]);
    device_start(&device);
    for (uint16_t i = 0; i < QUEUE_ENTRIES; i++)
        prepare(i);
    queue_publish(&queues[RECEIVE]);
    machine_print("pump: ", WORK_FRAMES, " " WORK_MAC);
    echo_all();
    machine_print("bench: net_echo ", machine_rate(echoed, first_ticks, machine_ticks()),
                  " frames/s");
    return 0;
}

/* Both queues of a NIC, and the buffers that go round between them. */
#include <net/nic.h>
#include <rt/string.h>
#include <rt/sync.h>
#include <rt/time.h>

#define REFILL_PART 16u /* of the buffers, at once */

static uint64_t
mac_number(const uint8_t mac[6])
{
    uint64_t number = 0;
    memcpy(&number, mac, 6);
    return number;
}

/* Large segments only in buffers that are merged, and with their checksums left to us (§5.1.3.1).
 */
static uint64_t
features_of(const struct exo_device_info *info, uint64_t wanted)
{
    const uint64_t large = NIC_GUEST_TSO4 | NIC_GUEST_TSO6, needs = NIC_MERGED | NIC_GUEST_CHECKSUM;
    wanted &= info->offered;
    return (wanted & needs) == needs ? wanted : wanted & ~large;
}

static int64_t
open_session(struct nic *nic, const struct nic_source *source)
{
    struct exo_device_info info;
    int64_t err = exo_device_info(source->device, &info);
    if (err == EXO_OK)
        err = vq_open_device(source->cell, source->device, 2,
                             NIC_MAC | features_of(&info, source->features));
    if (err == EXO_OK)
        err = exo_device_info(source->device, &info);
    nic->features = info.accepted;
    if (err == EXO_OK)
        err = exo_device_config(source->device, 0, nic->mac, 6);
    if (err == EXO_OK && nic->features & NIC_STATUS && source->link_event != 0)
        err = vq_bind(source->device, EXO_BOOT_VCPU, source->link_event);
    return err;
}

static int64_t
open_queues(struct nic *nic, const struct nic_source *source)
{
    struct vq_source from = {.cell = source->cell, .device = source->device};
    int64_t err = EXO_OK;
    if (source->port) {
        from.index = 2 * source->port_number;
        from.first_or_mac = mac_number(source->mac);
        memcpy(nic->mac, source->mac, 6);
        nic->skip = NIC_HEADER_BYTES;
    } else {
        err = open_session(nic, source);
    }
    if (err == EXO_OK)
        err = vq_open(&nic->rx, &from);
    from.index++;
    return err == EXO_OK ? vq_open(&nic->tx, &from) : err;
}

static int64_t
make_buffers(struct nic *nic, uint32_t buffers)
{
    uint32_t pages = (buffers * NIC_BUFFER_BYTES + EXO_PAGE_BYTES - 1) / EXO_PAGE_BYTES;
    int64_t err = rt_memory_take(pages, EXO_PROT_READ | EXO_PROT_WRITE, &nic->memory);
    if (err != EXO_OK)
        return err;
    int64_t rx = vq_region(&nic->rx, nic->memory.slot, 0, pages, EXO_WRITE);
    int64_t tx = vq_region(&nic->tx, nic->memory.slot, 0, pages, EXO_READ);
    nic->rx_region = (uint16_t)rx;
    nic->tx_region = (uint16_t)tx;
    return rx < 0 ? rx : tx < 0 ? tx : EXO_OK;
}

static int64_t
start(struct nic *nic, const struct nic_source *source)
{
    int64_t err = open_queues(nic, source);
    if (err == EXO_OK)
        err = make_buffers(nic, source->buffers);
    if (err == EXO_OK)
        err = vq_bind(nic->rx.slot, EXO_BOOT_VCPU, source->event);
    if (err == EXO_OK)
        err = vq_bind(nic->tx.slot, EXO_BOOT_VCPU, source->event);
    for (uint32_t i = 0; err == EXO_OK && i < source->buffers; i++)
        err = nic_receive_into(nic, i) ? EXO_OK : EXO_E_LIMIT;
    return err == EXO_OK ? nic_flush(nic, false) : err;
}

int64_t
nic_open(struct nic *nic, const struct nic_source *source)
{
    *nic = (struct nic){
        .event = source->event, .device = source->device, .refill = source->buffers / REFILL_PART};
    nic->rx.error = nic->tx.error = EXO_E_SLOT;
    int64_t err = start(nic, source);
    if (err != EXO_OK)
        nic_close(nic);
    return err;
}

void
nic_close(struct nic *nic)
{
    vq_close(&nic->rx);
    vq_close(&nic->tx);
    if (nic->memory.at != NULL)
        rt_memory_put(&nic->memory);
}

bool
nic_has_link(const struct nic *nic)
{
    uint16_t status = 1; /* VIRTIO_NET_S_LINK_UP, virtio 1.2 §5.1.4 */
    if (nic->features & NIC_STATUS) {
        (void)exo_irq_ack(nic->device); /* first: a change behind this one is told again */
        (void)exo_device_config(nic->device, 6, &status, sizeof(status));
    }
    return (status & 1) != 0;
}

/* The length is the device's word: nothing is longer than its buffer. */
static bool
next_part(void *context, struct wire_part *part)
{
    struct nic *nic = context;
    uint32_t buffer, length, room = NIC_BUFFER_BYTES - nic->skip;
    if (!vq_next(&nic->rx, &buffer, &length))
        return false;
    *part = (struct wire_part){(uint8_t *)nic->memory.at + buffer * NIC_BUFFER_BYTES + nic->skip,
                               buffer, length < room ? length : room};
    return true;
}

bool
nic_take(struct nic *nic, struct wire_frame *frame)
{
    for (;;) {
        enum wire_verdict verdict = wire_take(frame, NIC_HEADER_BYTES - nic->skip,
                                              nic->features & NIC_MERGED, next_part, nic);
        if (verdict == WIRE_FRAME || verdict == WIRE_NONE)
            return verdict == WIRE_FRAME;
        if (verdict == WIRE_LIE)
            nic->rx.error = EXO_E_RESET;
        for (uint32_t i = 0; i < frame->parts; i++)
            (void)nic_receive_into(nic, frame->part[i].buffer);
        if (verdict == WIRE_LIE)
            return false;
    }
}

int64_t
nic_flush(struct nic *nic, bool arm)
{
    bool few = !arm && nic->rx.batched < nic->refill;
    int64_t rx = few ? nic->rx.error : vq_flush(&nic->rx, arm), tx = vq_flush(&nic->tx, arm);
    return rx != EXO_OK ? rx : tx;
}

bool
nic_wait(struct nic *nic, uint64_t deadline_ticks)
{
    for (;;) {
        int64_t err = nic_flush(nic, true);
        if (err == EXO_E_AGAIN)
            return true;
        if (err != EXO_OK || rt_ticks() >= deadline_ticks)
            return false;
        (void)rt_wait_events(nic->event, deadline_ticks);
    }
}

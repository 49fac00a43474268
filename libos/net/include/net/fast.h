/*
 * What is done for each frame, inline, as in virtio/fast.h. <net/nic.h> includes this, and has the
 * contract.
 */
#ifndef NET_FAST_H
#define NET_FAST_H

static inline struct vq_part
nic_part(const struct nic *nic, uint16_t region, uint32_t buffer, bool write, uint32_t bytes)
{
    return (struct vq_part){region, write, buffer * NIC_BUFFER_BYTES + nic->skip,
                            NIC_HEADER_BYTES + bytes - nic->skip};
}

static inline bool
nic_receive_into(struct nic *nic, uint32_t buffer)
{
    struct vq_part part =
        nic_part(nic, nic->rx_region, buffer, true, NIC_BUFFER_BYTES - NIC_HEADER_BYTES);
    return vq_add_as(&nic->rx, buffer, &part);
}

static inline bool
nic_receive(struct nic *nic, struct nic_frame *frame)
{
    uint32_t buffer, length;
    if (!vq_next(&nic->rx, &buffer, &length))
        return false;
    /* The length is the device's word: no frame is longer than its buffer, or shorter than nothing.
     */
    uint32_t bytes = length + nic->skip;
    bytes = bytes < NIC_HEADER_BYTES ? 0 : bytes - NIC_HEADER_BYTES;
    *frame = (struct nic_frame){buffer, bytes < NIC_FRAME_MAX ? bytes : NIC_FRAME_MAX};
    return true;
}

static inline bool
nic_send(struct nic *nic, const struct nic_frame *frame)
{
    struct vq_part part = nic_part(nic, nic->tx_region, frame->buffer, false, frame->bytes);
    memset(nic_bytes(nic, frame->buffer) - NIC_HEADER_BYTES, 0, NIC_HEADER_BYTES);
    return vq_add(&nic->tx, &part, 1, frame->buffer);
}

static inline bool
nic_sent(struct nic *nic, uint32_t *buffer)
{
    struct vq_done done;
    bool any = vq_poll(&nic->tx, &done);
    if (any)
        *buffer = (uint32_t)done.cookie;
    return any;
}

#endif

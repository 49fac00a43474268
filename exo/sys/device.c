/* System calls on devices: what they are, and their configuration. */
#include "sys/sys.h"
#include "virtio/transport.h"

/* Still answers for one that is gone, as far as it was known. */
err_t
sys_device_info(struct vcpu *self, uint64_t *x)
{
    LOOKUP(cap, x[0], EXO_TYPE_DEVICE, EXO_READ);
    struct device *device = cap.object;
    struct exo_device_info info = {
        .size = sizeof(info),
        .version = EXO_ABI_VERSION,
        .type = device->type,
        .offered = device->offered,
        .queues = device->queues,
        .config_bytes = device->config_bytes,
        .requester = device->requester,
        .object = (uint64_t)(uintptr_t)device,
    };
    lock_acquire(&device->lock);
    info.state = device->gone                   ? EXO_DEVICE_GONE
                 : device->state == DEVICE_OPEN ? EXO_DEVICE_OPEN
                                                : EXO_DEVICE_CLOSED;
    info.accepted = device->accepted;
    for (uint32_t queue = 0; queue < device->queues; queue++)
        info.queue_entries[queue] = transport_queue_entries(device, queue);
    lock_release(&device->lock);
    return arch_copy_out(x[1], &info, sizeof(info));
}

err_t
sys_device_config(struct vcpu *self, uint64_t *x)
{
    uint8_t config[EXO_CONFIG_BYTES_MAX];
    LOOKUP(cap, x[0], EXO_TYPE_DEVICE, EXO_READ);
    struct device *device = cap.object;
    if (x[3] == 0 || !range_fits(x[1], x[3], device->config_bytes))
        return EXO_E_RANGE;
    lock_acquire(&device->lock);
    bool whole = transport_config(device, (uint32_t)x[1], config, (uint32_t)x[3]);
    uint8_t status = transport_status(device);
    lock_release(&device->lock);
    if (status == STATUS_GONE) {
        if (!device->gone)
            (void)device_removed(device);
        return EXO_E_GONE;
    }
    return whole ? arch_copy_out(x[2], config, x[3]) : EXO_E_AGAIN;
}

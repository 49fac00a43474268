/* The program's devices, as they were granted. */
#include <net/find.h>

#define TYPE_NET 1u /* virtio 1.2 §5 */
#define DEVICES  32u

uint32_t
nic_find_device(void)
{
    struct exo_device_info info;
    for (uint32_t slot = EXO_BOOT_DEVICE; slot < EXO_BOOT_DEVICE + DEVICES; slot++)
        if (exo_device_info(slot, &info) == EXO_OK && info.type == TYPE_NET)
            return slot;
    return EXO_NONE;
}

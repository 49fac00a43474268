/* I9: a device does DMA only while it is open, and has only features that the kernel can check. */
#include "debug/audit.h"

#include "pci/pci.h"
#include "virtio/device.h"

/* What does not answer any more reads as all ones. */
static void
check_mastering(const struct device *device)
{
    uint32_t command = pci_read(device->requester, PCI_COMMAND);
    bool on = (command & PCI_MASTER) != 0, answers = command != UINT32_MAX;
    AUDIT(9, !answers || on == (device->state == DEVICE_OPEN), "device %lx is %s and may %sdo DMA",
          audit_name(device), device->state == DEVICE_OPEN ? "open" : "closed", on ? "" : "not ");
}

void
audit_devices(void)
{
    for (const struct device *device = devices; device < &devices[device_count]; device++) {
        if (!device->gone)
            check_mastering(device);
        AUDIT(9,
              (device->offered & ~device_features(device->type)) == 0 &&
                  (device->accepted & ~device->offered) == 0,
              "device %lx has features %lx of %lx", audit_name(device),
              (unsigned long)device->accepted, (unsigned long)device->offered);
        AUDIT(9, device->accepted == 0 || device->state == DEVICE_OPEN,
              "device %lx is closed and has features", audit_name(device));
        AUDIT(9, irq_entry(device->first_lpi)->irq == &device->config_irq,
              "device %lx: its line %u is another's", audit_name(device), device->first_lpi);
    }
}

// config: runs=20000 max_len=512
/* PCI enumeration: the input is what some registers of a few functions say, or let be written. */
#include "host/fake_pci.h"

#include <stddef.h>
#include <string.h>

#define POKE_BYTES 8 /* function, register, what of it, spare; its new value */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    fake_pci_begin();
    struct fake_function *port = fake_port(NULL, 1), *behind = fake_port(port, 0);
    fake_endpoint(NULL, 2, DEVICE_NET);
    fake_endpoint(port, 1, DEVICE_BLOCK);
    fake_endpoint(behind, 0, DEVICE_RNG);
    fake_endpoint(NULL, 3, DEVICE_NET);
    for (size_t at = 0; at + POKE_BYTES <= bytes; at += POKE_BYTES) {
        struct fake_function *function = &fake_functions[data[at] % fake_count];
        uint32_t *words = data[at + 2] & 1 ? function->writable : function->value;
        memcpy(&words[data[at + 1] % FAKE_REGISTERS], &data[at + 4], 4);
    }
    pci_scan();
    fake_check_devices();
    fake_slot_event(port, bytes == 0 ? 1 : data[0]);
    return 0;
}

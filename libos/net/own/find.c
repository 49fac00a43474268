/* A NIC of the program's own: its driver opens the device (nic.c). */
#include <net/find.h>

int64_t
nic_find(struct nic_source *source)
{
    source->device = nic_find_device();
    return source->device != EXO_NONE ? EXO_OK : EXO_E_SLOT;
}

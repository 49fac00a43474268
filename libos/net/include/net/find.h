/*
 * Which NIC is this program's: what the variants of the part `net` differ in.
 *
 *   own    the first NIC among the program's devices, all of it
 *   port   a port of it. With `net.port=N net.mac=xx:xx:xx:xx:xx:xx` on the command line the device
 *          was opened with ports by whoever started the program, and port N with that MAC is meant;
 *          without, the program opens the device itself, with one port that has the device's MAC
 */
#ifndef NET_FIND_H
#define NET_FIND_H

#include <net/nic.h>

/*
 * Fills in device and port; `source->cell` pays for a session that has to be opened. EXO_E_SLOT:
 * there is no NIC; EXO_E_ARG: words of the command line that are none of the above; errors of
 * device_open.
 */
int64_t nic_find(struct nic_source *source);

/* The slot of the first NIC among the program's devices; EXO_NONE. For the variants. */
uint32_t nic_find_device(void);

#endif

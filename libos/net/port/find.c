/* A port of a shared NIC. */
#include <net/find.h>
#include <rt/start.h>

#define MAC_BYTES 6u
#define MAC_TEXT  (3 * MAC_BYTES) /* xx:xx:xx:xx:xx:xx and NUL */

static int
digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
read_mac(const char *text, uint8_t mac[MAC_BYTES])
{
    for (uint32_t i = 0; i < MAC_BYTES; i++, text += 3) {
        int high = digit(text[0]), low = high < 0 ? -1 : digit(text[1]);
        if (low < 0 || text[2] != (i + 1 < MAC_BYTES ? ':' : '\0'))
            return false;
        mac[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}

/* The only port of a device that nobody else has. */
static int64_t
open_device(struct nic_source *source)
{
    int64_t err = exo_again(exo_device_open(source->cell, source->device, 2, NIC_MAC, 1).status);
    return err == EXO_OK ? exo_device_config(source->device, 0, source->mac, MAC_BYTES) : err;
}

int64_t
nic_find(struct nic_source *source)
{
    char text[MAC_TEXT + 1]; /* one more, so that a longer word is not cut to a good one */
    source->device = nic_find_device();
    source->port = true;
    source->port_number = (uint32_t)rt_option_number("net.port", EXO_NONE);
    if (source->device == EXO_NONE)
        return EXO_E_SLOT;
    if (source->port_number == EXO_NONE) {
        source->port_number = 0;
        return open_device(source);
    }
    bool given = source->port_number < EXO_PORTS_MAX && rt_option("net.mac", text, sizeof(text));
    return given && read_mac(text, source->mac) ? EXO_OK : EXO_E_ARG;
}

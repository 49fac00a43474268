/* IPv4 addresses as people write them. */
#include <net/ip4.h>

bool
ip4_parse(const char *text, uint8_t ip[4])
{
    for (unsigned i = 0; i < 4; i++) {
        unsigned value = 0, digits = 0;
        for (; *text >= '0' && *text <= '9' && digits < 4; digits++)
            value = value * 10 + (unsigned)(*text++ - '0');
        if (digits == 0 || digits > 3 || value > 255 || *text != (i < 3 ? '.' : '\0'))
            return false;
        text += i < 3;
        ip[i] = (uint8_t)value;
    }
    return true;
}

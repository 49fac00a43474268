/* Words of the kernel's command line. */
#include "private.h"

/* The word `name=...`; behind the equals sign. NULL: not there. */
static const char *
find(const char *line, const char *name)
{
    size_t length = strlen(name);
    while (*line != '\0') {
        if (strncmp(line, name, length) == 0 && line[length] == '=')
            return line + length + 1;
        while (*line != '\0' && *line != ' ')
            line++;
        while (*line == ' ')
            line++;
    }
    return NULL;
}

bool
rt_option(const char *name, char *value, unsigned size)
{
    const char *from = rt_boot == NULL ? NULL : find(rt_boot->cmdline, name);
    unsigned length = 0;
    if (from == NULL || size == 0)
        return false;
    while (length + 1 < size && from[length] != '\0' && from[length] != ' ') {
        value[length] = from[length];
        length++;
    }
    value[length] = '\0';
    return true;
}

static int
digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

uint64_t
rt_option_number(const char *name, uint64_t otherwise)
{
    char text[32];
    if (!rt_option(name, text, sizeof(text)))
        return otherwise;
    bool hexadecimal = text[0] == '0' && text[1] == 'x';
    int base = hexadecimal ? 16 : 10;
    uint64_t number = 0;
    for (const char *at = text + (hexadecimal ? 2 : 0); digit(*at) < base; at++)
        number = number * (uint64_t)base + (uint64_t)digit(*at);
    return number;
}

/*
 * The kernel's voice, for boot and panic only: a PL011 (DDI 0183), polled, and the part of printf
 * that those need: %s %c %d %u %x %p %%, with 0, width, l, ll and z.
 */
#include "arch/machine.h"

#include <stdarg.h>

#define UART_DR      0x00
#define UART_FR      0x18
#define UART_FR_FULL (1u << 5)

#define DIGITS_MAX 20

static char *uart; /* NULL: nobody hears */

void
console_init(void *registers)
{
    uart = registers;
}

static void
put_char(char c)
{
    if (uart == NULL)
        return;
    while ((*(volatile uint32_t *)(void *)(uart + UART_FR) & UART_FR_FULL) != 0) {
    }
    *(volatile uint32_t *)(void *)(uart + UART_DR) = (uint8_t)c;
}

static void
put_text(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\n')
            put_char('\r');
        put_char(*text);
    }
}

static void
put_number(uint64_t value, unsigned base, unsigned width, char fill)
{
    char digits[DIGITS_MAX];
    unsigned count = 0;
    do {
        digits[count++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    for (; width > count; width--)
        put_char(fill);
    while (count > 0)
        put_char(digits[--count]);
}

/* What stands between % and the conversion. */
struct conversion {
    char fill;
    unsigned width;
    bool is_long;
};

static const char *
parse(const char *format, struct conversion *conversion)
{
    *conversion = (struct conversion){.fill = *format == '0' ? '0' : ' '};
    for (; *format >= '0' && *format <= '9'; format++)
        conversion->width = conversion->width * 10 + (unsigned)(*format - '0');
    for (; *format == 'l' || *format == 'z'; format++)
        conversion->is_long = true;
    return format;
}

static void
put_signed(int64_t value, const struct conversion *c)
{
    if (value < 0)
        put_char('-');
    put_number(value < 0 ? -(uint64_t)value : (uint64_t)value, 10, c->width, c->fill);
}

void
console_vprintf(const char *format, va_list arguments)
{
    struct conversion c;
    for (; *format != '\0'; format++) {
        if (*format != '%') {
            put_text((char[]){*format, '\0'});
            continue;
        }
        format = parse(format + 1, &c);
        switch (*format) {
        case 's': put_text(va_arg(arguments, const char *)); break;
        case 'c': put_char((char)va_arg(arguments, int)); break;
        case 'd':
            put_signed(c.is_long ? va_arg(arguments, long) : va_arg(arguments, int), &c);
            break;
        case 'p': put_number(va_arg(arguments, uintptr_t), 16, 16, '0'); break;
        case 'u':
        case 'x':
            put_number(c.is_long ? va_arg(arguments, unsigned long) : va_arg(arguments, unsigned),
                       *format == 'x' ? 16 : 10, c.width, c.fill);
            break;
        case '\0': return;
        default: put_char(*format); break;
        }
    }
}

void
console_printf(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    console_vprintf(format, arguments);
    va_end(arguments);
}

/*
 * The kernel's voice, for boot and panic only: a PL011 (DDI 0183), polled, and the part of printf
 * that those need: %s %d %u %x %p, with l.
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
    if (c == '\n')
        put_char('\r');
    while ((*(volatile uint32_t *)(void *)(uart + UART_FR) & UART_FR_FULL) != 0) {
    }
    *(volatile uint32_t *)(void *)(uart + UART_DR) = (uint8_t)c;
}

static void
put_number(uint64_t value, unsigned base, unsigned digits_min)
{
    char digits[DIGITS_MAX];
    unsigned count = 0;
    for (; value != 0 || count < digits_min; value /= base)
        digits[count++] = "0123456789abcdef"[value % base];
    while (count > 0)
        put_char(digits[--count]);
}

void
console_vprintf(const char *format, va_list arguments)
{
    for (; *format != '\0'; format++) {
        if (*format != '%') {
            put_char(*format);
            continue;
        }
        bool is_long = format[1] == 'l' || format[1] == 'p';
        format += format[1] == 'l' ? 2 : 1;
        if (*format == 's') {
            for (const char *text = va_arg(arguments, const char *); *text != '\0'; text++)
                put_char(*text);
            continue;
        }
        int64_t value = is_long ? va_arg(arguments, long) : va_arg(arguments, int);
        if (*format == 'd' && value < 0) {
            put_char('-');
            value = -value;
        }
        put_number(is_long ? (uint64_t)value : (uint32_t)value,
                   *format == 'x' || *format == 'p' ? 16 : 10, *format == 'p' ? 16 : 1);
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

/*
 * The console: a PL011 that this program drives itself, by polling (Arm DDI 0183). Only who holds
 * the frames capability in slot EXO_BOOT_CONSOLE has one; for others these functions do nothing.
 *
 * A call of rt_printf appears as a whole among those of other vCPUs of this environment; between
 * environments that share the device, lines may mix.
 */
#ifndef RT_CONSOLE_H
#define RT_CONSOLE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#define RT_CONSOLE_VA   0x10000ull
#define RT_LINE_BYTES   256u /* longest output of one rt_printf; the rest is cut off */
#define RT_FORMAT(f, a) __attribute__((format(printf, f, a)))

/* Maps and enables the device; rt's start-up has done it. False: no such capability. */
bool rt_console_open(void);

void rt_write(const char *bytes, size_t count);
void rt_printf(const char *format, ...) RT_FORMAT(1, 2);

/* One byte that was received, or -1. */
int rt_read(void);

/* From now on the device signals by its interrupt, a level, while there are bytes to read. */
void rt_console_interrupts(void);

/*
 * Formats into `to` (size > 0; always terminated) and returns the length, cut to fit. Knows
 * %c %s %d %i %u %x %p %%, the lengths l, ll and z, a width, and the flags 0 and -.
 */
size_t rt_format(char *to, size_t size, const char *format, ...) RT_FORMAT(3, 4);
size_t rt_format_list(char *to, size_t size, const char *format, va_list list) RT_FORMAT(3, 0);

#endif

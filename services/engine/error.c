/* Texts of errors, without a C library. */
#include "engine/error.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#define NUMBER_MAX 20 /* digits of 64 bits */

struct text {
    char *at, *end; /* the byte at `end` is kept for the zero */
};

static void
put_char(struct text *text, char c)
{
    if (text->at < text->end)
        *text->at++ = c;
}

static void
put_text(struct text *text, const char *from)
{
    while (*from)
        put_char(text, *from++);
}

static void
put_number(struct text *text, uint64_t number, unsigned base)
{
    char digits[NUMBER_MAX];
    unsigned count = 0;
    do {
        digits[count++] = "0123456789abcdef"[number % base];
        number /= base;
    } while (number != 0);
    while (count > 0)
        put_char(text, digits[--count]);
}

static void
put_signed(struct text *text, int number)
{
    if (number < 0)
        put_char(text, '-');
    put_number(text, number < 0 ? 0u - (uint32_t)number : (uint32_t)number, 10);
}

/* One conversion, at the character behind the percent sign; returns what follows it. */
static const char *
put_argument(struct text *text, const char *format, va_list *arguments)
{
    switch (*format) {
    case 's': put_text(text, va_arg(*arguments, const char *)); break;
    case 'd': put_signed(text, va_arg(*arguments, int)); break;
    case 'u': put_number(text, va_arg(*arguments, uint32_t), 10); break;
    case 'x': put_number(text, va_arg(*arguments, uint32_t), 16); break;
    case 'l': put_number(text, va_arg(*arguments, uint64_t), 10); return format + 2;
    default: put_char(text, '%'); break;
    }
    return format + 1;
}

int
engine_fail(struct engine_error *error, int status, const char *format, ...)
{
    if (error == NULL)
        return status;
    struct text text = {error->text, error->text + sizeof error->text - 1};
    va_list arguments;
    va_start(arguments, format);
    while (*format)
        if (*format == '%')
            format = put_argument(&text, format + 1, &arguments);
        else
            put_char(&text, *format++);
    va_end(arguments);
    *text.at = '\0';
    return status;
}

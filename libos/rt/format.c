/* The formatter behind rt_printf. Integers and strings only. */
#include "private.h"

struct output {
    char *to;
    size_t size, length;
};

/* One conversion specification, from % on. */
struct spec {
    bool left, zero;
    int width;
    int longs; /* 0: int, 1: long, size_t, 2: long long */
};

static void
put(struct output *out, char c)
{
    if (out->length + 1 < out->size)
        out->to[out->length++] = c;
}

static void
pad(struct output *out, char with, int count)
{
    for (; count > 0; count--)
        put(out, with);
}

static void
put_text(struct output *out, const struct spec *spec, const char *text, size_t length)
{
    int fill = spec->width - (int)length;
    if (!spec->left)
        pad(out, ' ', fill);
    for (size_t i = 0; i < length; i++)
        put(out, text[i]);
    if (spec->left)
        pad(out, ' ', fill);
}

static void
put_number(struct output *out, const struct spec *spec, uint64_t value, unsigned base,
           const char *prefix)
{
    char digits[24];
    size_t at = sizeof(digits), signs = strlen(prefix);
    do {
        digits[--at] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    size_t length = sizeof(digits) - at;
    if (spec->zero && !spec->left) {
        put_text(out, &(struct spec){0}, prefix, signs);
        pad(out, '0', spec->width - (int)(length + signs));
        put_text(out, &(struct spec){0}, digits + at, length);
        return;
    }
    while (signs > 0) {
        digits[--at] = prefix[--signs];
        length++;
    }
    put_text(out, spec, digits + at, length);
}

static const char *
read_spec(const char *format, struct spec *spec)
{
    *spec = (struct spec){0};
    for (;; format++)
        if (*format == '-')
            spec->left = true;
        else if (*format == '0')
            spec->zero = true;
        else
            break;
    for (; *format >= '0' && *format <= '9'; format++)
        spec->width = spec->width * 10 + (*format - '0');
    for (; *format == 'l' || *format == 'z'; format++)
        spec->longs++;
    return format;
}

static uint64_t
take_unsigned(const struct spec *spec, va_list *list)
{
    return spec->longs > 0 ? va_arg(*list, unsigned long) : va_arg(*list, unsigned int);
}

static int64_t
take_signed(const struct spec *spec, va_list *list)
{
    return spec->longs > 0 ? va_arg(*list, long) : va_arg(*list, int);
}

static void
convert(struct output *out, const struct spec *spec, char kind, va_list *list)
{
    switch (kind) {
    case 'c': {
        char c = (char)va_arg(*list, int);
        put_text(out, spec, &c, 1);
        break;
    }
    case 's': {
        const char *text = va_arg(*list, const char *);
        put_text(out, spec, text, strlen(text));
        break;
    }
    case 'd':
    case 'i': {
        int64_t value = take_signed(spec, list);
        uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
        put_number(out, spec, size, 10, value < 0 ? "-" : "");
        break;
    }
    case 'u': put_number(out, spec, take_unsigned(spec, list), 10, ""); break;
    case 'x': put_number(out, spec, take_unsigned(spec, list), 16, ""); break;
    case 'p': put_number(out, spec, (uintptr_t)va_arg(*list, void *), 16, "0x"); break;
    default: put(out, kind); break;
    }
}

size_t
rt_format_list(char *to, size_t size, const char *format, va_list list)
{
    struct output out = {to, size, 0};
    va_list rest;
    va_copy(rest, list);
    while (*format != '\0') {
        if (*format != '%') {
            put(&out, *format++);
            continue;
        }
        struct spec spec;
        format = read_spec(format + 1, &spec);
        if (*format != '\0')
            convert(&out, &spec, *format++, &rest);
    }
    va_end(rest);
    to[out.length] = '\0';
    return out.length;
}

size_t
rt_format(char *to, size_t size, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    size_t length = rt_format_list(to, size, format, list);
    va_end(list);
    return length;
}

/* Reasons. */
#include <stdarg.h>
#include <stdio.h>

#include <model/why.h>

bool
why_set(struct why *why, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(why->text, sizeof(why->text), format, list);
    va_end(list);
    return false;
}

/* Written by hand: strftime would bring the C library's time zones along. */
#include "http_date.h"

#include <stdbool.h>
#include <stdio.h>

#define DAY_S   86400
#define FOREVER 253402300800 /* the year 10000 */

static const char days[][4] = {"Thu", "Fri", "Sat", "Sun",
                               "Mon", "Tue", "Wed"}; /* 1970-01-01 first */
static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

static bool
is_leap(unsigned year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static unsigned
days_of(unsigned month, unsigned year)
{
    static const uint8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return lengths[month] + (unsigned)(month == 1 && is_leap(year));
}

void
http_date_turn(struct http_date *date, int64_t second)
{
    if (second == date->second || second <= 0 || second >= FOREVER)
        return;
    unsigned day = (unsigned)(second / DAY_S), clock = (unsigned)(second % DAY_S);
    unsigned year = 1970, month = 0, left = day;
    for (; left >= 365u + is_leap(year); year++)
        left -= 365u + is_leap(year);
    for (; left >= days_of(month, year); month++)
        left -= days_of(month, year);
    date->second = second;
    (void)snprintf(date->line, sizeof(date->line), "Date: %s, %02u %s %04u %02u:%02u:%02u GMT\r\n",
                   days[day % 7], left + 1, months[month], year, clock / 3600, clock / 60 % 60,
                   clock % 60);
}

/* The Date header line: RFC 9110 §5.6.7, §6.6.1. */
#ifndef LLMD_HTTP_DATE_H
#define LLMD_HTTP_DATE_H

#include <stdint.h>

struct http_date {
    int64_t second; /* that the line is of */
    char line[40];  /* "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"; "" at first */
};

/* Makes the line that of `second` since 1970, unless it is. From 1970 to 9999; others change
 * nothing. */
void http_date_turn(struct http_date *date, int64_t second);

#endif

/*
 * A connection (services/llmd/http.h), the other end of it, and a handler that answers each request
 * with `fine`.
 */
#ifndef HTTP_OTHER_END_H
#define HTTP_OTHER_END_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http.h"

#define LONGER     (64u << 10)
#define FINE_BYTES 69u

extern struct http_conn conn;
extern uint64_t answered[6];
extern char got[4 * LONGER]; /* all that was sent */
extern size_t got_bytes;
extern struct http_request last; /* the newest request; strings copied: */
extern char last_path[HTTP_TARGET_MAX], last_query[HTTP_TARGET_MAX], last_body[HTTP_BODY_MAX + 1];
extern unsigned requests;
extern bool later;        /* the handler leaves the answer to the test */
extern const char fine[]; /* the usual response, of FINE_BYTES */

/* The usual handler; its context is `answered`. */
http_handler handler;

/* Before and after a test. */
int begin(void **state);
int end(void **state);
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

/* Takes, and acknowledges, all that the connection has to send. */
void drain(void);

/* Says all of it at once; what is not used is offered again after the output was taken. */
void say(const char *text);

/* Says it to a new connection, which answers with that status, calls no handler, and ends. */
void is_refused(const char *text, const char *status);

#endif

/* The server's side of an HTTP connection: what it answers, byte for byte, however bytes arrive. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "http.h"
#include "http_date.h"

#define LONGER (64u << 10)

/* --- A connection and its other end -------------------------------------------------------------
 */

static struct http_conn conn;
static uint64_t answered[6];
static char got[4 * LONGER]; /* all that was sent */
static size_t got_bytes;
static struct http_request last; /* the newest request; strings copied: */
static char last_path[HTTP_TARGET_MAX], last_query[HTTP_TARGET_MAX], last_body[HTTP_BODY_MAX + 1];
static unsigned requests;
static bool later; /* the handler leaves the answer to the test */

static void
handler(struct http_conn *from, const struct http_request *request, void *context)
{
    assert_ptr_equal(context, &answered);
    requests++;
    last = *request;
    strcpy(last_path, request->path);
    strcpy(last_query, request->query);
    memcpy(last_body, request->body, request->body_bytes);
    last_body[request->body_bytes] = '\0';
    if (!later)
        http_respond(from, 200, "text/plain", "fine\n", 5);
}

static void
drain(void)
{
    const char *bytes;
    for (size_t count; (count = http_output(&conn, &bytes)) > 0;) {
        assert_true(got_bytes + count < sizeof(got));
        memcpy(got + got_bytes, bytes, count);
        got_bytes += count;
        http_taken(&conn, count);
        http_acknowledged(&conn, count, 0);
    }
    got[got_bytes] = '\0';
}

static int
begin(void **state)
{
    (void)state;
    http_open(&conn, handler, &answered, 0);
    conn.answered = answered;
    memset(answered, 0, sizeof(answered));
    got_bytes = requests = 0;
    got[0] = '\0';
    later = false;
    return 0;
}

static int
end(void **state)
{
    (void)state;
    http_close(&conn);
    return 0;
}

/* All of it at once; what is not used is offered again after the output was taken. */
static void
say(const char *text)
{
    size_t length = strlen(text);
    for (size_t used = 0; used < length && !http_is_over(&conn);) {
        used += http_receive(&conn, text + used, length - used, 0);
        drain();
    }
    drain();
}

static void
is_refused(const char *text, const char *status)
{
    say(text);
    assert_int_equal(strncmp(got, "HTTP/1.1 ", 9), 0);
    assert_int_equal(strncmp(got + 9, status, 3), 0);
    assert_non_null(strstr(got, "Connection: close\r\n"));
    assert_true(http_is_over(&conn));
    assert_int_equal(requests, 0);
    assert_int_equal(answered[status[0] - '0'], 1);
}

static const char fine[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                           "Content-Length: 5\r\n\r\nfine\n";

/* --- Requests -----------------------------------------------------------------------------------
 */

static void
request_is_answered(void **state)
{
    (void)state;
    say("GET /health?a=1&b HTTP/1.1\r\nHost: here\r\n\r\n");
    assert_string_equal(got, fine);
    assert_int_equal(last.method, HTTP_GET_OR_HEAD);
    assert_string_equal(last_path, "/health");
    assert_string_equal(last_query, "a=1&b");
    assert_int_equal(last.body_bytes, 0);
    assert_false(http_is_over(&conn));
    assert_int_equal(answered[2], 1);
}

static void
absolute_target_loses_its_authority(void **state)
{
    (void)state;
    say("GET http://here:80/metrics HTTP/1.1\r\nHost: here\r\n\r\n");
    assert_string_equal(last_path, "/metrics");
}

static void
requests_are_the_same_however_they_are_cut(void **state)
{
    static const char text[] =
        "POST /completion?n=3 HTTP/1.1\r\nHost: here\r\nContent-Length: 11\r\n\r\nOnce upon a"
        "POST /c HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n"
        "4\r\nOnce\r\n5;x=y\r\n upon\r\n0\r\n\r\n";
    (void)state;
    for (size_t cut = 1; cut < sizeof(text) - 1; cut++) {
        http_open(&conn, handler, &answered, 0);
        got_bytes = requests = 0;
        assert_int_equal(http_receive(&conn, text, cut, 0), cut);
        assert_int_equal(http_receive(&conn, text + cut, sizeof(text) - 1 - cut, 0),
                         sizeof(text) - 1 - cut);
        drain();
        assert_int_equal(requests, 2);
        assert_string_equal(last_path, "/c");
        assert_string_equal(last_body, "Once upon");
        assert_int_equal(got_bytes, 2 * (sizeof(fine) - 1));
        http_close(&conn);
    }
}

static void
pipelined_requests_wait_for_each_other(void **state)
{
    static const char two[] =
        "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n";
    (void)state;
    later = true;
    size_t used = http_receive(&conn, two, sizeof(two) - 1, 0);
    assert_int_equal(used, (sizeof(two) - 1) / 2);
    assert_string_equal(last_path, "/1");
    assert_false(http_receives(&conn));
    assert_int_equal(http_receive(&conn, two + used, sizeof(two) - 1 - used, 0), 0);
    http_respond(&conn, 200, "text/plain", "one", 3);
    assert_true(http_receives(&conn));
    assert_int_equal(http_receive(&conn, two + used, sizeof(two) - 1 - used, 0), used);
    assert_string_equal(last_path, "/2");
}

static void
many_pipelined_requests_are_all_answered(void **state)
{
    static const char one[] = "GET /health HTTP/1.1\r\nHost: h\r\n\r\n";
    static char all[400 * sizeof(one)];
    (void)state;
    for (unsigned i = 0; i < 400; i++)
        strcat(all, one);
    say(all);
    assert_int_equal(requests, 400);
    assert_int_equal(got_bytes, 400 * (sizeof(fine) - 1));
}

static void
upgrade_is_ignored(void **state)
{
    (void)state;
    say("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
    say("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(requests, 2);
}

static void
head_gets_no_body(void **state)
{
    (void)state;
    say("HEAD /health HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_string_equal(got, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                             "Content-Length: 5\r\n\r\n");
}

static void
expect_continue_is_answered_first(void **state)
{
    (void)state;
    say("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    assert_string_equal(got, "HTTP/1.1 100 Continue\r\n\r\n");
    say("ok");
    assert_string_equal(last_body, "ok");
}

static void
connection_closes_when_asked(void **state)
{
    static const char *const texts[] = {
        "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
    };
    for (int i = 0; i < 2; i++) {
        (void)begin(state);
        say(texts[i]);
        assert_non_null(strstr(got, "Connection: close\r\n"));
        assert_true(http_is_over(&conn));
    }
}

static void
old_client_may_keep_the_connection(void **state)
{
    (void)state;
    say("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_false(http_is_over(&conn));
}

/* --- Streams ------------------------------------------------------------------------------------
 */

static void
stream_is_chunked(void **state)
{
    (void)state;
    later = true;
    say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
    http_begin(&conn, 200, "text/plain", "Trailer: Finish-Reason\r\n");
    assert_true(http_write(&conn, "once", 4));
    assert_true(http_write(&conn, "", 0));
    assert_true(http_write(&conn, " upon a time", 12));
    http_end(&conn, "Finish-Reason: end\r\n");
    drain();
    assert_string_equal(got, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                             "Transfer-Encoding: chunked\r\nTrailer: Finish-Reason\r\n\r\n"
                             "4\r\nonce\r\nc\r\n upon a time\r\n0\r\nFinish-Reason: end\r\n\r\n");
    assert_false(http_is_over(&conn));
}

static void
stream_to_an_old_client_ends_with_the_connection(void **state)
{
    (void)state;
    later = true;
    say("POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n");
    http_begin(&conn, 200, "text/plain", "");
    assert_true(http_write(&conn, "once", 4));
    http_end(&conn, "");
    drain();
    assert_non_null(strstr(got, "Connection: close\r\n\r\nonce"));
    assert_null(strstr(got, "chunked"));
    assert_true(http_is_over(&conn));
}

static void
stream_stops_at_a_full_ring_and_goes_on(void **state)
{
    static char piece[HTTP_CHUNK_MAX];
    size_t written = 0;
    (void)state;
    later = true;
    memset(piece, 'x', sizeof(piece));
    say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
    http_begin(&conn, 200, "text/plain", "");
    while (http_write(&conn, piece, sizeof(piece)))
        written++;
    assert_int_equal(written, HTTP_OUTPUT_BYTES / HTTP_CHUNK_MAX - 1);
    drain();
    assert_true(http_write(&conn, piece, sizeof(piece)));
    http_end(&conn, "");
    drain();
    size_t count = 0;
    for (size_t i = 0; i < got_bytes; i++)
        count += got[i] == 'x';
    /* "text" has one, too */
    assert_int_equal(count, (written + 1) * HTTP_CHUNK_MAX + 1);
}

static void
nobody_writes_to_a_client_that_is_gone(void **state)
{
    (void)state;
    later = true;
    say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
    http_begin(&conn, 200, "text/plain", "");
    http_abort(&conn);
    assert_false(http_is_wanted(&conn));
    assert_false(http_write(&conn, "once", 4));
    http_end(&conn, "");
    assert_true(http_is_over(&conn));
}

static void
output_stays_until_it_is_acknowledged(void **state)
{
    const char *bytes, *same;
    (void)state;
    later = true;
    const char text[] = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    (void)http_receive(&conn, text, sizeof(text) - 1, 0);
    http_respond(&conn, 200, "text/plain", "fine\n", 5);
    size_t count = http_output(&conn, &bytes);
    http_taken(&conn, count);
    assert_int_equal(http_output(&conn, &same), 0);
    assert_int_equal(memcmp(bytes, fine, count), 0);
    assert_int_equal(HTTP_OUTPUT_BYTES - (conn.written - conn.acknowledged),
                     HTTP_OUTPUT_BYTES - count);
    http_acknowledged(&conn, count, 0);
    assert_int_equal(conn.written, conn.acknowledged);
}

/* --- Refusals -----------------------------------------------------------------------------------
 */

static void
malformed_requests_are_refused(void **state)
{
    static const char *const texts[] = {
        "\x16\x03\x01\x02", /* TLS */
        "GET\r\n\r\n",
        " GET / HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",                       /* no Host */
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", /* two */
        "GET / HTTP/1.1\r\nHost : h\r\n\r\n",           /* RFC 9112 5.1 */
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1x\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nName: a\x01z\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\n: value\r\n\r\n",
        "GET / HTTP/1.1 HTTP/1.1\r\nHost: h\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        (void)begin(state);
        is_refused(texts[i], "400");
    }
}

/* However it is cut: the wrong line end may begin in one piece and end in the next. */
static void
chunk_must_end_where_it_says(void **state)
{
    static const char head[] = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    static const char *const bodies[] = {"1\r\nOnce\r\n0\r\n\r\n", "1\r\nO\n\n0\r\n\r\n",
                                         "1\r\nO\r\r0\r\n\r\n", "1\r\nOxn0\r\n\r\n"};
    for (size_t i = 0; i < 4 * strlen(bodies[0]); i++) {
        const char *body = bodies[i % 4];
        size_t cut = i / 4 < strlen(body) ? i / 4 : strlen(body);
        (void)begin(state);
        say(head);
        size_t used = http_receive(&conn, body, cut, 0);
        assert_int_equal(used, cut);
        say(body + cut);
        assert_int_equal(requests, 0);
        assert_int_equal(strncmp(got, "HTTP/1.1 400", 12), 0);
        (void)end(state);
    }
    (void)begin(state);
}

static void
unknown_methods_are_not_implemented(void **state)
{
    static const char *const texts[] = {
        "BREW / HTTP/1.1\r\nHost: h\r\n\r\n",
        "GETS / HTTP/1.1\r\nHost: h\r\n\r\n",
        "get / HTTP/1.1\r\nHost: h\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        (void)begin(state);
        is_refused(texts[i], "501");
    }
}

static void
other_expectations_are_refused(void **state)
{
    (void)state;
    is_refused("POST / HTTP/1.1\r\nHost: h\r\nExpect: 200-ok\r\nContent-Length: 1\r\n\r\n", "417");
}

static void
other_versions_and_codings_are_refused(void **state)
{
    is_refused("GET / HTTP/3.0\r\nHost: h\r\n\r\n", "505");
    (void)begin(state);
    is_refused("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "501");
    (void)begin(state); /* chunked twice: RFC 9112 6.1 */
    is_refused("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", "400");
    (void)begin(state); /* its end cannot be found: RFC 9112 6.3 */
    is_refused("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", "400");
}

static void
long_target_is_refused(void **state)
{
    static char text[HTTP_TARGET_MAX + 64];
    (void)state;
    memcpy(text, "GET /", 5);
    memset(text + 5, 'a', HTTP_TARGET_MAX);
    strcpy(text + 5 + HTTP_TARGET_MAX, " HTTP/1.1\r\nHost: h\r\n\r\n");
    is_refused(text, "414");
}

static void
long_head_is_refused(void **state)
{
    static char text[LONGER];
    int at = sprintf(text, "GET / HTTP/1.1\r\nHost: h\r\n");
    (void)state;
    while (at < (int)HTTP_HEAD_MAX + 100)
        at += sprintf(text + at, "Name: %s\r\n", "value value value");
    is_refused(text, "431");
    (void)begin(state); /* and of one field only, never complete */
    memset(text + 40, 'v', HTTP_HEAD_MAX);
    text[40 + HTTP_HEAD_MAX] = '\0';
    is_refused(text, "431");
}

/* A whole head of `bytes`, given in pieces of `piece`. */
static void
say_head(uint32_t bytes, size_t piece)
{
    static char text[2 * HTTP_HEAD_MAX];
    int at = sprintf(text, "GET / HTTP/1.1\r\nHost: h\r\nName: ");
    memset(text + at, 'v', bytes - (uint32_t)at - 4);
    memcpy(text + bytes - 4, "\r\n\r\n", 5);
    for (size_t used = 0; used < bytes && !http_is_over(&conn); used += piece) {
        size_t part = bytes - used < piece ? bytes - used : piece;
        (void)http_receive(&conn, text + used, part, 0);
        drain();
    }
}

/* To the byte, however it is cut: also the part in which it ends counts. */
static void
longest_head_is_taken_and_one_byte_more_is_not(void **state)
{
    static const size_t pieces[] = {1, 1000, HTTP_HEAD_MAX - 1, HTTP_HEAD_MAX, 2 * HTTP_HEAD_MAX};
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        (void)begin(state);
        say_head(HTTP_HEAD_MAX, pieces[i]);
        assert_string_equal(got, fine);
        (void)begin(state);
        say_head(HTTP_HEAD_MAX + 1, pieces[i]);
        assert_int_equal(strncmp(got, "HTTP/1.1 431", 12), 0);
        assert_int_equal(requests, 0);
    }
}

static void
trailer_fields_and_chunk_extensions_count_too(void **state)
{
    static char text[LONGER];
    for (int i = 0; i < 2; i++) {
        (void)begin(state);
        say("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
        int at = sprintf(text, i == 0 ? "0\r\nName: " : "1;name=");
        memset(text + at, 'v', HTTP_HEAD_MAX + 1);
        strcpy(text + at + HTTP_HEAD_MAX + 1, "\r\n");
        is_refused(text, "431");
    }
}

static void
long_body_is_refused(void **state)
{
    static char text[2 * LONGER];
    char head[128];
    (void)state;
    (void)sprintf(head, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %u\r\n\r\n",
                  HTTP_BODY_MAX + 1);
    is_refused(head, "413");
    (void)begin(state); /* in chunks nobody knows it in advance */
    say("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    (void)sprintf(text, "%x\r\n", LONGER);
    size_t length = strlen(text);
    memset(text + length, 'b', LONGER);
    strcpy(text + length + LONGER, "\r\n");
    for (unsigned i = 0; i < HTTP_BODY_MAX / LONGER; i++) {
        say(text);
        assert_false(http_is_over(&conn));
    }
    is_refused("1\r\nb\r\n", "413");
}

static void
longest_body_is_taken(void **state)
{
    static char body[HTTP_BODY_MAX + 1];
    char head[128];
    (void)state;
    (void)sprintf(head, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %u\r\n\r\n", HTTP_BODY_MAX);
    memset(body, 'b', HTTP_BODY_MAX);
    say(head);
    say(body);
    assert_int_equal(requests, 1);
    assert_int_equal(last.body_bytes, HTTP_BODY_MAX);
    assert_string_equal(got, fine);
}

static void
bodies_of_all_connections_together_are_bounded(void **state)
{
    static struct http_conn others[HTTP_BODIES_MAX / HTTP_BODY_MAX];
    static struct http_bodies bodies;
    static char body[HTTP_BODY_MAX];
    const uint32_t count = sizeof(others) / sizeof(others[0]);
    char head[128];
    (void)state;
    memset(body, 'b', sizeof(body));
    int length =
        sprintf(head, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %u\r\n\r\n", HTTP_BODY_MAX);
    for (uint32_t i = 0; i < count; i++) {
        http_open(&others[i], handler, &answered, 0);
        others[i].bodies = &bodies;
        (void)http_receive(&others[i], head, (size_t)length, 0);
        (void)http_receive(&others[i], body, sizeof(body) - 1, 0); /* all but the last byte */
    }
    assert_int_equal(bodies.bytes, HTTP_BODIES_MAX);
    conn.bodies = &bodies;
    is_refused("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nb", "503");
    assert_non_null(strstr(got, "no memory for the body of a further request\n"));
    (void)http_receive(&others[0], body, 1, 0); /* complete, and answered */
    for (uint32_t i = 1; i < count; i++)
        http_close(&others[i]);
    http_close(&others[0]);
    assert_int_equal(bodies.bytes, 0);
    (void)begin(state);
    conn.bodies = &bodies;
    say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nb");
    assert_string_equal(got, fine);
    assert_int_equal(bodies.bytes, 0);
}

static void
nothing_behind_a_refusal_is_looked_at(void **state)
{
    (void)state;
    say("GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(requests, 0);
    assert_null(strstr(got + 1, "HTTP/1.1 200"));
}

/* --- Time and ends ------------------------------------------------------------------------------
 */

static void
slow_request_times_out(void **state)
{
    const char part[] = "GET / HTTP/1.1\r\nHo";
    (void)state;
    (void)http_receive(&conn, part, sizeof(part) - 1, 1000);
    (void)http_receive(&conn, "s", 1, 1000 + HTTP_REQUEST_MS - 1);
    assert_false(http_tick(&conn, 1000 + HTTP_REQUEST_MS - 1));
    assert_true(http_tick(&conn, 1000 + HTTP_REQUEST_MS));
    drain();
    assert_int_equal(strncmp(got, "HTTP/1.1 408", 12), 0);
    assert_true(http_is_over(&conn));
}

/* The server was at work while the rest of the request arrived: no turn takes more than its most.
 */
static void
time_of_a_long_turn_is_forgiven(void **state)
{
    const char part[] = "GET / HTTP/1.1\r\nHo", rest[] = "st: h\r\n\r\n";
    struct http_clock clock = {0};
    uint64_t real_ms = 5000000;
    (void)state;
    (void)http_clock_turn(&clock, real_ms);
    (void)http_receive(&conn, part, sizeof(part) - 1, clock.ms);
    for (int i = 0; i < HTTP_REQUEST_MS / HTTP_TURN_MS - 1; i++)
        assert_false(http_tick(&conn, http_clock_turn(&clock, real_ms += 100 * HTTP_REQUEST_MS)));
    (void)http_receive(&conn, rest, sizeof(rest) - 1, clock.ms);
    drain();
    assert_string_equal(got, fine);
}

static void
short_turns_count_in_full(void **state)
{
    struct http_clock clock = {0};
    (void)state;
    uint64_t start_ms = http_clock_turn(&clock, 77);
    for (uint64_t i = 1; i <= 100; i++)
        assert_int_equal(http_clock_turn(&clock, 77 + 10 * i), start_ms + 10 * i);
}

static void
idle_connection_is_closed_without_a_word(void **state)
{
    (void)state;
    assert_false(http_tick(&conn, HTTP_IDLE_MS - 1));
    assert_true(http_tick(&conn, HTTP_IDLE_MS));
    assert_true(http_is_over(&conn));
    assert_int_equal(conn.written, 0);
}

static void
client_that_takes_nothing_is_given_up(void **state)
{
    const char text[] = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    (void)state;
    (void)http_receive(&conn, text, sizeof(text) - 1, 0);
    assert_false(http_tick(&conn, 1000));
    assert_false(http_tick(&conn, 1000 + HTTP_SEND_MS - 1));
    assert_true(http_tick(&conn, 1000 + HTTP_SEND_MS));
    assert_true(http_is_over(&conn));
}

/* The client's time begins with what there is to take, not with its request. */
static void
answer_that_comes_late_is_waited_for(void **state)
{
    const char text[] = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    (void)state;
    later = true;
    (void)http_receive(&conn, text, sizeof(text) - 1, 0);
    assert_false(http_tick(&conn, 10 * HTTP_SEND_MS));
    http_respond(&conn, 200, "text/plain", "fine\n", 5);
    assert_false(http_tick(&conn, 20 * HTTP_SEND_MS));
    assert_false(http_tick(&conn, 21 * HTTP_SEND_MS - 1));
    assert_int_equal(conn.state, HTTP_READING);
}

static void
half_closed_client_gets_its_answer(void **state)
{
    (void)state;
    later = true;
    say("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    http_received_all(&conn);
    assert_true(http_is_wanted(&conn));
    http_respond(&conn, 200, "text/plain", "fine\n", 5);
    drain();
    assert_non_null(strstr(got, "fine"));
    assert_true(http_is_over(&conn));
}

/* --- Date ---------------------------------------------------------------------------------------
 */

static void
responses_have_the_date_if_there_is_a_clock(void **state)
{
    struct http_date date = {0};
    (void)state;
    conn.date = date.line;
    say("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_string_equal(got, fine);
    got_bytes = 0;
    http_date_turn(&date, 784111777);
    say("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(strncmp(got, "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 54),
                     0);
}

static void
dates_are_those_of_the_c_library(void **state)
{
    (void)state;
    for (int64_t second = 1; second < 253402300800; second += 86399 * 1013) {
        struct http_date date = {0};
        char expected[64];
        const time_t time = (time_t)second;
        (void)strftime(expected, sizeof(expected), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n",
                       gmtime(&time));
        http_date_turn(&date, second);
        assert_string_equal(date.line, expected);
    }
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(request_is_answered),
        TEST(absolute_target_loses_its_authority),
        cmocka_unit_test(requests_are_the_same_however_they_are_cut),
        TEST(pipelined_requests_wait_for_each_other),
        TEST(many_pipelined_requests_are_all_answered),
        TEST(upgrade_is_ignored),
        TEST(head_gets_no_body),
        TEST(expect_continue_is_answered_first),
        TEST(connection_closes_when_asked),
        TEST(old_client_may_keep_the_connection),
        TEST(stream_is_chunked),
        TEST(stream_to_an_old_client_ends_with_the_connection),
        TEST(stream_stops_at_a_full_ring_and_goes_on),
        TEST(nobody_writes_to_a_client_that_is_gone),
        TEST(output_stays_until_it_is_acknowledged),
        TEST(malformed_requests_are_refused),
        TEST(chunk_must_end_where_it_says),
        TEST(unknown_methods_are_not_implemented),
        TEST(other_expectations_are_refused),
        TEST(other_versions_and_codings_are_refused),
        TEST(long_target_is_refused),
        TEST(long_head_is_refused),
        TEST(longest_head_is_taken_and_one_byte_more_is_not),
        TEST(trailer_fields_and_chunk_extensions_count_too),
        TEST(long_body_is_refused),
        TEST(longest_body_is_taken),
        TEST(bodies_of_all_connections_together_are_bounded),
        TEST(nothing_behind_a_refusal_is_looked_at),
        TEST(slow_request_times_out),
        TEST(time_of_a_long_turn_is_forgiven),
        TEST(short_turns_count_in_full),
        TEST(idle_connection_is_closed_without_a_word),
        TEST(client_that_takes_nothing_is_given_up),
        TEST(answer_that_comes_late_is_waited_for),
        TEST(half_closed_client_gets_its_answer),
        TEST(responses_have_the_date_if_there_is_a_clock),
        TEST(dates_are_those_of_the_c_library),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

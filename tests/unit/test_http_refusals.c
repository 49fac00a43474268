/* Requests that are refused, with which status, and that nothing behind them is looked at. */
#include "http/other_end.h"

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

int
main(void)
{
    const struct CMUnitTest tests[] = {
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The server's side of an HTTP connection: what it answers, byte for byte, however bytes arrive. */
#include "http/other_end.h"

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
        assert_int_equal(got_bytes, 2 * FINE_BYTES);
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
    assert_int_equal(got_bytes, 400 * FINE_BYTES);
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
    http_begin(&conn, 200, "text/plain", "Trailer: Finish-Reason\r\n");
    assert_true(http_write(&conn, "once", 4));
    http_end(&conn, "");
    drain();
    assert_non_null(strstr(got, "Connection: close\r\n\r\nonce"));
    assert_null(strstr(got, "chunked"));
    assert_null(strstr(got, "Trailer"));
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

int
main(void)
{
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

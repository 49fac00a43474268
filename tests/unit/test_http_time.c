/* Connections that take too long, or end early, and the date in responses. */
#include "http/other_end.h"
#include <time.h>

#include "http_date.h"

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
    const struct CMUnitTest tests[] = {
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

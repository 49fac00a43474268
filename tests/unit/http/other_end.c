#include "http/other_end.h"

struct http_conn conn;
uint64_t answered[6];
char got[4 * LONGER];
size_t got_bytes;
struct http_request last;
char last_path[HTTP_TARGET_MAX], last_query[HTTP_TARGET_MAX], last_body[HTTP_BODY_MAX + 1];
unsigned requests;
bool later;

void
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

void
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

int
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

int
end(void **state)
{
    (void)state;
    http_close(&conn);
    return 0;
}

void
say(const char *text)
{
    size_t length = strlen(text);
    for (size_t used = 0; used < length && !http_is_over(&conn);) {
        used += http_receive(&conn, text + used, length - used, 0);
        drain();
    }
    drain();
}

void
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

const char fine[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                    "Content-Length: 5\r\n\r\nfine\n";
_Static_assert(sizeof(fine) == FINE_BYTES + 1, "with a terminating zero");

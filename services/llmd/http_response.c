/* Responses, and the ring that they are sent from: see http.h. */
#include "http_parts.h"

#include <stdio.h>
#include <string.h>

#define ROOM_FOR_CHUNK 32u /* size line and line ends around a chunk, and the last chunk */
#define FIELDS_MAX     512u

/* `fields` is what RFC 9110 §15 wants with each of them. */
static const struct {
    unsigned status;
    const char *reason, *fields;
} reasons[] = {
    {200, "OK", ""},
    {400, "Bad Request", ""},
    {404, "Not Found", ""},
    {405, "Method Not Allowed", ""},
    {408, "Request Timeout", ""},
    {413, "Content Too Large", ""},
    {414, "URI Too Long", ""},
    {417, "Expectation Failed", ""},
    {431, "Request Header Fields Too Large", ""},
    {500, "Internal Server Error", ""},
    {501, "Not Implemented", ""},
    {503, "Service Unavailable", "Retry-After: " HTTP_RETRY_AFTER "\r\n"},
    {505, "HTTP Version Not Supported", ""},
};
#define REASONS (sizeof(reasons) / sizeof(reasons[0]))

static size_t
find_reason(unsigned status)
{
    size_t i = 0;
    while (i < REASONS - 1 && reasons[i].status != status)
        i++;
    return i;
}

const char *
http_reason(unsigned status)
{
    return reasons[find_reason(status)].reason;
}

/* --- Output: a ring of which [acknowledged, written) is in use ------------------------------ */

static size_t
room(const struct http_conn *conn)
{
    return HTTP_OUTPUT_BYTES - (conn->written - conn->acknowledged);
}

static void
put(struct http_conn *conn, const char *bytes, size_t count)
{
    while (count > 0) {
        uint32_t at = conn->written % HTTP_OUTPUT_BYTES;
        size_t part = HTTP_OUTPUT_BYTES - at < count ? HTTP_OUTPUT_BYTES - at : count;
        memcpy(conn->output + at, bytes, part);
        conn->written += (uint32_t)part;
        bytes += part;
        count -= part;
    }
}

size_t
http_output(const struct http_conn *conn, const char **bytes)
{
    uint32_t at = conn->taken % HTTP_OUTPUT_BYTES;
    size_t count = conn->written - conn->taken;
    *bytes = conn->output + at;
    return count < HTTP_OUTPUT_BYTES - at ? count : HTTP_OUTPUT_BYTES - at;
}

void
http_taken(struct http_conn *conn, size_t count)
{
    conn->taken += (uint32_t)count;
}

void
http_acknowledged(struct http_conn *conn, size_t count, uint64_t now_ms)
{
    conn->acknowledged += (uint32_t)count;
    conn->since_ms = now_ms;
    conn->waits = false;
}

/* --- Responses ------------------------------------------------------------------------------ */

bool
http_put(struct http_conn *conn, const char *bytes, size_t count)
{
    if (count > room(conn)) {
        conn->last = true;
        return false;
    }
    put(conn, bytes, count);
    return true;
}

static void
put_head(struct http_conn *conn, unsigned status, const char *type, const char *fields,
         const char *framing)
{
    char head[FIELDS_MAX + 256];
    size_t reason = find_reason(status);
    int length =
        snprintf(head, sizeof(head), "HTTP/1.1 %u %s\r\n%sContent-Type: %s\r\n%s%s%s%s\r\n", status,
                 reasons[reason].reason, conn->date != NULL ? conn->date : "", type, framing,
                 reasons[reason].fields, fields, conn->last ? "Connection: close\r\n" : "");
    if (conn->answered != NULL)
        conn->answered[status / 100]++;
    (void)http_put(conn, head, (size_t)length);
}

/* The response is complete: the next request, or the end. */
static void
finish(struct http_conn *conn)
{
    conn->state = conn->last ? HTTP_DRAINING : HTTP_READING;
    conn->begun = conn->expects = false;
    conn->in_head = true;
    conn->hosts = conn->codings = 0;
    conn->head_bytes = conn->target_length = 0;
    http_drop_body(conn);
    if (conn->gone)
        conn->state = HTTP_CLOSED;
    else if (!conn->last)
        llhttp_resume(&conn->parser);
}

static void
respond(struct http_conn *conn, unsigned status, const char *type, const char *fields,
        const char *body, size_t bytes)
{
    char framing[48];
    (void)snprintf(framing, sizeof(framing), "Content-Length: %zu\r\n", bytes);
    put_head(conn, status, type, fields, framing);
    if (!conn->is_head)
        (void)http_put(conn, body, bytes);
    finish(conn);
}

void
http_respond(struct http_conn *conn, unsigned status, const char *type, const char *body,
             size_t bytes)
{
    respond(conn, status, type, "", body, bytes);
}

void
http_refuse(struct http_conn *conn, unsigned status, const char *fields, const char *text)
{
    char line[256];
    int length = snprintf(line, sizeof(line), "%s\n", text);
    respond(conn, status, "text/plain; charset=utf-8", fields, line, (size_t)length);
}

void
http_begin(struct http_conn *conn, unsigned status, const char *type, const char *fields)
{
    conn->chunked = conn->parser.http_major == 1 && conn->parser.http_minor >= 1;
    conn->last |= !conn->chunked; /* its end is the connection's (RFC 9112 §6.3) */
    put_head(conn, status, type, conn->chunked ? fields : "",
             conn->chunked ? "Transfer-Encoding: chunked\r\n" : "");
}

bool
http_write(struct http_conn *conn, const char *bytes, size_t count)
{
    char size[16];
    if (!http_is_wanted(conn) || count + 2 * ROOM_FOR_CHUNK > room(conn))
        return false;
    if (count == 0 || conn->is_head)
        return true;
    if (conn->chunked)
        put(conn, size, (size_t)snprintf(size, sizeof(size), "%zx\r\n", count));
    put(conn, bytes, count);
    if (conn->chunked)
        put(conn, "\r\n", 2);
    return true;
}

void
http_end(struct http_conn *conn, const char *trailer)
{
    char end[FIELDS_MAX];
    if (conn->chunked && !conn->is_head)
        (void)http_put(conn, end, (size_t)snprintf(end, sizeof(end), "0\r\n%s\r\n", trailer));
    finish(conn);
}

/* Requests in, responses out: see http.h. */
#include "http.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ROOM_FOR_CHUNK 32u /* size line and line ends around a chunk, and the last chunk */
#define FIELDS_MAX     512u

static const struct {
    unsigned status;
    const char *reason;
} reasons[] = {
    {200, "OK"},
    {400, "Bad Request"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {505, "HTTP Version Not Supported"},
};

static const char *
reason_of(unsigned status)
{
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "";
}

/* --- Output: a ring of which [acknowledged, written) is in use
 * ------------------------------------ */

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

/* What does not fit can never be sent: the connection ends behind what is there. */
static bool
put_or_end(struct http_conn *conn, const char *bytes, size_t count)
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
    int length = snprintf(head, sizeof(head), "HTTP/1.1 %u %s\r\nContent-Type: %s\r\n%s%s%s\r\n",
                          status, reason_of(status), type, framing, fields,
                          conn->last ? "Connection: close\r\n" : "");
    if (conn->answered != NULL)
        conn->answered[status / 100]++;
    (void)put_or_end(conn, head, (size_t)length);
}

/* The response is complete: the next request, or the end. */
static void
finish(struct http_conn *conn)
{
    conn->state = conn->last ? HTTP_DRAINING : HTTP_READING;
    conn->begun = conn->expects = false;
    conn->in_head = true;
    conn->hosts = conn->coding = 0;
    conn->head_bytes = conn->target_length = 0;
    conn->body_bytes = 0;
    free(conn->body);
    conn->body = NULL;
    conn->body_room = 0;
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
        (void)put_or_end(conn, body, bytes);
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
    put_head(conn, status, type, fields, conn->chunked ? "Transfer-Encoding: chunked\r\n" : "");
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
        (void)put_or_end(conn, end, (size_t)snprintf(end, sizeof(end), "0\r\n%s\r\n", trailer));
    finish(conn);
}

/* --- Requests: llhttp's callbacks ------------------------------------------------------------- */

static int
refuse_with(struct http_conn *conn, uint16_t status)
{
    conn->refused = status;
    return HPE_USER;
}

static int
on_url(llhttp_t *parser, const char *at, size_t length)
{
    struct http_conn *conn = parser->data;
    if (length > HTTP_TARGET_MAX - conn->target_length)
        return refuse_with(conn, 414);
    memcpy(conn->target + conn->target_length, at, length);
    conn->target_length += (uint32_t)length;
    return HPE_OK;
}

static int
on_header_field(llhttp_t *parser, const char *at, size_t length)
{
    struct http_conn *conn = parser->data;
    if (memchr(at, ' ', length) != NULL)
        return refuse_with(conn, 400);
    size_t left = sizeof(conn->field) - 1 - conn->field_length;
    size_t part = length < left ? length : left;
    memcpy(conn->field + conn->field_length, at, part);
    conn->field_length = (uint16_t)(conn->field_length + part);
    return HPE_OK;
}

/* How much a message's codings are: no more than one name of that length, when they are known. */
static int
on_header_value(llhttp_t *parser, const char *at, size_t length)
{
    struct http_conn *conn = parser->data;
    if (conn->field_length == 17 && strncasecmp(conn->field, "transfer-encoding", 17) == 0)
        for (size_t i = 0; i < length; i++)
            conn->coding =
                (uint8_t)(conn->coding + (conn->coding < 8 && at[i] != ' ' && at[i] != '\t'));
    return HPE_OK;
}

static int
on_header_value_complete(llhttp_t *parser)
{
    struct http_conn *conn = parser->data;
    conn->field[conn->field_length] = '\0';
    conn->field_length = 0;
    conn->hosts =
        (uint8_t)(conn->hosts + (conn->hosts < 2 && strcasecmp(conn->field, "host") == 0));
    conn->expects |= strcasecmp(conn->field, "expect") == 0;
    return HPE_OK;
}

/* RFC 9112 §3.2: exactly one Host field; none is needed before HTTP/1.1. */
static bool
host_is_right(const struct http_conn *conn)
{
    return conn->hosts == 1 || (conn->hosts == 0 && conn->parser.http_minor == 0);
}

static int
on_headers_complete(llhttp_t *parser)
{
    struct http_conn *conn = parser->data;
    conn->in_head = false;
    conn->is_head = parser->method == HTTP_HEAD;
    if (parser->http_major != 1)
        return refuse_with(conn, 505);
    if (!host_is_right(conn))
        return refuse_with(conn, 400);
    if ((parser->flags & F_TRANSFER_ENCODING) != 0 && (parser->flags & F_CHUNKED) == 0)
        return refuse_with(conn, 400);
    if (conn->coding > 7) /* more than "chunked" */
        return refuse_with(conn, 501);
    if ((parser->flags & F_CONTENT_LENGTH) != 0 && parser->content_length > HTTP_BODY_MAX)
        return refuse_with(conn, 413);
    parser->upgrade = 0; /* ignored: RFC 9110 §7.8 */
    if (conn->expects && parser->http_minor > 0)
        (void)put_or_end(conn, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    return HPE_OK;
}

static int
on_body(llhttp_t *parser, const char *at, size_t length)
{
    struct http_conn *conn = parser->data;
    if (length > HTTP_BODY_MAX - conn->body_bytes)
        return refuse_with(conn, 413);
    if (conn->body_bytes + length > conn->body_room) {
        size_t grown = 2 * (conn->body_bytes + length);
        char *body = realloc(conn->body, grown);
        if (body == NULL)
            return refuse_with(conn, 503);
        conn->body = body;
        conn->body_room = grown;
    }
    memcpy(conn->body + conn->body_bytes, at, length);
    conn->body_bytes += length;
    return HPE_OK;
}

/* Paused: what is behind the request waits until it has been answered. */
static int
on_message_complete(llhttp_t *parser)
{
    struct http_conn *conn = parser->data;
    conn->last |= llhttp_should_keep_alive(parser) == 0;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_header_value_complete = on_header_value_complete,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

/* --- The connection ----------------------------------------------------------------------------
 */

void
http_open(struct http_conn *conn, http_handler *handler, void *context, uint64_t now_ms)
{
    memset(conn, 0, offsetof(struct http_conn, output));
    llhttp_init(&conn->parser, HTTP_REQUEST, &settings);
    conn->parser.data = conn;
    conn->handler = handler;
    conn->context = context;
    conn->since_ms = now_ms;
    conn->in_head = true;
}

void
http_close(struct http_conn *conn)
{
    free(conn->body);
    conn->body = NULL;
    conn->state = HTTP_CLOSED;
}

/* The target without scheme and authority, if it has them (RFC 9112 §3.2.2), cut at its query. */
static void
handle(struct http_conn *conn)
{
    static char nothing[] = "";
    char *path = conn->target;
    conn->target[conn->target_length] = '\0';
    if (strncasecmp(path, "http://", 7) == 0) {
        char *slash = strchr(path + 7, '/');
        path = slash != NULL ? slash : nothing;
    }
    char *query = strchr(path, '?');
    if (query != NULL)
        *query++ = '\0';
    uint8_t method = conn->parser.method;
    const struct http_request request = {
        .method = method == HTTP_GET || method == HTTP_HEAD ? HTTP_GET_OR_HEAD
                  : method == HTTP_POST                     ? HTTP_POST_METHOD
                                                            : HTTP_OTHER_METHOD,
        .path = path,
        .query = query != NULL ? query : nothing,
        .body = conn->body != NULL ? conn->body : nothing,
        .body_bytes = conn->body_bytes,
    };
    conn->state = HTTP_RESPONDING;
    conn->handler(conn, &request, conn->context);
}

static void
refuse_request(struct http_conn *conn, unsigned status)
{
    conn->last = true;
    conn->is_head = false;
    http_refuse(conn, status, "", reason_of(status));
}

/* What llhttp made of the bytes: how many it used. */
static size_t
digest(struct http_conn *conn, const char *bytes, size_t count)
{
    enum llhttp_errno result = llhttp_execute(&conn->parser, bytes, count);
    size_t used = result == HPE_OK ? count : (size_t)(llhttp_get_error_pos(&conn->parser) - bytes);
    if (conn->in_head)
        conn->head_bytes += (uint32_t)used;
    if (result == HPE_PAUSED) {
        handle(conn);
        return used;
    }
    if (conn->in_head && conn->head_bytes > HTTP_HEAD_MAX)
        conn->refused = 431;
    else if (result != HPE_OK && conn->refused == 0)
        conn->refused = result == HPE_INVALID_VERSION ? 505 : 400;
    if (conn->refused != 0) {
        refuse_request(conn, conn->refused);
        return count;
    }
    return used;
}

size_t
http_receive(struct http_conn *conn, const char *bytes, size_t count, uint64_t now_ms)
{
    size_t used = 0;
    while (used < count && conn->state == HTTP_READING && http_receives(conn)) {
        if (!conn->begun) {
            conn->begun = true;
            conn->since_ms = now_ms;
        }
        /* The head a part at a time, so that one that is too long is noticed. */
        size_t part = conn->in_head && count - used > HTTP_HEAD_MAX ? HTTP_HEAD_MAX : count - used;
        used += digest(conn, bytes + used, part);
    }
    return conn->state == HTTP_DRAINING ? count : used;
}

void
http_received_all(struct http_conn *conn)
{
    conn->last = true;
    if (conn->state == HTTP_READING)
        conn->state = HTTP_DRAINING;
}

void
http_abort(struct http_conn *conn)
{
    conn->gone = true;
    if (conn->state != HTTP_RESPONDING)
        conn->state = HTTP_CLOSED;
}

bool
http_tick(struct http_conn *conn, uint64_t now_ms)
{
    if (conn->acknowledged != conn->written && !conn->waits) {
        conn->waits = true;
        conn->since_ms = now_ms;
    }
    uint64_t passed = now_ms - conn->since_ms;
    if (conn->waits) {
        if (passed < HTTP_SEND_MS)
            return false;
        http_abort(conn);
        return true;
    }
    if (conn->state != HTTP_READING || passed < (conn->begun ? HTTP_REQUEST_MS : HTTP_IDLE_MS))
        return false;
    if (conn->begun)
        refuse_request(conn, 408);
    else
        conn->state = HTTP_DRAINING;
    return true;
}

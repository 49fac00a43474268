/* The connection: bytes in, requests to the handler, time. See http.h. */
#include "http_parts.h"

#include <string.h>
#include <strings.h>

void
http_open(struct http_conn *conn, http_handler *handler, void *context, uint64_t now_ms)
{
    memset(conn, 0, offsetof(struct http_conn, output));
    llhttp_init(&conn->parser, HTTP_REQUEST, &http_settings);
    conn->parser.data = conn;
    conn->handler = handler;
    conn->context = context;
    conn->since_ms = now_ms;
    conn->in_head = true;
}

void
http_close(struct http_conn *conn)
{
    http_drop_body(conn);
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
    http_refuse(conn, status, "",
                status == 503 ? "no memory for the body of a further request"
                              : http_reason(status));
}

/* What a request that llhttp does not understand is refused with: RFC 9110 §15.5, §15.6. */
static uint16_t
status_of(enum llhttp_errno error, const char *at, const char *end)
{
    /* A method is any token (RFC 9110 §9.1): one that goes on as llhttp knows none is no error. */
    bool token = at < end && (*at & 0x80) == 0 && *at > ' ' &&
                 strchr("\"(),/:;<=>?@[\\]{}\x7f", *at) == NULL;
    if (error == HPE_INVALID_METHOD && token)
        return 501;
    bool version = error == HPE_INVALID_VERSION && !(at < end && *at == ' ');
    return version || error == HPE_PAUSED_H2_UPGRADE ? 505 : 400;
}

/* Whether the last of `used` bytes, and those before them, are a line end (RFC 9112 §7.1). */
static bool
ends_line(const struct http_conn *conn, const char *bytes, size_t used)
{
    char first = used > 1 ? bytes[used - 2] : used > 0 ? conn->before[1] : conn->before[0];
    char second = used > 0 ? bytes[used - 1] : conn->before[1];
    return first == '\r' && second == '\n';
}

static void
remember(struct http_conn *conn, const char *bytes, size_t used)
{
    if (used > 0) {
        conn->before[0] = used > 1 ? bytes[used - 2] : conn->before[1];
        conn->before[1] = bytes[used - 1];
    }
}

/* What there is to do when llhttp stopped: a status to refuse the request with, or 0. */
static uint16_t
stopped(struct http_conn *conn, enum llhttp_errno why, const char *bytes, size_t used, size_t count)
{
    bool chunk = conn->chunk_ended;
    conn->chunk_ended = false;
    if (why == HPE_PAUSED && chunk) {
        llhttp_resume(&conn->parser);
        return ends_line(conn, bytes, used) ? 0 : 400;
    }
    if (why == HPE_PAUSED)
        handle(conn);
    else if (why != HPE_OK)
        return conn->refused != 0 ? conn->refused : status_of(why, bytes + used, bytes + count);
    return conn->in_head && conn->head_bytes == HTTP_HEAD_MAX ? 431 : 0;
}

/* What llhttp made of the bytes: how many it used. */
static size_t
digest(struct http_conn *conn, const char *bytes, size_t count)
{
    enum llhttp_errno result = llhttp_execute(&conn->parser, bytes, count);
    size_t used = result == HPE_OK ? count : (size_t)(llhttp_get_error_pos(&conn->parser) - bytes);
    if (conn->in_head)
        conn->head_bytes += (uint32_t)used;
    uint16_t refused = stopped(conn, result, bytes, used, count);
    remember(conn, bytes, used);
    if (refused == 0)
        return used;
    refuse_request(conn, refused);
    return count;
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
        /* Of a head never more than it may have: it ends within these bytes, or is too long. */
        size_t part = count - used, left = HTTP_HEAD_MAX - conn->head_bytes;
        used += digest(conn, bytes + used, conn->in_head && part > left ? left : part);
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

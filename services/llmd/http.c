/* The connection: bytes in, requests to the handler, time. See http.h. */
#include "http_parts.h"

#include <stdlib.h>
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
    http_refuse(conn, status, "", http_reason(status));
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
    return error == HPE_INVALID_VERSION || error == HPE_PAUSED_H2_UPGRADE ? 505 : 400;
}

/* What llhttp made of the bytes: how many it used. */
static size_t
digest(struct http_conn *conn, const char *bytes, size_t count)
{
    enum llhttp_errno result = llhttp_execute(&conn->parser, bytes, count);
    const char *error_at = llhttp_get_error_pos(&conn->parser);
    size_t used = result == HPE_OK ? count : (size_t)(error_at - bytes);
    if (conn->in_head)
        conn->head_bytes += (uint32_t)used;
    if (result == HPE_PAUSED) {
        handle(conn);
        return used;
    }
    if (result == HPE_OK && conn->in_head && conn->head_bytes == HTTP_HEAD_MAX)
        conn->refused = 431;
    else if (result != HPE_OK && conn->refused == 0)
        conn->refused = status_of(result, error_at, bytes + count);
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

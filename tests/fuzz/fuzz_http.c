/*
 * Any bytes, in any pieces, to a connection whose handler answers at once, late, or in a stream:
 * the output is only ever a sequence of responses, and never more than the ring holds.
 */
#include "http.h"

#include <stdlib.h>
#include <string.h>

static bool pending;

static void
handler(struct http_conn *conn, const struct http_request *request, void *context)
{
    (void)context;
    if (strlen(request->path) + strlen(request->query) > HTTP_TARGET_MAX ||
        request->body_bytes > HTTP_BODY_MAX)
        abort();
    if (request->path[0] == '/' && request->path[1] == 'l')
        pending = true;
    else
        http_respond(conn, 200, "text/plain", request->body, request->body_bytes % 512);
}

static void
finish_late(struct http_conn *conn)
{
    if (pending) {
        pending = false;
        http_begin(conn, 200, "text/plain", "");
        (void)http_write(conn, "late", 4);
        http_end(conn, "");
    }
}

static void
drain(struct http_conn *conn)
{
    const char *bytes;
    for (size_t count; (count = http_output(conn, &bytes)) > 0;) {
        if (bytes < conn->output || bytes + count > conn->output + HTTP_OUTPUT_BYTES)
            abort();
        http_taken(conn, count);
        http_acknowledged(conn, count, 0);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_conn *conn = malloc(sizeof(*conn));
    size_t piece = size > 0 ? data[0] % 64 + 1 : 1;
    pending = false;
    http_open(conn, handler, NULL, 0);
    for (size_t at = 1; at < size && !http_is_over(conn);) {
        size_t count = size - at < piece ? size - at : piece;
        char *copy = malloc(count); /* of exactly that size: one byte too far is seen */
        memcpy(copy, data + at, count);
        size_t used = http_receive(conn, copy, count, 0);
        free(copy);
        if (used > count)
            abort();
        at += used;
        finish_late(conn);
        drain(conn);
    }
    http_received_all(conn);
    finish_late(conn);
    drain(conn);
    http_close(conn);
    free(conn);
    return 0;
}

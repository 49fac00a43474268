/* Requests: what llhttp finds in the bytes, and what is refused. */
#include "http_parts.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

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

/* --- Header fields: names and values are kept as far as we know any ------------------------------
 */

static void
keep(struct http_word *word, const char *at, size_t length)
{
    size_t left = HTTP_WORD_MAX - word->length;
    size_t part = length < left ? length : left;
    memcpy(word->text + word->length, at, part);
    word->length = (uint8_t)(word->length + part);
    word->text[word->length] = '\0';
}

/* Fields behind a chunked body, and extensions of chunks, count as the head's do. */
static int
count_outside_head(struct http_conn *conn, size_t length)
{
    if (conn->in_head)
        return HPE_OK;
    conn->head_bytes += (uint32_t)length;
    return conn->head_bytes > HTTP_HEAD_MAX ? refuse_with(conn, 431) : HPE_OK;
}

static int
on_chunk_extension(llhttp_t *parser, const char *at, size_t length)
{
    (void)at;
    return count_outside_head(parser->data, length);
}

static int
on_header_field(llhttp_t *parser, const char *at, size_t length)
{
    struct http_conn *conn = parser->data;
    if (memchr(at, ' ', length) != NULL)
        return refuse_with(conn, 400);
    keep(&conn->name, at, length);
    return count_outside_head(conn, length);
}

static int
on_header_value(llhttp_t *parser, const char *at, size_t length)
{
    struct http_conn *conn = parser->data;
    keep(&conn->value, at, length);
    return count_outside_head(conn, length);
}

static int
on_host(struct http_conn *conn, const char *value)
{
    (void)value;
    conn->hosts = (uint8_t)(conn->hosts + (conn->hosts < 2));
    return HPE_OK;
}

/* RFC 9110 §10.1.1: there is one expectation. */
static int
on_expect(struct http_conn *conn, const char *value)
{
    if (strcasecmp(value, "100-continue") != 0)
        return refuse_with(conn, 417);
    conn->expects = true;
    return HPE_OK;
}

/* RFC 9112 §6.1: "chunked", once, is the only coding that we know; llhttp says which come last. */
static int
on_coding(struct http_conn *conn, const char *value)
{
    bool known = strcasecmp(value, "chunked") == 0 && conn->codings == 0;
    conn->codings = known ? 1 : 2;
    return HPE_OK;
}

static const struct {
    const char *name;
    int (*take)(struct http_conn *conn, const char *value);
} fields[] = {{"host", on_host}, {"expect", on_expect}, {"transfer-encoding", on_coding}};

static int
on_header_value_complete(llhttp_t *parser)
{
    struct http_conn *conn = parser->data;
    struct http_word *name = &conn->name, *value = &conn->value;
    int result = name->length > 0 ? HPE_OK : refuse_with(conn, 400);
    while (value->length > 0 && strchr(" \t", value->text[value->length - 1]) != NULL)
        value->text[--value->length] = '\0';
    for (size_t i = 0; conn->in_head && i < sizeof(fields) / sizeof(fields[0]); i++)
        if (strcasecmp(name->text, fields[i].name) == 0)
            result = fields[i].take(conn, value->text);
    *name = *value = (struct http_word){0};
    return result;
}

/* --- The head as a whole, and the body ----------------------------------------------------------
 */

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
    if (conn->codings > 1)
        return refuse_with(conn, 501);
    if ((parser->flags & F_CONTENT_LENGTH) != 0 && parser->content_length > HTTP_BODY_MAX)
        return refuse_with(conn, 413);
    parser->upgrade = 0; /* ignored: RFC 9110 §7.8 */
    if (conn->expects && parser->http_minor > 0)
        (void)http_put(conn, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    return HPE_OK;
}

void
http_drop_body(struct http_conn *conn)
{
    if (conn->bodies != NULL)
        conn->bodies->bytes -= conn->body_room;
    free(conn->body);
    conn->body = NULL;
    conn->body_bytes = conn->body_room = 0;
}

/* Room for a body of `bytes`, and for some more. */
static bool
grow_body(struct http_conn *conn, size_t bytes)
{
    size_t grown = 2 * bytes < HTTP_BODY_MAX ? 2 * bytes : HTTP_BODY_MAX;
    size_t others = conn->bodies != NULL ? conn->bodies->bytes - conn->body_room : 0;
    char *body = grown <= HTTP_BODIES_MAX - others ? realloc(conn->body, grown) : NULL;
    if (body == NULL)
        return false;
    conn->body = body;
    conn->body_room = grown;
    if (conn->bodies != NULL)
        conn->bodies->bytes = others + grown;
    return true;
}

static int
on_body(llhttp_t *parser, const char *at, size_t length)
{
    struct http_conn *conn = parser->data;
    if (length > HTTP_BODY_MAX - conn->body_bytes)
        return refuse_with(conn, 413);
    size_t bytes = conn->body_bytes + length;
    if (bytes > conn->body_room && !grow_body(conn, bytes))
        return refuse_with(conn, 503);
    memcpy(conn->body + conn->body_bytes, at, length);
    conn->body_bytes = bytes;
    return HPE_OK;
}

static int
on_chunk_header(llhttp_t *parser)
{
    struct http_conn *conn = parser->data;
    conn->chunk_has_bytes = parser->content_length > 0;
    return HPE_OK;
}

/*
 * Paused, for a look at how it ended: llhttp takes any two bytes for the line end behind a chunk.
 * Not behind the last one, which has no bytes, and where the message ends, too.
 */
static int
on_chunk_complete(llhttp_t *parser)
{
    struct http_conn *conn = parser->data;
    conn->chunk_ended = conn->chunk_has_bytes;
    return conn->chunk_ended ? HPE_PAUSED : HPE_OK;
}

/* Paused: what is behind the request waits until it has been answered. */
static int
on_message_complete(llhttp_t *parser)
{
    struct http_conn *conn = parser->data;
    conn->last |= llhttp_should_keep_alive(parser) == 0;
    return HPE_PAUSED;
}

const llhttp_settings_t http_settings = {
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_header_value_complete = on_header_value_complete,
    .on_headers_complete = on_headers_complete,
    .on_chunk_extension_name = on_chunk_extension,
    .on_chunk_extension_value = on_chunk_extension,
    .on_body = on_body,
    .on_chunk_header = on_chunk_header,
    .on_chunk_complete = on_chunk_complete,
    .on_message_complete = on_message_complete,
};

/*
 * The server's side of one HTTP/1.1 connection (RFC 9110, RFC 9112), without a network under it.
 *
 * Bytes that arrived go in (http_receive), bytes to send come out of a ring that the transport
 * reads in place and keeps until the other end has acknowledged them (http_output, http_taken,
 * http_acknowledged), so that nothing is copied on the way. Requests are handled one after the
 * other, in their order, also when they are pipelined. llhttp does the parsing.
 *
 * Not for two threads at a time. Times are milliseconds of a struct http_clock.
 */
#ifndef LLMD_HTTP_H
#define LLMD_HTTP_H

#include <llhttp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_TARGET_MAX   1024u /* 414 above it */
#define HTTP_HEAD_MAX     8192u /* request line and header fields, and trailer fields besides: 431 */
#define HTTP_BODY_MAX     (256u << 10) /* 413 */
#define HTTP_BODIES_MAX   (4u << 20)   /* of all connections of a transport together: 503 */
#define HTTP_OUTPUT_BYTES 16384u       /* a power of two */
#define HTTP_RESPONSE_MAX 14336u       /* METRICS_BYTES and a head: room that a request waits for */
#define HTTP_CHUNK_MAX    4096u        /* longest piece of http_write */

#define HTTP_WORD_MAX    20u /* names and values of header fields that matter are not longer */
#define HTTP_RETRY_AFTER "1" /* seconds, with each 503 (RFC 9110 §10.2.3) */

#define HTTP_REQUEST_MS 10000 /* from a request's first byte to its last: 408 */
#define HTTP_IDLE_MS    60000 /* between requests: closed */
#define HTTP_SEND_MS    30000 /* without an acknowledgement of what is to be sent: aborted */
#define HTTP_TURN_MS    1000  /* most that the clock moves in one turn of the server's loop */

/*
 * The clock that clients are timed by. What they sent while the server was at work (a step of a big
 * model takes seconds) is seen only in its next turn, so that a turn counts as HTTP_TURN_MS at
 * most: nobody is late because we were. Zero is a clock that was never read.
 */
struct http_clock {
    uint64_t real_ms, ms;
};

/* A turn of the loop: everything that arrived was looked at since the last. Returns clock->ms. */
static inline uint64_t
http_clock_turn(struct http_clock *clock, uint64_t real_ms)
{
    uint64_t passed = real_ms - clock->real_ms;
    clock->real_ms = real_ms;
    return clock->ms += passed < HTTP_TURN_MS ? passed : HTTP_TURN_MS;
}

enum http_method { HTTP_GET_OR_HEAD = 0, HTTP_POST_METHOD = 1, HTTP_OTHER_METHOD = 2 };

/* A complete request; valid until its response has ended. */
struct http_request {
    enum http_method method;
    const char *path;  /* of the target, not decoded; ends with 0 */
    const char *query; /* behind its '?'; "" when there is none */
    const char *body;  /* not text: body_bytes of it */
    size_t body_bytes;
};

struct http_conn;

/*
 * Called with each complete request; answers it with http_respond, or begins and ends a response
 * now or later.
 */
typedef void http_handler(struct http_conn *conn, const struct http_request *request,
                          void *context);

enum http_state {
    HTTP_READING = 0,    /* a request, or waiting for one */
    HTTP_RESPONDING = 1, /* the handler has it */
    HTTP_DRAINING = 2,   /* closes when all is sent; what arrives is ignored */
    HTTP_CLOSED = 3,     /* nothing more to send or receive */
};

/* What the bodies of requests that were not yet answered take, of all connections together. */
struct http_bodies {
    size_t bytes;
};

/* A string that is cut where it is longer than any that matters. */
struct http_word {
    uint8_t length;
    char text[HTTP_WORD_MAX + 1];
};

struct http_conn {
    llhttp_t parser;
    http_handler *handler;
    void *context;              /* of the handler */
    void *owner;                /* the transport's */
    uint64_t *answered;         /* six counters, by the first digit of the status; NULL: none */
    struct http_bodies *bodies; /* the transport's; NULL: only its own are bounded */
    const char *date;  /* header line with the time, kept current by the transport (http_date.h);
                          NULL or "": there is no clock (RFC 9110 §6.6.1) */
    uint64_t since_ms; /* what its state is timed from */
    uint8_t state;     /* enum http_state */
    bool begun;        /* a byte of the request has arrived */
    bool in_head, last, is_head, chunked, expects, gone;
    bool waits; /* for an acknowledgement: since_ms is from when that was noticed */
    bool chunk_has_bytes, chunk_ended; /* just now */
    char before[2];                    /* the last bytes of what came before */
    uint8_t hosts;                     /* Host fields of this request, up to 2 */
    uint8_t codings;                   /* transfer codings: 1 is "chunked", 2 anything else */
    uint16_t refused;                  /* status that the request is refused with, 0: none */
    struct http_word name, value;      /* of the header field being read */
    uint32_t head_bytes;
    uint32_t target_length;
    char target[HTTP_TARGET_MAX + 1];
    char *body; /* malloc */
    size_t body_bytes, body_room;
    uint32_t written, taken, acknowledged; /* of the output ring, ever */
    char output[HTTP_OUTPUT_BYTES];
};

void http_open(struct http_conn *conn, http_handler *handler, void *context, uint64_t now_ms);

/* Frees what it holds. The response under way, if any, is abandoned: see http_is_wanted. */
void http_close(struct http_conn *conn);

/*
 * Bytes that arrived: returns how many were used. Less than all of them while a response is under
 * way: the transport keeps the rest and offers it again when http_receives() is true.
 */
size_t http_receive(struct http_conn *conn, const char *bytes, size_t count, uint64_t now_ms);

static inline bool
http_receives(const struct http_conn *conn)
{
    uint32_t unacknowledged = conn->written - conn->acknowledged;
    return conn->state == HTTP_DRAINING ||
           (conn->state == HTTP_READING &&
            (conn->begun || unacknowledged <= HTTP_OUTPUT_BYTES - HTTP_RESPONSE_MAX));
}

/* The other end sends no more (FIN): a request that is not complete will not come. */
void http_received_all(struct http_conn *conn);

/* The other end is gone (RST): nobody wants the response. */
void http_abort(struct http_conn *conn);

/* Looks at the time: true when something changed, so that there may be output or an end. */
bool http_tick(struct http_conn *conn, uint64_t now_ms);

/* --- Output --------------------------------------------------------------------------------- */

/* The next bytes to send, in place; 0: none now. They stay there until they are acknowledged. */
size_t http_output(const struct http_conn *conn, const char **bytes);
void http_taken(struct http_conn *conn, size_t count);
void http_acknowledged(struct http_conn *conn, size_t count, uint64_t now_ms);

/* Whether the transport should close: all was taken that will ever come. */
static inline bool
http_is_over(const struct http_conn *conn)
{
    return conn->state == HTTP_CLOSED ||
           (conn->state == HTTP_DRAINING && conn->taken == conn->written);
}

/* --- Responses ------------------------------------------------------------------------------ */

/* A whole response. Cut off, and the connection closed, when it does not fit into the output. */
void http_respond(struct http_conn *conn, unsigned status, const char *type, const char *body,
                  size_t bytes);

/* The same with a line of plain text, and further header lines ("Name: value\r\n") or "". */
void http_refuse(struct http_conn *conn, unsigned status, const char *fields, const char *text);

/*
 * A response of unknown length: begun, written in pieces, ended. `fields` as above, about the
 * trailer: a client of HTTP/1.0 gets neither.
 */
void http_begin(struct http_conn *conn, unsigned status, const char *type, const char *fields);

/* False when there is no room now (more than HTTP_CHUNK_MAX never fits) or nobody wants it. */
bool http_write(struct http_conn *conn, const char *bytes, size_t count);

/* `trailer`: field lines for behind the last chunk ("Name: value\r\n"), or "". */
void http_end(struct http_conn *conn, const char *trailer);

/* Whether somebody still waits for the response under way. */
static inline bool
http_is_wanted(const struct http_conn *conn)
{
    return conn->state == HTTP_RESPONDING && !conn->gone;
}

#endif

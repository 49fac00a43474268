/* Between the parts of http.h: http.c, http_request.c, http_response.c. */
#ifndef LLMD_HTTP_PARTS_H
#define LLMD_HTTP_PARTS_H

#include "http.h"

/* The parser's callbacks, of a connection that is its `data`. */
extern const llhttp_settings_t http_settings;

/* The reason phrase of a status that this server gives. */
const char *http_reason(unsigned status);

/* Frees the request's body. */
void http_drop_body(struct http_conn *conn);

/*
 * Bytes to be sent; false when there is no room. What does not fit can never be sent: the
 * connection ends behind what is there.
 */
bool http_put(struct http_conn *conn, const char *bytes, size_t count);

#endif

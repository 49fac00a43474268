/* llmd's answers without a network: a small random model, and clients that are connections in
 * memory. */
#ifndef TESTS_UNIT_SERVE_ANSWERING_H
#define TESTS_UNIT_SERVE_ANSWERING_H

#include "serve.h"

#define CLIENTS   64u
#define GOT_BYTES 8192u

struct client {
    struct http_conn conn;
    bool open;
    size_t got_bytes;
    char got[GOT_BYTES]; /* all that it was sent */
};

extern struct serve serve;
extern struct client clients[CLIENTS];
extern uint32_t log_lines;

/* Of what counted.h counts, how much is in use; and whether sequences cannot be had. */
extern uint32_t pieces_of_memory;
extern bool memory_is_short;

/* While a beginning is kept, malloc and realloc have no longer pieces. */
extern size_t piece_bytes_max;

/* malloc has none for what is as long as a prompt, whatever is kept. */
extern bool pieces_are_refused;

/* What serves is told of memory (struct serve_memory), where a test wants it to be; NULL otherwise.
 */
extern const struct serve_memory *memory_of_others;

/* A model that is computed in floats or in integers, and what serves it to `running` at a time. */
void begin_serving(bool integers, uint32_t running, size_t cache_bytes_max);

/* All connections are closed; what serves has no model any more. */
void end_serving(void);

/* ... and then the same model is served again. False: there is too little memory. */
bool serve_again(void);

/* Client `i` connects and asks for a completion: what stands behind the '?', and the prompt. */
void ask(uint32_t i, const char *query, const char *prompt);

/* It is gone, and nobody waits for its answer. */
void leave(uint32_t i);

/* A step, and what it made reaches its clients; whether there is more to do. */
bool step(void);

/* Client `i` asks, alone, and gets the whole answer. */
const char *answer(uint32_t i, const char *query, const char *prompt);

#endif

/*
 * What a client asks for behind the '?' of /completion: name=value pairs with '&' between them.
 * Names and values are taken as they stand (nothing is percent-decoded). A name that is not known,
 * comes twice or has a value that is not exactly a number in its range is refused.
 */
#ifndef LLMD_QUERY_H
#define LLMD_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/sampling.h"

#include "prompt_cache.h"

#define QUERY_TOKENS_DEFAULT 64u

struct query {
    uint32_t tokens;      /* n: of the answer at most */
    bool log_probability; /* logprobs: that of the answer is wanted */
    bool special;         /* names of control and user-defined tokens in the prompt are these */
    struct engine_sampling sampling;
    char cache_key[PROMPT_CACHE_KEY_BYTES]; /* whose beginnings are used, and kept; "": none */
};

/*
 * Reads `text` into *query, with defaults for what it does not name. False: `why` says what is
 * wrong with which parameter.
 */
bool query_read(struct query *query, const char *text, char *why, size_t why_bytes);

#endif

/*
 * What the files of serve.h share: the answers in their table, and how one reaches its client.
 */
#ifndef LLMD_ANSWER_H
#define LLMD_ANSWER_H

#include "serve.h"

static inline uint32_t
answers_max(const struct serve *serve)
{
    return serve->options.running_max + serve->options.queued_max;
}

/* One that is free, if there may be another one that waits; else NULL. */
struct serve_answer *answer_find_free(struct serve *serve);

/* Puts its text and its place back; with a key, a copy of what was computed is kept. */
void answer_free(struct serve *serve, struct serve_answer *answer);

/* Appends to the text that is to be given; false: no memory. */
bool answer_add_text(struct serve_answer *answer, const uint8_t *bytes, size_t count);

/*
 * Gives its connection what is complete of its text; once that is all of a finished answer, ends
 * the response and frees the answer.
 */
void answer_advance(struct serve *serve, struct serve_answer *answer);

/* The answer fails: with `status` if its response has not begun, else by cutting that off. Frees
 * it.
 */
void answer_fail(struct serve *serve, struct serve_answer *answer, unsigned status,
                 const char *text);

#endif

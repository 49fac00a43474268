/*
 * Why something was refused: one line that names what is wrong, for people.
 */
#ifndef MODEL_WHY_H
#define MODEL_WHY_H

#include <stdbool.h>

struct why {
    char text[240]; /* cut to fit; always ended by NUL */
};

/* Writes the text; returns false, so that a refusal is one statement. */
bool why_set(struct why *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif

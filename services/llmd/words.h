/*
 * The words of the command line that llmd and llm know: NAME.bundle=, NAME.kernel= and so on, where
 * NAME is the program's. Who reads one (rt_option) may rely on what is checked here.
 */
#ifndef LLMD_WORDS_H
#define LLMD_WORDS_H

#include <stdbool.h>

#include "engine/error.h"

#define WORDS_BYTES_MAX 1024u /* of a value: no command line is longer */

/*
 * Whether every word of `line` that begins with "program." is one that it knows, is there once, and
 * has a value that can be meant; words are apart by spaces. What a kernel's name or a prompt says
 * is left to who reads it. False: `error` names the first that is not, and what it may be.
 */
bool words_check(const char *line, const char *program, struct engine_error *error);

#endif

/*
 * How the engine says that something went wrong: a negative status, and a text that names what it
 * is and where, for a log or for the person who gave the file.
 */
#ifndef ENGINE_ERROR_H
#define ENGINE_ERROR_H

enum engine_status {
    ENGINE_OK = 0,
    ENGINE_E_FILE = -1, /* a file that is cut short, or contradicts itself */
    ENGINE_E_UNSUPPORTED =
        -2,                 /* a file of a kind, version or size that the engine has no code for */
    ENGINE_E_MISMATCH = -3, /* two files that do not belong together */
    ENGINE_E_SPACE = -4,    /* the memory that the caller gave is too small */
    ENGINE_E_ARGUMENT = -5, /* a call that makes no sense; the text says which argument */
    ENGINE_E_WEIGHTS = -6,  /* weights that the source could not give (a block that is damaged) */
    ENGINE_E_CONTEXT = -7,  /* a sequence that is full */
    ENGINE_E_HEAD = -8,     /* more of the file's head has to be given; what is there is fine */
};

struct engine_error {
    char text[256]; /* ends with a zero; empty while nothing went wrong */
};

/*
 * Writes the text and returns `status`. `error` may be NULL. `format` knows %s, %d (int), %u
 * (uint32_t), %lu (uint64_t), %x (uint32_t) and %%; what does not fit is cut off.
 */
int engine_fail(struct engine_error *error, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif

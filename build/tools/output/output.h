/*
 * What tools that write files share: errors, and files that are there when they are complete. A
 * failure ends the program with one line that names the file.
 */
#ifndef TOOLS_OUTPUT_H
#define TOOLS_OUTPUT_H

#include <limits.h>
#include <stdint.h>
#include <stdio.h>

/* Of whoever is made with this: what its errors begin with. */
extern const char tool_name[];

/* Prints "tool_name: " and the text, and ends the program. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A file that is being written under another name, and takes its place when it is complete. */
struct output {
    FILE *file;
    char path[PATH_MAX], partial[PATH_MAX];
    uint64_t at; /* bytes so far */
};
void output_begin(struct output *output, const char *path, unsigned mode);
void output_write(struct output *output, const void *bytes, size_t count);
void output_end(struct output *output);

#endif

/* Shared by the files of this folder. */
#ifndef TOML_PRIVATE_H
#define TOML_PRIVATE_H

#include <stdarg.h>

#include <toml/toml.h>

struct toml_reader {
    const char *at, *end; /* at <= end; the text between was found free of control characters */
    unsigned line;
    const struct toml_schema *schema;
    char *target;
    struct toml_error *error;

    /* The table whose keys come now. */
    const struct toml_table *table;
    unsigned table_line;
    char *base;                 /* its structure */
    uint64_t keys_seen;         /* a bit for each key of the table */
    char name[TOML_NAME_BYTES]; /* the key that is being read */
};

/* Fills in the reader's error, for the key being read if there is one; returns false. */
bool toml_fail(struct toml_reader *reader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The same, for a line and a key or table that the caller names. */
bool toml_fail_at(struct toml_reader *reader, unsigned line, const char *key, const char *text);

/* Fails at the first byte that no document may have. */
bool toml_check_text(struct toml_reader *reader);

/* The next character, or -1 at the end. */
int toml_peek(const struct toml_reader *reader);
/* Skips `character` if it is the next one, and says whether it was. */
bool toml_skip(struct toml_reader *reader, char character);
/* Skips blanks and tabs. */
void toml_skip_blanks(struct toml_reader *reader);
/* Skips a comment, if one is next, up to the end of its line. */
void toml_skip_comment(struct toml_reader *reader);
/* A bare key into reader->name. */
bool toml_read_name(struct toml_reader *reader);

/* The value of `key` into its field. */
bool toml_read_value(struct toml_reader *reader, const struct toml_key *key);

#endif

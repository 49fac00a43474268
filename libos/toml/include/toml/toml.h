/*
 * A reader of a strict subset of TOML 1.0: a document of the subset means the same to every TOML
 * reader, and much of TOML is refused.
 *
 *   document   UTF-8; lines end with LF; no control characters but LF and tab
 *   line       empty | key = value | [table] | [[table]]; a comment, from # to the end of the line,
 *              may end each of them
 *   key, table 1 to 63 of A-Z a-z 0-9 _ -   (no quotes, no dots)
 *   value      string | integer | true | false | array
 *   string     "..." on one line, with the escapes \" \\ \n \t
 *   integer    decimal, - before it or nothing; no sign +, leading zeros or underscores; 64 bits
 *   array      [ ] with strings only or integers only, separated by commas, one comma may stand
 *              behind the last; line ends and comments may stand where blanks may
 *
 * Not in it: floats, dates, other strings, other bases, dotted and quoted keys, inline and nested
 * tables.
 *
 * What may stand in a document is said by a schema, and values go straight into a structure of the
 * caller's. Every name is looked up in the schema; nothing unknown is skipped.
 */
#ifndef TOML_TOML_H
#define TOML_TOML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOML_NAME_BYTES 64 /* of a key or table with its NUL */
#define TOML_KEYS_MAX   64 /* keys of one table of a schema */

enum toml_type {
    TOML_STRING,   /* char[room], ended by NUL */
    TOML_HEX,      /* uint8_t[room], from a string of exactly 2 * room digits 0-9 a-f */
    TOML_CHOICE,   /* int: the index of the string in `choices` */
    TOML_INTEGER,  /* int64_t, from `least` to `most` */
    TOML_BOOLEAN,  /* bool */
    TOML_STRINGS,  /* char[items][room], each ended by NUL */
    TOML_INTEGERS, /* int64_t[items], each from `least` to `most` */
};

/* A key of a table. Offsets are from the start of the table's structure. */
struct toml_key {
    const char *name;
    enum toml_type type;
    bool required;
    size_t offset;              /* of the field that gets the value */
    size_t room;                /* strings: bytes of the field, or of one element */
    size_t items;               /* arrays: elements of the field */
    size_t count_offset;        /* arrays: of a size_t that gets the number of elements */
    int64_t least, most;        /* integers */
    const char *const *choices; /* TOML_CHOICE: ended by NULL */
    /* Strings, if not NULL: what is wrong with `value`, or NULL. */
    const char *(*check)(const char *value);
};

/* A table. Offsets are from the start of the caller's structure. */
struct toml_table {
    const char *name;            /* NULL: the keys before the first header */
    const struct toml_key *keys; /* at most TOML_KEYS_MAX */
    size_t key_count;
    bool required;
    size_t offset;       /* of the table's structure; with items, of the first */
    size_t items;        /* 0: [name], at most once. Else [[name]], at most this many times */
    size_t item_bytes;   /* with items: from one structure to the next */
    size_t count_offset; /* of a size_t that gets how often the table stands (not where name is
                            NULL) */
};

struct toml_schema {
    const struct toml_table *tables; /* the first has the name NULL */
    size_t table_count;
};

struct toml_error {
    unsigned line;                 /* from 1 */
    char key[2 * TOML_NAME_BYTES]; /* key, [table] or table.key; "" where it is none of these */
    char text[160];                /* what is wrong */
};

/*
 * Reads `bytes` bytes of `text` into `target`. The caller has filled in what keys that are absent
 * mean; counts of tables are set to 0 first. True: all of it obeys the schema. False: `error` says
 * what does not, and `target` has been filled in part.
 */
bool toml_read(const char *text, size_t bytes, const struct toml_schema *schema, void *target,
               struct toml_error *error);

/* Writes "file:line: key: what is wrong" into `to` (size > 0; cut to fit, always ended by NUL). */
void toml_error_text(const struct toml_error *error, const char *file, char *to, size_t size);

#endif

/* Lines, headers, and which key of the schema a line is about. */
#include <stdio.h>
#include <string.h>

#include "private.h"

static size_t *
table_count(struct toml_reader *reader, const struct toml_table *table)
{
    return (size_t *)(void *)(reader->target + table->count_offset);
}

static const struct toml_table *
find_table(const struct toml_schema *schema, const char *name)
{
    for (size_t i = 1; i < schema->table_count; i++)
        if (strcmp(schema->tables[i].name, name) == 0)
            return &schema->tables[i];
    return NULL;
}

/* Nothing but blanks and a comment may stand on the rest of the line. */
static bool
end_line(struct toml_reader *reader)
{
    toml_skip_blanks(reader);
    toml_skip_comment(reader);
    if (toml_peek(reader) >= 0 && !toml_skip(reader, '\n'))
        return toml_fail(reader, "only a comment may stand on the rest of the line");
    reader->name[0] = 0;
    return true;
}

/* The table that was read must have had all that its schema requires. */
static bool
leave_table(struct toml_reader *reader)
{
    const struct toml_table *table = reader->table;
    for (size_t i = 0; i < table->key_count; i++) {
        if (table->keys[i].required && !(reader->keys_seen & (1ull << i))) {
            reader->line = reader->table_line;
            snprintf(reader->name, sizeof(reader->name), "%s", table->keys[i].name);
            return toml_fail(reader, "the key is missing");
        }
    }
    return true;
}

static bool
enter_table(struct toml_reader *reader, const struct toml_table *table, bool repeated)
{
    size_t *count = table_count(reader, table), most = table->items ? table->items : 1;
    if (repeated != (table->items != 0))
        return toml_fail_at(reader, reader->line, table->name,
                            repeated ? "must be [...], not [[...]]" : "must be [[...]], not [...]");
    if (*count == most)
        return toml_fail_at(reader, reader->line, table->name,
                            repeated ? "there are too many of these tables"
                                     : "the table stands twice");
    reader->table = table;
    reader->table_line = reader->line;
    reader->base = reader->target + table->offset + *count * table->item_bytes;
    reader->keys_seen = 0;
    ++*count;
    return true;
}

/* Behind a line's first [. */
static bool
read_header(struct toml_reader *reader)
{
    bool repeated = toml_skip(reader, '[');
    if (!leave_table(reader))
        return false;
    reader->table = &reader->schema->tables[0]; /* what is wrong now is not in the old table */
    toml_skip_blanks(reader);
    if (!toml_read_name(reader))
        return false;
    const struct toml_table *table = find_table(reader->schema, reader->name);
    if (!table)
        return toml_fail_at(reader, reader->line, reader->name, "unknown table");
    toml_skip_blanks(reader);
    if (!toml_skip(reader, ']') || (repeated && !toml_skip(reader, ']')))
        return toml_fail_at(reader, reader->line, reader->name, "the header has no end");
    reader->name[0] = 0;
    return enter_table(reader, table, repeated);
}

static bool
read_pair(struct toml_reader *reader)
{
    size_t i = 0;
    if (!toml_read_name(reader))
        return false;
    while (i < reader->table->key_count && strcmp(reader->table->keys[i].name, reader->name) != 0)
        i++;
    if (i == reader->table->key_count)
        return toml_fail(reader, "unknown key");
    if (reader->keys_seen & (1ull << i))
        return toml_fail(reader, "the key stands twice");
    reader->keys_seen |= 1ull << i;
    toml_skip_blanks(reader);
    if (!toml_skip(reader, '='))
        return toml_fail(reader, "= must stand behind a key");
    toml_skip_blanks(reader);
    return toml_read_value(reader, &reader->table->keys[i]);
}

static bool
read_line(struct toml_reader *reader)
{
    toml_skip_blanks(reader);
    int first = toml_peek(reader);
    bool fine = first < 0 || first == '\n' || first == '#' ||
                (toml_skip(reader, '[') ? read_header(reader) : read_pair(reader));
    return fine && end_line(reader);
}

static bool
check_tables(struct toml_reader *reader)
{
    for (size_t i = 1; i < reader->schema->table_count; i++) {
        const struct toml_table *table = &reader->schema->tables[i];
        if (table->required && *table_count(reader, table) == 0)
            return toml_fail_at(reader, reader->line, table->name, "the table is missing");
    }
    return true;
}

bool
toml_read(const char *text, size_t bytes, const struct toml_schema *schema, void *target,
          struct toml_error *error)
{
    struct toml_reader reader = {
        .at = text,
        .end = text + bytes,
        .line = 1,
        .schema = schema,
        .target = target,
        .error = error,
        .table = &schema->tables[0],
        .table_line = 1,
        .base = (char *)target + schema->tables[0].offset,
    };
    for (size_t i = 1; i < schema->table_count; i++)
        *table_count(&reader, &schema->tables[i]) = 0;
    if (!toml_check_text(&reader))
        return false;
    while (reader.at < reader.end)
        if (!read_line(&reader))
            return false;
    return leave_table(&reader) && check_tables(&reader);
}

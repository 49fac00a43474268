/*
 * Any text through the TOML reader, under a schema with every type. What is accepted obeys the
 * bounds of the schema; what is refused says where.
 *
 * config: runs=2000000 max_len=512
 */
#include <stdlib.h>
#include <string.h>

#include <toml/toml.h>

struct item {
    char name[8];
    int64_t size;
};

struct document {
    char text[16];
    uint8_t hex[4];
    int choice;
    int64_t number;
    bool flag;
    char words[3][6];
    size_t word_count;
    int64_t numbers[3];
    size_t number_count;
    struct item one;
    size_t ones;
    struct item items[2];
    size_t item_count;
};

static const char *const choices[] = {"slow", "fast", NULL};

static const struct toml_key keys[] = {
    {"text", TOML_STRING, .offset = offsetof(struct document, text), .room = 16},
    {"hex", TOML_HEX, .offset = offsetof(struct document, hex), .room = 4},
    {"choice", TOML_CHOICE, .offset = offsetof(struct document, choice), .choices = choices},
    {"number", TOML_INTEGER, .offset = offsetof(struct document, number), .least = -9, .most = 99},
    {"flag", TOML_BOOLEAN, .offset = offsetof(struct document, flag)},
    {"words", TOML_STRINGS, .offset = offsetof(struct document, words), .room = 6, .items = 3,
     .count_offset = offsetof(struct document, word_count)},
    {"numbers", TOML_INTEGERS, .offset = offsetof(struct document, numbers), .items = 3,
     .count_offset = offsetof(struct document, number_count), .least = 0, .most = 9},
};
static const struct toml_key item_keys[] = {
    {"name", TOML_STRING, .offset = offsetof(struct item, name), .room = 8, .required = true},
    {"size", TOML_INTEGER, .offset = offsetof(struct item, size), .most = 9},
};
static const struct toml_table tables[] = {
    {.keys = keys, .key_count = sizeof(keys) / sizeof(keys[0])},
    {.name = "one",
     .keys = item_keys,
     .key_count = 2,
     .offset = offsetof(struct document, one),
     .count_offset = offsetof(struct document, ones)},
    {.name = "item",
     .keys = item_keys,
     .key_count = 2,
     .items = 2,
     .item_bytes = sizeof(struct item),
     .offset = offsetof(struct document, items),
     .count_offset = offsetof(struct document, item_count)},
};
static const struct toml_schema schema = {tables, 3};

static void
require(bool condition)
{
    if (!condition)
        abort();
}

static void
check(const struct document *document)
{
    require(strlen(document->text) < 16 && document->choice <= 1);
    require(document->number >= -9 && document->number <= 99);
    require(document->word_count <= 3 && document->number_count <= 3);
    for (size_t i = 0; i < document->word_count; i++)
        require(memchr(document->words[i], 0, 6) != NULL);
    for (size_t i = 0; i < document->number_count; i++)
        require(document->numbers[i] >= 0 && document->numbers[i] <= 9);
    require(document->ones <= 1 && document->item_count <= 2);
    for (size_t i = 0; i < document->item_count; i++)
        require(memchr(document->items[i].name, 0, 8) != NULL && document->items[i].size <= 9);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct document document = {0};
    struct toml_error error = {0};
    char text[300];
    if (toml_read((const char *)data, size, &schema, &document, &error)) {
        check(&document);
    } else {
        require(error.line > 0 && error.text[0]);
        toml_error_text(&error, "input", text, sizeof(text));
    }
    return 0;
}

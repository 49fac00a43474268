/* libos/toml: what the subset means, and a refusal, with line and key, for everything else. */
#include <stdlib.h>
#include <string.h>

#include <toml/toml.h>

#include "tap.h"

struct disk {
    char name[8];
    int64_t size;
};

struct document {
    char title[16];
    uint8_t digest[2];
    int mode;
    int64_t number;
    bool flag;
    char words[3][6];
    size_t word_count;
    int64_t numbers[3];
    size_t number_count;
    int64_t limit;
    size_t limits_tables;
    struct disk disks[2];
    size_t disk_count;
};

static const char *
refuse_slash(const char *value)
{
    return strchr(value, '/') ? "no slash, please" : NULL;
}

static const char *const modes[] = {"slow", "fast", NULL};

#define FIELD(structure, field) \
    .offset = offsetof(structure, field), .room = sizeof(((structure *)0)->field)

static const struct toml_key top_keys[] = {
    {"title", TOML_STRING, FIELD(struct document, title), .required = true, .check = refuse_slash},
    {"digest", TOML_HEX, FIELD(struct document, digest)},
    {"mode", TOML_CHOICE, FIELD(struct document, mode), .choices = modes},
    {"number", TOML_INTEGER, FIELD(struct document, number), .least = INT64_MIN, .most = INT64_MAX},
    {"flag", TOML_BOOLEAN, FIELD(struct document, flag)},
    {"words", TOML_STRINGS, .offset = offsetof(struct document, words), .room = 6, .items = 3,
     .count_offset = offsetof(struct document, word_count), .check = refuse_slash},
    {"numbers", TOML_INTEGERS, .offset = offsetof(struct document, numbers), .items = 3,
     .count_offset = offsetof(struct document, number_count), .least = -5, .most = 5},
};
static const struct toml_key limit_keys[] = {
    {"limit", TOML_INTEGER, FIELD(struct document, limit), .least = 1, .most = 9, .required = true},
};
static const struct toml_key disk_keys[] = {
    {"name", TOML_STRING, FIELD(struct disk, name), .required = true},
    {"size", TOML_INTEGER, FIELD(struct disk, size), .most = 100},
};
static const struct toml_table tables[] = {
    {.name = NULL, .keys = top_keys, .key_count = sizeof(top_keys) / sizeof(top_keys[0])},
    {.name = "limits",
     .keys = limit_keys,
     .key_count = 1,
     .count_offset = offsetof(struct document, limits_tables)},
    {.name = "disk",
     .keys = disk_keys,
     .key_count = 2,
     .offset = offsetof(struct document, disks),
     .items = 2,
     .item_bytes = sizeof(struct disk),
     .count_offset = offsetof(struct document, disk_count)},
};
static const struct toml_schema schema = {tables, 3};

static struct document document;
static struct toml_error error;

/* A copy of exactly that size, so that the sanitizer sees a read past its end. */
static bool
read_bytes(const char *text, size_t bytes)
{
    char *copy = malloc(bytes ? bytes : 1);
    memcpy(copy, text, bytes);
    memset(&document, 0, sizeof(document));
    memset(&error, 0, sizeof(error));
    bool fine = toml_read(copy, bytes, &schema, &document, &error);
    free(copy);
    return fine;
}

static bool
read(const char *text)
{
    return read_bytes(text, strlen(text));
}

/* Whether the document, behind a correct title, is refused on this line and key in these words. */
static bool
refused(const char *text, const char *place)
{
    char all[512], where[512];
    snprintf(all, sizeof(all), "title = \"t\"\n%s", text);
    if (read(all))
        return false;
    toml_error_text(&error, "f", where, sizeof(where));
    if (strstr(where, place) == where)
        return true;
    printf("# %s\n", where);
    return false;
}

static void
values_arrive_in_their_fields(void)
{
    CHECK(read("# a comment\n\ntitle = \"a \\\"b\\\" \\\\\\n\\t#\" # another\n"
               "digest = \"0aff\"\nmode=\"fast\"\n\tnumber\t= -12 \nflag = true\n"
               "words = [\"one\", \"two\"]\nnumbers = [\n  1, # first\n  -5,\n]\n"
               "[limits]\nlimit = 9\n"
               "[[disk]]\nname = \"a\"\nsize = 0\n[[ disk ]]\nname = \"b\"\nsize = 100"));
    CHECK(strcmp(document.title, "a \"b\" \\\n\t#") == 0);
    CHECK(document.digest[0] == 0x0a && document.digest[1] == 0xff);
    CHECK_EQ(document.mode, 1);
    CHECK_EQ(document.number, -12);
    CHECK(document.flag);
    CHECK_EQ(document.word_count, 2);
    CHECK(strcmp(document.words[0], "one") == 0 && strcmp(document.words[1], "two") == 0);
    CHECK_EQ(document.number_count, 2);
    CHECK(document.numbers[0] == 1 && document.numbers[1] == -5);
    CHECK_EQ(document.limits_tables, 1);
    CHECK_EQ(document.limit, 9);
    CHECK_EQ(document.disk_count, 2);
    CHECK(strcmp(document.disks[1].name, "b") == 0 && document.disks[1].size == 100);
}

static void
absent_keys_keep_what_the_caller_set(void)
{
    static const char text[] = "title = \"t\"\n";
    document = (struct document){.number = 7, .limits_tables = 3, .disk_count = 3};
    CHECK(toml_read(text, sizeof(text) - 1, &schema, &document, &error));
    CHECK_EQ(document.number, 7);
    CHECK_EQ(document.limits_tables, 0);
    CHECK_EQ(document.disk_count, 0);
}

static void
integers_reach_both_ends_of_64_bits(void)
{
    CHECK(read("title = \"t\"\nnumber = 9223372036854775807\n"));
    CHECK(document.number == INT64_MAX);
    CHECK(read("title = \"t\"\nnumber = -9223372036854775808\n"));
    CHECK(document.number == INT64_MIN);
    CHECK(read("title = \"t\"\nnumber = 0\n") && read("title = \"t\"\nnumber = -0\n"));
}

static void
empty_values_are_values(void)
{
    CHECK(read("title = \"\"\nwords = []\nnumbers = [ # none\n ]"));
    CHECK(document.title[0] == 0 && document.word_count == 0 && document.number_count == 0);
}

static void
a_string_may_be_any_utf8_that_fits(void)
{
    CHECK(read("title = \"\xc3\xa9\xe2\x82\xac\xf0\x9f\x99\x82......\""));
    CHECK_EQ(strlen(document.title), 15);
}

static void
an_unknown_key_is_refused(void)
{
    CHECK(refused("titel = 1\n", "f:2: titel: unknown key"));
    CHECK(refused("Title = 1\n", "f:2: Title: unknown key"));
    CHECK(refused("[limits]\nlimit = 1\ntitle = \"t\"\n", "f:4: limits.title: unknown key"));
    CHECK(refused("tit = 1\n", "f:2: tit: unknown key"));
}

static void
an_unknown_table_is_refused(void)
{
    CHECK(refused("\n[limit]\n", "f:3: limit: unknown table"));
    CHECK(refused("[[limit]]\n", "f:2: limit: unknown table"));
}

static void
a_repeated_key_is_refused(void)
{
    CHECK(refused("title = \"u\"\n", "f:2: title: the key stands twice"));
    CHECK(refused("[limits]\nlimit = 1\nlimit = 1\n", "f:4: limits.limit: the key stands twice"));
}

static void
a_repeated_table_is_refused(void)
{
    CHECK(refused("[limits]\nlimit = 1\n[limits]\n", "f:4: limits: the table stands twice"));
    CHECK(refused("[[disk]]\nname=\"a\"\n[[disk]]\nname=\"b\"\n[[disk]]\n",
                  "f:6: disk: there are too many"));
}

static void
tables_and_lists_of_tables_are_not_exchanged(void)
{
    CHECK(refused("[[limits]]\n", "f:2: limits: must be [...]"));
    CHECK(refused("[disk]\n", "f:2: disk: must be [[...]]"));
}

static void
a_missing_key_is_named_with_its_table(void)
{
    CHECK(!read("flag = true\n"));
    CHECK(strcmp(error.key, "title") == 0 && error.line == 1);
    CHECK(refused("[limits]\n\n", "f:2: limits.limit: the key is missing"));
    CHECK(
        refused("[[disk]]\nname=\"a\"\n[[disk]]\nsize=1\n", "f:4: disk.name: the key is missing"));
    CHECK(refused("[limits]\n[[disk]]\n", "f:2: limits.limit: the key is missing"));
}

static void
a_missing_table_is_named(void)
{
    struct toml_table strict[] = {tables[0], tables[1], tables[2]};
    const struct toml_schema with = {strict, 3};
    strict[1].required = true;
    CHECK(!toml_read("title=\"t\"", 9, &with, &document, &error));
    CHECK(strcmp(error.key, "limits") == 0 && strcmp(error.text, "the table is missing") == 0);
}

static void
a_wrong_type_is_refused(void)
{
    CHECK(refused("number = \"1\"\n", "f:2: number: must be an integer"));
    CHECK(refused("number = true\n", "f:2: number: must be an integer"));
    CHECK(refused("number = [1]\n", "f:2: number: must be an integer"));
    CHECK(refused("flag = 1\n", "f:2: flag: must be true or false"));
    CHECK(refused("flag = \"true\"\n", "f:2: flag: must be true or false"));
    CHECK(refused("mode = 1\n", "f:2: mode: must be a string"));
    CHECK(refused("digest = 1\n", "f:2: digest: must be a string"));
    CHECK(refused("words = \"one\"\n", "f:2: words: must be an array"));
    CHECK(refused("words = [1]\n", "f:2: words: must be a string"));
    CHECK(refused("numbers = [\"1\"]\n", "f:2: numbers: must be an integer"));
    CHECK(refused("numbers = [[1]]\n", "f:2: numbers: must be an integer"));
    CHECK(refused("number =\n", "f:2: number: must be an integer"));
}

static void
values_out_of_bounds_are_refused(void)
{
    CHECK(refused("[limits]\nlimit = 0\n", "f:3: limits.limit: 0 is not from 1 to 9"));
    CHECK(refused("[limits]\nlimit = 10\n", "f:3: limits.limit: 10 is not from 1 to 9"));
    CHECK(refused("numbers = [6]\n", "f:2: numbers: 6 is not from -5 to 5"));
    CHECK(refused("numbers = [1,2,3,4]\n", "f:2: numbers: more than 3 elements"));
    CHECK(refused("words = [\"123456\"]\n", "f:2: words: the string is longer than 5 bytes"));
    CHECK(refused("mode = \"medium\"\n", "f:2: mode: \"medium\" is none of"));
    CHECK(refused("words = [\"a/\"]\n", "f:2: words: no slash, please"));
    CHECK(refused("[[disk]]\nname = \"a/b/c/de\"\n", "f:3: disk.name: the string is longer"));
}

static void
a_string_takes_only_what_fits_and_passes_its_check(void)
{
    CHECK(read("title = \"123456789012345\""));
    CHECK(!read("title = \"1234567890123456\"") && strstr(error.text, "longer than 15 bytes"));
    CHECK(!read("title = \"a/b\"") && strcmp(error.text, "no slash, please") == 0);
}

static void
hexadecimal_has_one_spelling(void)
{
    CHECK(refused("digest = \"0AFF\"\n", "f:2: digest: must be 4 digits"));
    CHECK(refused("digest = \"0af\"\n", "f:2: digest: must be 4 digits"));
    CHECK(refused("digest = \"0aff0\"\n", "f:2: digest: must be 4 digits"));
    CHECK(refused("digest = \"0ag0\"\n", "f:2: digest: must be 4 digits"));
    CHECK(refused("digest = \"0a", "f:2: digest: must be 4 digits"));
}

static void
numbers_of_other_forms_are_refused(void)
{
    CHECK(refused("number = +1\n", "f:2: number: must be an integer"));
    CHECK(refused("number = 01\n", "f:2: number: a number begins with 0"));
    CHECK(refused("number = -00\n", "f:2: number: a number begins with 0"));
    CHECK(refused("number = -\n", "f:2: number: must be an integer"));
    CHECK(refused("number = 1_000\n", "f:2: number: only a comment"));
    CHECK(refused("number = 0x10\n", "f:2: number: only a comment"));
    CHECK(refused("number = 1.5\n", "f:2: number: only a comment"));
    CHECK(refused("number = 1e5\n", "f:2: number: only a comment"));
    CHECK(refused("number = 9223372036854775808\n", "f:2: number: the number does not fit"));
    CHECK(refused("number = -9223372036854775809\n", "f:2: number: the number does not fit"));
    CHECK(refused("number = 99999999999999999999\n", "f:2: number: the number does not fit"));
}

static void
strings_of_other_forms_are_refused(void)
{
    CHECK(refused("mode = 'fast'\n", "f:2: mode: must be a string"));
    CHECK(refused("mode = \"\"\"fast\"\"\"\n", "f:2: mode: \"\" is none"));
    CHECK(refused("words = [\"a\n\"]\n", "f:2: words: the string does not end on its line"));
    CHECK(refused("words = [\"a", "f:2: words: the string does not end on its line"));
    CHECK(refused("words = [\"\\u0041\"]\n", "f:2: words: an escape other than"));
    CHECK(refused("words = [\"\\", "f:2: words: an escape other than"));
}

static void
arrays_need_commas_and_an_end(void)
{
    CHECK(refused("numbers = [1 2]\n", "f:2: numbers: a comma or ]"));
    CHECK(refused("numbers = [,]\n", "f:2: numbers: must be an integer"));
    CHECK(refused("numbers = [1,,2]\n", "f:2: numbers: must be an integer"));
    CHECK(refused("numbers = [1,\n", "f:3: numbers: must be an integer"));
    CHECK(refused("numbers = [1\n\n", "f:4: numbers: a comma or ]"));
}

static void
lines_hold_one_thing(void)
{
    CHECK(refused("flag = true number = 1\n", "f:2: flag: only a comment"));
    CHECK(refused("flag true\n", "f:2: flag: = must stand behind a key"));
    CHECK(refused("[limits] limit = 1\n", "f:2: limits: only a comment"));
    CHECK(refused("= 1\n", "f:2: a name of"));
    CHECK(refused("\"flag\" = true\n", "f:2: a name of"));
    CHECK(refused("limits.limit = 1\n", "f:2: limits: unknown key"));
}

static void
headers_need_a_name_and_an_end(void)
{
    CHECK(refused("[limits\n", "f:2: limits: the header has no end"));
    CHECK(refused("[[disk]\n", "f:2: disk: the header has no end"));
    CHECK(refused("[[disk] ]\n", "f:2: disk: the header has no end"));
    CHECK(refused("[]\n", "f:2: a name of"));
    CHECK(refused("[limits.limit]\n", "f:2: limits: the header has no end"));
    CHECK(refused("[", "f:2: a name of"));
}

static void
names_are_bounded(void)
{
    CHECK(refused("a23456789012345678901234567890123456789012345678901234567890123 = 1\n",
                  "f:2: a23456789012345678901234567890123456789012345678901234567890123: unknown"));
    CHECK(refused("a234567890123456789012345678901234567890123456789012345678901234 = 1\n",
                  "f:2: a23456789012345678901234567890123456789012345678901234567890123: a name"));
}

static void
control_characters_are_refused(void)
{
    CHECK(refused("flag = true\r\n", "f:2: control character 0x0d"));
    CHECK(refused("\n# \x01\n", "f:3: control character 0x01"));
    CHECK(refused("# \x7f\n", "f:2: control character 0x7f"));
    CHECK(!read_bytes("title = \"\0\"", 11) && strstr(error.text, "control character 0x00"));
}

static void
text_that_is_not_utf8_is_refused(void)
{
    static const char *const wrong[] = {"\x80",
                                        "\xc0\xaf",
                                        "\xc1\xbf",
                                        "\xe0\x9f\xbf",
                                        "\xed\xa0\x80",
                                        "\xf0\x8f\xbf\xbf",
                                        "\xf4\x90\x80\x80",
                                        "\xf5\x80\x80\x80",
                                        "\xff",
                                        "\xe2\x82",
                                        "\xf0\x9f\x99",
                                        "\xc3",
                                        "\xe2\x82\x28",
                                        "\xc3("};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char text[32];
        snprintf(text, sizeof(text), "# %s", wrong[i]);
        CHECK(refused(text, "f:2: byte 0x"));
    }
    CHECK(refused("\xef\xbb\xbf"
                  "flag = true\n",
                  "f:2: a name of")); /* a byte-order mark */
}

static void
every_prefix_of_a_document_is_read_within_its_bytes(void)
{
    static const char text[] = "title = \"t\"\nwords = [\"a\", # b\n \"c\"]\nflag = false\n"
                               "number = -1\n[limits]\nlimit = 1\n[[disk]]\nname = \"\\n\"\n";
    for (size_t bytes = 0; bytes < sizeof(text); bytes++)
        read_bytes(text, bytes); /* the sanitizers watch */
    CHECK(read(text));
}

static const struct tap_test tests[] = {
    TAP(values_arrive_in_their_fields),
    TAP(absent_keys_keep_what_the_caller_set),
    TAP(integers_reach_both_ends_of_64_bits),
    TAP(empty_values_are_values),
    TAP(a_string_may_be_any_utf8_that_fits),
    TAP(an_unknown_key_is_refused),
    TAP(an_unknown_table_is_refused),
    TAP(a_repeated_key_is_refused),
    TAP(a_repeated_table_is_refused),
    TAP(tables_and_lists_of_tables_are_not_exchanged),
    TAP(a_missing_key_is_named_with_its_table),
    TAP(a_missing_table_is_named),
    TAP(a_wrong_type_is_refused),
    TAP(values_out_of_bounds_are_refused),
    TAP(a_string_takes_only_what_fits_and_passes_its_check),
    TAP(hexadecimal_has_one_spelling),
    TAP(numbers_of_other_forms_are_refused),
    TAP(strings_of_other_forms_are_refused),
    TAP(arrays_need_commas_and_an_end),
    TAP(lines_hold_one_thing),
    TAP(headers_need_a_name_and_an_end),
    TAP(names_are_bounded),
    TAP(control_characters_are_refused),
    TAP(text_that_is_not_utf8_is_refused),
    TAP(every_prefix_of_a_document_is_read_within_its_bytes),
};

TAP_MAIN(tests)

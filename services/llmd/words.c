/* Words of the command line: one table. */
#include "words.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define NAME_BYTES 48u /* of what is shown of a word, with its zero */

static const struct word {
    const char *name, *programs;
    size_t longest; /* bytes of the value; 0: it is a number, and ... */
    uint64_t least, most;
    const char *wanted;
} words[] = {
    {"answers", "llmd", 0, 1, 32, "a number from 1 to 32"},
    {"bench", "llm", 0, 0, 1, "0 or 1"},
    {"bundle", "llmd llm", 47, 0, 0, "the name of a bundle, of 1 to 47 letters"},
    {"cache", "llmd", 0, 0, 65536, "a number of MiB from 0 to 65536"},
    {"kernel", "llmd llm", 31, 0, 0, "the name of kernels, of 1 to 31 letters"},
    {"n", "llm", 15, 0, 0, "a number of tokens"},
    {"precision", "llmd llm", 31, 0, 0, "default or reference"},
    {"prompt", "llm", WORDS_BYTES_MAX, 0, 0, "a text"},
    {"queue", "llmd", 0, 0, 1024, "a number from 0 to 1024"},
    {"unsigned", "llmd llm", 0, 0, 1, "0 or 1"},
    {"url", "llmd", 63, 0, 0, "a URL of 1 to 63 letters"},
    {"workers", "llmd llm", 0, 1, 8, "a number from 1 to 8"},
};
#define WORDS (sizeof words / sizeof *words)

/* A word of the line, or a part of it: not ended by 0. */
struct span {
    const char *at;
    size_t length;
};

struct shown {
    char text[NAME_BYTES];
};

static struct shown
show(struct span span)
{
    struct shown shown = {""};
    memcpy(shown.text, span.at, span.length < NAME_BYTES ? span.length : NAME_BYTES - 1);
    return shown;
}

static bool
is_of(const char *programs, const char *program)
{
    size_t length = strlen(program);
    while (*programs != '\0') {
        size_t next = strcspn(programs, " ");
        if (next == length && memcmp(programs, program, length) == 0)
            return true;
        programs += next + (programs[next] == ' ');
    }
    return false;
}

/* The number of the word that has this name; WORDS: the program knows none. */
static size_t
find(struct span name, const char *program)
{
    size_t i = 0;
    while (i < WORDS &&
           (strlen(words[i].name) != name.length ||
            memcmp(words[i].name, name.at, name.length) != 0 || !is_of(words[i].programs, program)))
        i++;
    return i;
}

/* Ten digits and more are above every limit. */
static bool
is_number(struct span value, uint64_t least, uint64_t most)
{
    uint64_t number = 0;
    for (size_t i = 0; i < value.length; i++) {
        if (value.at[i] < '0' || value.at[i] > '9')
            return false;
        number = number > most ? number : number * 10 + (uint64_t)(value.at[i] - '0');
    }
    return value.length > 0 && number >= least && number <= most;
}

static bool
can_be_meant(const struct word *word, struct span value)
{
    return word->longest == 0 ? is_number(value, word->least, word->most)
                              : value.length > 0 && value.length <= word->longest;
}

static int
refuse_name(const char *shown, const char *program, struct engine_error *error)
{
    char list[96] = "";
    for (size_t i = 0; i < WORDS; i++)
        if (is_of(words[i].programs, program)) {
            strcat(list, " ");
            strcat(list, words[i].name);
        }
    return engine_fail(error, ENGINE_E_ARGUMENT, "%s.%s: no such word; there are:%s", program,
                       shown, list);
}

/* One word without the program's name; `seen` has a bit for each that came. */
static int
check(struct span text, const char *program, uint32_t *seen, struct engine_error *error)
{
    const char *equals = memchr(text.at, '=', text.length);
    struct span name = {text.at, equals != NULL ? (size_t)(equals - text.at) : text.length};
    struct span value = {name.at + name.length + 1, text.length - name.length - 1};
    if (equals == NULL)
        value = (struct span){"", 0};
    size_t i = find(name, program);
    if (i == WORDS)
        return refuse_name(show(name).text, program, error);
    if (*seen & 1u << i)
        return engine_fail(error, ENGINE_E_ARGUMENT, "%s.%s: given twice", program, words[i].name);
    if (!can_be_meant(&words[i], value))
        return engine_fail(error, ENGINE_E_ARGUMENT, "%s.%s=%s: must be %s", program, words[i].name,
                           show(value).text, words[i].wanted);
    *seen |= 1u << i;
    return ENGINE_OK;
}

bool
words_check(const char *line, const char *program, struct engine_error *error)
{
    size_t length = strlen(program);
    uint32_t seen = 0;
    int status = ENGINE_OK;
    while (*line != '\0' && status == ENGINE_OK) {
        struct span word = {line, strcspn(line, " ")};
        line += word.length + (line[word.length] == ' ');
        if (word.length > length && memcmp(word.at, program, length) == 0 && word.at[length] == '.')
            status = check((struct span){word.at + length + 1, word.length - length - 1}, program,
                           &seen, error);
    }
    return status == ENGINE_OK;
}

/* Words of the command line: who means one gets it, and everything else is refused by its name. */
#include "words.h"

#include <string.h>

#include "tap.h"

static void
accept(const char *program, const char *line)
{
    struct engine_error error = {""};
    bool fine = words_check(line, program, &error);
    if (!fine)
        printf("# %s: %s\n", line, error.text);
    CHECK(fine);
}

static void
refuse(const char *program, const char *line, const char *expected)
{
    struct engine_error error = {""};
    CHECK(!words_check(line, program, &error));
    if (strcmp(error.text, expected) != 0)
        printf("# %s: %s\n", line, error.text);
    CHECK_EQ(strcmp(error.text, expected), 0);
}

static void
words_that_are_known_are_accepted(void)
{
    accept("llmd", "");
    accept("llmd", "llmd.bundle=default llmd.unsigned=0 llmd.url=http://127.0.0.1:8080 exo.test=1");
    accept("llmd", "  llmd.kernel=neon llmd.precision=default  llmd.workers=8 ");
    accept("llmd", "llmd.answers=32 llmd.queue=0 llmd.cache=65536");
    accept("llm", "llm.prompt=%20a=b llm.n=5 llm.bench=1 llm.bundle=raw llm.kernel=list");
}

static void
words_of_others_are_not_looked_at(void)
{
    accept("llmd", "llm.what=1 llm.n llmdx.y=2 llmd allmd.x=3 net.ip=bad");
    accept("llm", "llmd.what=1");
}

static void
unknown_words_are_refused_with_those_that_there_are(void)
{
    static const char *const there_are = ": no such word; there are: answers bundle cache kernel "
                                         "precision queue unsigned url workers";
    static const char *const names[] = {"anwers", "Answers", "prompt", "answers2", "answer", ""};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char line[64], expected[160];
        snprintf(line, sizeof line, "exo.test=1 llmd.%s=4 llmd.queue=2", names[i]);
        snprintf(expected, sizeof expected, "llmd.%s%s", names[i], there_are);
        refuse("llmd", line, expected);
    }
    refuse("llm", "llm.answers=4",
           "llm.answers: no such word; there are: bench bundle kernel n precision prompt unsigned "
           "workers");
}

static void
values_that_cannot_be_meant_are_refused_with_those_that_can(void)
{
    static const char *const numbers[] = {"",
                                          "0",
                                          "33",
                                          "4294967297",
                                          "18446744073709551617",
                                          "99999999999999999999999",
                                          "-1",
                                          "0x10",
                                          "4x",
                                          " 4",
                                          "+4",
                                          "four"};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char line[64], expected[160];
        snprintf(line, sizeof line, "llmd.answers=%s", numbers[i]);
        snprintf(expected, sizeof expected, "llmd.answers=%s: must be a number from 1 to 32",
                 numbers[i][0] == ' ' ? "" : numbers[i]);
        refuse("llmd", line, expected);
    }
    refuse("llmd", "llmd.answers", "llmd.answers=: must be a number from 1 to 32");
    refuse("llmd", "llmd.workers=9", "llmd.workers=9: must be a number from 1 to 8");
    refuse("llmd", "llmd.unsigned=yes", "llmd.unsigned=yes: must be 0 or 1");
    refuse("llmd", "llmd.kernel=", "llmd.kernel=: must be the name of kernels, of 1 to 31 letters");
    refuse("llmd", "llmd.bundle=a23456789012345678901234567890123456789012345678",
           "llmd.bundle=a2345678901234567890123456789012345678901234567: must be the name of a "
           "bundle, of 1 to 47 letters");
}

static void
a_word_that_is_there_twice_is_refused(void)
{
    refuse("llmd", "llmd.queue=1 net.ip=x llmd.queue=1", "llmd.queue: given twice");
}

static const struct tap_test tests[] = {
    TAP(words_that_are_known_are_accepted),
    TAP(words_of_others_are_not_looked_at),
    TAP(unknown_words_are_refused_with_those_that_there_are),
    TAP(values_that_cannot_be_meant_are_refused_with_those_that_can),
    TAP(a_word_that_is_there_twice_is_refused),
};
TAP_MAIN(tests)

/* Commands, options and their errors. */
#include <stdlib.h>
#include <string.h>

#include "tool.h"

const char tool_name[] = "bundle";

static const char usage[] =
    "usage: bundle keygen --name NAME -o BASE        makes BASE.key and BASE.pub\n"
    "       bundle make .../NAME/GENERATION [--kind model|app|system] [--verify eager|on-fault]\n"
    "                   [--layout LAYOUT --from FILE] [--weights FILE [--tokenizer FILE]] [FILE "
    "...]\n"
    "       bundle sign .../NAME/GENERATION --key BASE.key\n"
    "       bundle verify .../NAME/GENERATION|IMAGE --trust BASE.pub\n"
    "       bundle pack -o IMAGE .../NAME/GENERATION ...\n";

static _Noreturn void
fail_usage(const char *what, const char *word)
{
    fprintf(stderr, "bundle: %s: %s\n%s", word, what, usage);
    exit(2);
}

const char *
take_option(struct arguments *arguments, const char *option)
{
    const char *value = NULL;
    for (int i = 0; i < arguments->count;) {
        if (strcmp(arguments->words[i], option) != 0) {
            i++;
            continue;
        }
        if (value || i + 1 == arguments->count)
            fail_usage(value ? "given twice" : "its value is missing", option);
        value = arguments->words[i + 1];
        arguments->count -= 2;
        memmove(&arguments->words[i], &arguments->words[i + 2],
                (size_t)(arguments->count - i) * sizeof(arguments->words[0]));
    }
    return value;
}

const char *
need_option(struct arguments *arguments, const char *option)
{
    const char *value = take_option(arguments, option);
    if (!value)
        fail_usage("must be given", option);
    return value;
}

void
check_words(const struct arguments *arguments, int least, int most)
{
    for (int i = 0; i < arguments->count; i++)
        if (arguments->words[i][0] == '-')
            fail_usage("unknown option", arguments->words[i]);
    if (arguments->count < least)
        fail_usage("something is missing", "arguments");
    if (arguments->count > most)
        fail_usage("too much", arguments->words[most]);
}

int
main(int count, char **words)
{
    static const struct {
        const char *name;
        void (*run)(struct arguments *arguments);
    } commands[] = {
        {"keygen", command_keygen}, {"make", command_make}, {"sign", command_sign},
        {"verify", command_verify}, {"pack", command_pack},
    };
    if (count < 2)
        fail_usage("must be given", "command");
    struct arguments arguments = {count - 2, words + 2};
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(commands[i].name, words[1]) == 0) {
            commands[i].run(&arguments);
            return 0;
        }
    }
    fail_usage("no such command", words[1]);
}

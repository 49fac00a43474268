/* Commands. */
#include "tool.h"

#include <string.h>

static const char usage[] =
    "usage: gguf convert CHECKPOINT TOKENIZER OUT.gguf [f32|f16|q8_0|q4_0]\n"
    "       gguf quantise IN.gguf OUT.gguf f32|f16|q8_0|q4_0\n";

int
main(int count, char **words)
{
    static const struct {
        const char *name;
        int paths;
        const char *usual; /* target */
        void (*run)(char **paths, const struct target *target);
    } commands[] = {{"convert", 3, "f32", command_convert},
                    {"quantise", 2, NULL, command_quantise}};
    for (size_t i = 0; count > 1 && i < sizeof commands / sizeof *commands; i++) {
        int given = count - 2 - commands[i].paths;
        if (strcmp(commands[i].name, words[1]) != 0 || given > 1 || given < !commands[i].usual)
            continue;
        commands[i].run(words + 2, find_target(given == 1 ? words[count - 1] : commands[i].usual));
        return 0;
    }
    fputs(usage, stderr);
    return 2;
}

/* Writes a model with random weights: a llama2.c checkpoint of version 0, or 2 where a group is
 * given. */
#include <stdio.h>
#include <stdlib.h>

#include "random_model.h"

static const char usage[] =
    "usage: make-model OUT DIM HIDDEN LAYERS HEADS KV_HEADS VOCABULARY CONTEXT SEED [GROUP]\n";

int
main(int argc, char **argv)
{
    uint32_t numbers[9] = {0};
    size_t bytes;
    if (argc < 10 || argc > 11) {
        fputs(usage, stderr);
        return 2;
    }
    for (int i = 2; i < argc; i++)
        numbers[i - 2] = (uint32_t)strtoul(argv[i], NULL, 10);
    const struct random_shape shape = {numbers[0], numbers[1], numbers[2], numbers[3],
                                       numbers[4], numbers[5], numbers[6], .untied = false};
    uint8_t *model = random_model(&shape, numbers[7], &bytes);
    if (numbers[8] != 0)
        model = random_model_quantised(model, numbers[8], &bytes);
    FILE *file = fopen(argv[1], "wb");
    if (file == NULL || fwrite(model, 1, bytes, file) != bytes || fclose(file) != 0) {
        perror(argv[1]);
        return 1;
    }
    return 0;
}

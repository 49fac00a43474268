/*
 * Writes a model with random weights: a llama2.c checkpoint of version 0, or 2 where a group is
 * given. With the word zeros in place of a seed, all weights but the norms are a hole in the file,
 * which takes no time and no disk.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "random_model.h"

static const char usage[] =
    "usage: make-model OUT DIM HIDDEN LAYERS HEADS KV_HEADS VOCABULARY CONTEXT SEED [GROUP]\n"
    "       make-model OUT DIM HIDDEN LAYERS HEADS KV_HEADS VOCABULARY CONTEXT zeros GROUP\n";

static int
write_file(const char *path, const uint8_t *model, size_t count, size_t bytes)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(model, 1, count, file) != count || fflush(file) != 0 ||
        ftruncate(fileno(file), (off_t)bytes) != 0 || fclose(file) != 0) {
        perror(path);
        return 1;
    }
    return 0;
}

int
main(int argc, char **argv)
{
    uint32_t numbers[9] = {0};
    size_t bytes, head;
    bool zeros = argc == 11 && strcmp(argv[9], "zeros") == 0;
    if (argc < 10 || argc > 11) {
        fputs(usage, stderr);
        return 2;
    }
    for (int i = 2; i < argc; i++)
        numbers[i - 2] = (uint32_t)strtoul(argv[i], NULL, 10);
    const struct random_shape shape = {numbers[0], numbers[1], numbers[2], numbers[3],
                                       numbers[4], numbers[5], numbers[6], .untied = zeros};
    if (zeros) {
        uint8_t *model = model_head(&shape, numbers[8], &head, &bytes);
        return write_file(argv[1], model, head, bytes);
    }
    uint8_t *model = random_model(&shape, numbers[7], &bytes);
    if (numbers[8] != 0)
        model = random_model_quantised(model, numbers[8], &bytes);
    return write_file(argv[1], model, bytes, bytes);
}
